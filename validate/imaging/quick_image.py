"""One grey image by the shortest way: the file read at once, what its header says looked up where another file said the same, its pixels
taken where they lie or decoded at once. What is out of the ordinary is left to the longer way, which tests hold this against.

Most of the time that a small image takes is spent on asking a header the same thirty questions again. The answers depend on few
elements, which files of one device have in common: they are worked out once, by the longer way's own functions, and remembered by
the bytes of those elements.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from pydicom.datadict import dictionary_VR

from validate.imaging.codecs import CODECS, RLE, one_sample
from validate.imaging.codestream import is_whole, size
from validate.imaging.deflated import inflated, is_deflated
from validate.imaging.dicom_file import LARGEST_INFLATED
from validate.imaging.element_layout import LONG, UNDEFINED, Value
from validate.imaging.elements import Elements, scan
from validate.imaging.failure import DecodeFailure
from validate.imaging.file_meta import DEFLATED, TRANSFER_SYNTAX
from validate.imaging.fragments import one_frame
from validate.imaging.header_meaning import Meaning, meaning_of
from validate.imaging.pixel_header import KEYWORDS, OVERLAYS, SYNTAX_OF
from validate.imaging.quick_dataset import QuickDataset, element_of
from validate.imaging.reference_decoder import DECODER_ERRORS
from validate.imaging.stored_bits import only_stored_bits
from validate.imaging.volume import Volume

HEAD = 1 << 14  # bytes that hold the header of most images
LARGEST = 256 << 20  # bytes of a file that is read at once
PIXEL_DATA = 0x7FE00010
# Of one instance and where it lies: none of it changes what a single image's pixels mean.
OWN = ("SOPInstanceUID", "ImagePositionPatient", "ImageOrientationPatient", "SpecificCharacterSet", "SOPClassUID")
MOST_REMEMBERED = 4096

_REMEMBERED: dict[tuple[Any, ...], Meaning | None] = {}


def quick_image(path: Path) -> Volume | None:
    """The same as dicom.read_image gives; None where the longer way must be taken, which also says what is wrong."""
    content = _content(path)
    if content is None:
        return None
    try:
        return _volume(content)
    except (DecodeFailure, *DECODER_ERRORS):
        return None


def _volume(content: NDArray[np.uint8]) -> Volume | None:
    head = content[:HEAD].tobytes()
    if head[128:132] != b"DICM":
        return None
    if DEFLATED in head and is_deflated(head):
        content = np.frombuffer(bytearray(inflated(content.tobytes(), largest=LARGEST_INFLATED)), np.uint8)
        head = content[:HEAD].tobytes()
    elements = scan(cast("io.BytesIO", _Memory(content)), head, content.size, _wanted())
    if elements is None:
        return None
    meaning = _meaning(elements)
    if meaning is None:
        return None
    stored = _stored(content, elements, meaning)
    return None if stored is None else meaning.volume(stored)


def _content(path: Path) -> NDArray[np.uint8] | None:
    """The whole file; None of what is no plain file, or too large for this."""
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return None
    try:
        state = os.fstat(number)
        if not stat.S_ISREG(state.st_mode) or not 132 < state.st_size <= LARGEST:
            return None
        content = np.empty(state.st_size, np.uint8)
        with io.FileIO(number, "rb", closefd=False) as stream:
            return content if stream.readinto(content.data) == content.size else None
    except OSError:
        return None
    finally:
        os.close(number)


class _Memory:
    """What `scan` asks of a stream, of bytes in memory."""

    __slots__ = ("_at", "_content")

    def __init__(self, content: NDArray[np.uint8]) -> None:
        self._content, self._at = content, 0

    def seek(self, at: int) -> None:
        self._at = at

    def read(self, length: int) -> bytes:
        return self._content[self._at : self._at + length].tobytes()


@cache
def _wanted() -> frozenset[int]:
    return frozenset((*(element_of(keyword)[0] for keyword in KEYWORDS if keyword not in OWN), *OVERLAYS))


@cache
def _left_alone() -> frozenset[int]:
    """Elements that only the longer way understands: sequences, tables, overlays, many frames."""
    tags = {element_of(keyword)[0] for keyword in KEYWORDS if "Palette" in keyword or "Offset" in keyword}
    return frozenset(
        (*tags, *(tag for tag in _wanted() if tag not in OVERLAYS and dictionary_VR(tag) == "SQ"), *OVERLAYS)
    )


def _meaning(elements: Elements) -> Meaning | None:
    values = elements.values
    syntax = elements.meta.get(TRANSFER_SYNTAX, b"")
    key = (elements.implicit, elements.little, syntax, *values.items())
    try:
        return _REMEMBERED[key]
    except KeyError:
        pass
    meaning = None if _left_alone() & values.keys() else _worked_out(elements, values, syntax)
    if len(_REMEMBERED) >= MOST_REMEMBERED:
        _REMEMBERED.clear()
    _REMEMBERED[key] = meaning
    return meaning


def _worked_out(elements: Elements, values: Mapping[int, Value], syntax: bytes) -> Meaning | None:
    named = syntax.rstrip(b"\0 ").decode("ascii", "replace") or SYNTAX_OF[elements.implicit, elements.little]
    dataset = QuickDataset(
        dict(values),
        implicit=elements.implicit,
        little=elements.little,
        syntax=named,
        pixels=(PIXEL_DATA, None, 0, b""),
    )
    try:
        return meaning_of(dataset, named)
    except (DecodeFailure, *DECODER_ERRORS):
        return None


def _stored(content: NDArray[np.uint8], elements: Elements, meaning: Meaning) -> NDArray[Any] | None:
    at = elements.pixels_at
    announced = content[at : at + 12].tobytes()
    if len(announced) < 12:
        return None
    order = "little" if elements.little else "big"
    tag = int.from_bytes(announced[:2], order) << 16 | int.from_bytes(announced[2:4], order)  # type: ignore[arg-type]
    if tag != PIXEL_DATA or not (elements.implicit or announced[4:6] in LONG):
        return None
    start = at + (8 if elements.implicit else 12)
    length = int.from_bytes(announced[start - at - 4 : start - at], order)  # type: ignore[arg-type]
    if meaning.compressed:
        values = _decoded(content[start:], meaning) if length == UNDEFINED else None
    elif length == UNDEFINED or start + length > content.size or length < meaning.bytes:
        return None
    else:
        values = _where_they_lie(content, start, meaning)
    if values is None:
        return None
    if meaning.words:
        return only_stored_bits(values, meaning.bits, meaning.high, signed=meaning.signed)
    return values


def _where_they_lie(content: NDArray[np.uint8], start: int, meaning: Meaning) -> NDArray[Any]:
    plain = content[start : start + meaning.bytes]
    if not meaning.dtype.isnative:
        values = np.ndarray(meaning.shape.array, meaning.dtype, plain.data)
        return values.astype(meaning.dtype.newbyteorder("="))
    if start % meaning.dtype.itemsize or meaning.bytes * 2 < content.size:
        plain = plain.copy()  # so that nothing else of the file is kept with it
    return plain.view(meaning.dtype).reshape(meaning.shape.array)


def _decoded(content: NDArray[np.uint8], meaning: Meaning) -> NDArray[Any] | None:
    frame = one_frame(content)
    if frame is None or meaning.syntax not in CODECS:
        return None
    announced = (meaning.shape.rows, meaning.shape.columns)
    if meaning.syntax != RLE and not (is_whole(frame) and size(frame) in {None, announced}):
        return None
    return one_sample(frame, meaning.syntax, meaning.shape, signed=meaning.signed, bits=meaning.bits)
