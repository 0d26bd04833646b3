"""The overlay planes of a DICOM file: one bit a pixel, drawn on an image and not part of it (PS3.3 C.9.2)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from validate.imaging.declared import LARGEST, transfer_syntax
from validate.imaging.element_value import whole_number
from validate.imaging.pixel_header import whole_dataset
from validate.imaging.reader_warnings import silence_readers
from validate.imaging.volume import DecodeFailure

GROUPS = range(0x6000, 0x6020, 2)
KINDS = {"G": "graphics", "R": "region of interest"}
ROWS, COLUMNS, FRAMES, KIND, ORIGIN = 0x0010, 0x0011, 0x0015, 0x0040, 0x0050
FIRST, ALLOCATED, BIT, DATA = 0x0051, 0x0100, 0x0102, 0x3000


@dataclass(frozen=True, slots=True)
class Overlay:
    """One plane of a file.

    drawn : (frame, y, x) bool      origin : (row, column) of its first point in the image, counted from 1; may lie outside
    first : the frame of the image that its first frame lies on, counted from 1      kind : graphics, region of interest, or as written
    """

    group: int
    kind: str
    origin: tuple[int, int]
    first: int
    drawn: NDArray[np.bool_]


def read_overlays(path: Path) -> tuple[Overlay, ...]:
    """Every plane of a file, in the order of their groups. Raises DecodeFailure, as read_image does; decode:overlay where one of
    them can't be read."""
    silence_readers()
    dataset = whole_dataset(path)
    return tuple(_overlay(dataset, group) for group in GROUPS if (group, ROWS) in dataset)


def _overlay(dataset: Dataset, group: int) -> Overlay:
    rows, columns, frames = (_number(dataset, group, element, 0) for element in (ROWS, COLUMNS, FRAMES))
    frames = frames or 1
    if min(rows, columns, frames) < 1 or rows * columns * frames > LARGEST:
        raise _unreadable(f"{frames} frames of {rows} rows and {columns} columns")
    drawn = (
        _packed(dataset, group, (frames, rows, columns))
        if (group, DATA) in dataset
        else _embedded(dataset, group, (frames, rows, columns))
    )
    written = str(_value(dataset, group, KIND) or "").strip()
    origin = _value(dataset, group, ORIGIN)
    row, column = (int(part) for part in origin) if origin is not None and len(origin) == 2 else (1, 1)
    return Overlay(group, KINDS.get(written, written), (row, column), _number(dataset, group, FIRST, 1), drawn)


def _packed(dataset: Dataset, group: int, shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Bits one after another, the lowest of each byte first (PS3.5 8.1.2); in big endian files, of each word."""
    content = _value(dataset, group, DATA)
    count = int(np.prod(shape, dtype=np.int64))
    if not isinstance(content, bytes) or len(content) * 8 < count:
        held = len(content) if isinstance(content, bytes) else 0
        raise _unreadable(f"{held:,} bytes for {count:,} points")
    packed = np.frombuffer(content, np.uint8)
    if dataset.original_encoding[1] is False and dataset[group, DATA].VR == "OW":
        packed = packed[: packed.size // 2 * 2].reshape(-1, 2)[:, ::-1].ravel()
    return np.unpackbits(packed, bitorder="little", count=count).astype(np.bool_).reshape(shape)


def _embedded(dataset: Dataset, group: int, shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    """In a bit of the pixels' words that they do not use: retired, and still in archives (PS3.3-2003 C.9.2)."""
    allocated, bit = _number(dataset, group, ALLOCATED, 0), _number(dataset, group, BIT, 0)
    stored = whole_number(dataset, "BitsAllocated", 0)
    content = dataset.get("PixelData")
    if transfer_syntax(dataset).is_compressed or not isinstance(content, bytes):
        raise _unreadable("a plane inside of compressed pixels")
    if stored not in {8, 16, 32} or allocated != stored or not 0 <= bit < stored:
        raise _unreadable(f"bit {bit} of {allocated} bits in pixels of {stored}")
    order = ">" if dataset.original_encoding[1] is False else "<"
    words = np.frombuffer(content, np.dtype(f"{order}u{stored // 8}"))
    count = int(np.prod(shape, dtype=np.int64))
    if words.size < count:
        raise _unreadable(f"{words.size:,} pixels for {count:,} points")
    return ((words[:count] >> bit) & 1).astype(np.bool_).reshape(shape)


def _value(dataset: Dataset, group: int, element: int) -> Any:
    return dataset[group, element].value if (group, element) in dataset else None


def _number(dataset: Dataset, group: int, element: int, default: int) -> int:
    value = _value(dataset, group, element)
    try:
        return default if value is None or value == "" else int(value)
    except (TypeError, ValueError, OverflowError):
        raise _unreadable("a number that is none") from None


def _unreadable(what: str) -> DecodeFailure:
    return DecodeFailure("decode:overlay", f"An overlay plane of the file can't be read: {what}.")
