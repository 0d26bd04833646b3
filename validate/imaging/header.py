"""A DICOM header without its pixels, and what can be told of the pixels without reading them. All within bounds.

Read by pydicom. An index reads most headers by a quick pass of its own (header_facts.py) and comes here with the others.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO

import pydicom
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from validate.imaging.bounded import BoundedFile
from validate.imaging.dicom_file import InflatedFile, Pixels, open_dicom, pixels_of
from validate.imaging.element_layout import Value
from validate.imaging.failure import DecodeFailure
from validate.imaging.header_walk import DEEPEST, LONGEST, PER_FRAME, TELLING
from validate.imaging.in_time import SECONDS, TookTooLong, in_time
from validate.imaging.reader_warnings import silence_readers

__all__ = ["Header", "elements_of", "header_of", "open_dicom", "pixels_of", "read_header"]

LARGEST_HEADER = (
    16 << 20
)  # bytes that pydicom may read of one header; the quick pass keeps little and needs no such bound


@dataclass(frozen=True, slots=True)
class Header:
    """pixels : whether the file is long enough for the pixels that it announces; they may be damaged all the same."""

    dataset: FileDataset
    pixels: Pixels


def read_header(path: Path, tags: Sequence[int] | None = None) -> Header:
    """Everything before the pixels, or only these tags of it, within half a minute. Raises DecodeFailure; never reads text by force."""
    stream, head = open_dicom(path)
    with stream:
        try:
            return in_time(partial(header_of, stream, head, tags), SECONDS)
        except TookTooLong:
            detail = f"Reading the header took longer than {SECONDS:g} s."
            raise DecodeFailure("decode:header_timeout", detail) from None


def header_of(stream: BinaryIO, head: bytes, tags: Sequence[int] | None) -> Header:
    """The same of an opened file (dicom_file)."""
    silence_readers()
    stream.seek(0)
    bounded = BoundedFile(stream, most=LARGEST_HEADER)
    try:
        dataset = pydicom.dcmread(
            bounded,
            stop_before_pixels=True,
            force=head[128:132] != b"DICM",
            specific_tags=None if tags is None else list(tags),
        )
        if isinstance(stream, InflatedFile):
            dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        stream.seek(bounded.tell())
        return Header(dataset, pixels_of(stream, little=dataset.original_encoding[1] is not False))
    except DecodeFailure:
        raise
    except Exception as error:  # a hostile header may break the parser in any way
        raise DecodeFailure("decode:corrupt", f"The header can't be read ({type(error).__name__}).") from error


def elements_of(dataset: Dataset, sought: Container[int], depth: int = 0) -> Iterator[tuple[int, Value]]:
    """Of what pydicom read, the elements that the quick pass would have found (elements.Elements.found)."""
    for tag in sorted(dataset.keys()):
        try:
            yield from _element(dataset, tag, sought, depth)
        except Exception:  # noqa: BLE001 (one broken element; what it holds can't be known, so it counts as filled)
            yield int(tag), (b"UN", b"?")


def _element(dataset: Dataset, tag: BaseTag, sought: Container[int], depth: int) -> Iterator[tuple[int, Value]]:
    item = dataset.get_item(tag)
    kind = item.VR
    kept = kind is None or kind.encode() in TELLING or tag in sought or tag.is_private
    if isinstance(item, RawDataElement) and not (kind == "SQ" or (kind in {None, "UN"} and is_sequence(tag))):
        if kept:
            yield int(tag), (None if kind is None else kind.encode(), bytes(item.value or b"")[:LONGEST])
        return
    element = dataset[tag]
    if element.VR != "SQ":
        if kept:
            yield int(tag), (element.VR.encode(), _text(element.value))
        return
    yield int(tag), (b"SQ", b"x" if element.value else b"")
    if tag != PER_FRAME and depth < DEEPEST:
        for one in element.value:
            yield from elements_of(one, sought, depth + 1)


def _text(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value[:LONGEST]
    several = isinstance(value, MultiValue | list | tuple)
    text = "\\".join(map(str, value)) if several else str("" if value is None else value)
    return text.encode("utf-8", "replace")[:LONGEST]


@cache
def is_sequence(tag: int) -> bool:
    """Whether a tag that says nothing of its kind is known to hold a sequence."""
    try:
        return str(dictionary_VR(tag)) == "SQ"
    except KeyError:
        return False
