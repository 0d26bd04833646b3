"""A DICOM file for its pixels: the elements that say what they are and where, by the quick pass; else the whole by pydicom."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import BinaryIO, Literal, cast

import numpy as np
import pydicom
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import FileDataset

from validate.imaging.declared import PIXEL_KEYWORDS
from validate.imaging.dicom_file import DELIMITER, ITEM, UNDEFINED, InflatedFile, open_dicom, pixels_of
from validate.imaging.element_layout import LONG
from validate.imaging.elements import Elements, scan
from validate.imaging.failure import DecodeFailure
from validate.imaging.file_meta import TRANSFER_SYNTAX
from validate.imaging.frames import TELLING
from validate.imaging.quick_dataset import QuickDataset

KEYWORDS = (
    *("SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "Modality", "ImageType", "ImagePositionPatient"),
    *("ImageOrientationPatient", "PixelSpacing", "ImagerPixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    *("NumberOfFrames", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration"),
    *(
        "BitsAllocated",
        "BitsStored",
        "HighBit",
        "PixelRepresentation",
        "RescaleSlope",
        "RescaleIntercept",
        "RescaleType",
    ),
    *(
        "WindowCenter",
        "WindowWidth",
        "VOILUTFunction",
        "VOILUTSequence",
        "ModalityLUTSequence",
        "GridFrameOffsetVector",
    ),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "DetectorInformationSequence"),
    *(
        f"{colour}PaletteColorLookupTable{part}"
        for colour in ("Red", "Green", "Blue")
        for part in ("Descriptor", "Data")
    ),
    *(f"Segmented{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue")),
    *("ExtendedOffsetTable", "ExtendedOffsetTableLengths", "AlphaPaletteColorLookupTableData"),
)
OVERLAYS = range(0x60000010, 0x60200010, 0x20000)  # OverlayRows of each plane (PS3.3 C.9.2)
SYNTAX_OF = {
    (True, True): "1.2.840.10008.1.2",
    (False, True): "1.2.840.10008.1.2.1",
    (False, False): "1.2.840.10008.1.2.2",
}


def dataset_of(path: Path | bytes, *, asked: tuple[str, ...] = ()) -> FileDataset:
    """The elements that KEYWORDS and `asked` name, and the pixels. Raises DecodeFailure."""
    stream, head = open_dicom(path)
    with stream:
        try:
            return _quick(stream, head, asked, pixels=True) or _whole(stream, head)
        except (DecodeFailure, MemoryError):
            raise
        except Exception as error:  # a hostile header may break the parser in any way
            raise DecodeFailure("decode:corrupt", f"The header can't be read ({type(error).__name__}).") from error


def head_of(path: Path, *, asked: tuple[str, ...] = ()) -> FileDataset:
    """The same without the pixels. Raises DecodeFailure."""
    from validate.imaging.header import header_of

    stream, head = open_dicom(path)
    with stream:
        return _quick(stream, head, asked, pixels=False) or header_of(stream, head, None).dataset


def whole_dataset(path: Path) -> FileDataset:
    """Every element, by pydicom. Raises DecodeFailure."""
    stream, head = open_dicom(path)
    with stream:
        try:
            return _whole(stream, head)
        except (DecodeFailure, MemoryError):
            raise
        except Exception as error:  # a hostile header may break the parser in any way
            raise DecodeFailure("decode:corrupt", f"The header can't be read ({type(error).__name__}).") from error


@cache
def _wanted(asked: tuple[str, ...]) -> frozenset[int]:
    numbers = (tag_for_keyword(keyword) for keyword in (*KEYWORDS, *TELLING, *asked))
    return frozenset((*(int(number) for number in numbers if number is not None), *OVERLAYS))


def _quick(stream: BinaryIO, head: bytes, asked: tuple[str, ...], *, pixels: bool) -> FileDataset | None:
    """None where pydicom must read the file."""
    if isinstance(stream, InflatedFile):
        return None
    size = stream.seek(0, io.SEEK_END)
    found = scan(stream, head, size, _wanted(asked))
    if found is None:
        return None
    element = None
    if pixels:
        element = _pixels(stream, found, size)
        if element is None:
            return None
    named = found.meta.get(TRANSFER_SYNTAX, b"").rstrip(b"\0 ").decode("ascii", "replace")
    quick = QuickDataset(
        found.values,
        implicit=found.implicit,
        little=found.little,
        syntax=named or SYNTAX_OF[found.implicit, found.little],
        pixels=element,
    )
    return cast("FileDataset", quick)


def _pixels(stream: BinaryIO, found: Elements, size: int) -> tuple[int, bytes | None, int, bytes | memoryview] | None:
    """The pixels' element; None where the file ends before it, or in it, which pydicom's way explains."""
    stream.seek(found.pixels_at)
    order: Literal["little", "big"] = "little" if found.little else "big"
    announced = stream.read(8 if found.implicit else 12)
    if len(announced) < 8:
        return None
    kind = None if found.implicit else announced[4:6]
    if kind is not None and kind not in LONG:
        return None
    tag = int.from_bytes(announced[:2], order) << 16 | int.from_bytes(announced[2:4], order)
    length = int.from_bytes(announced[-4:], order)
    start = stream.tell()
    if length == UNDEFINED:
        content = stream.read(size - start)
        end = _end(content)
        return None if end is None else (tag, kind, length, content[:end])
    if start + length > size:
        return None
    room = np.empty(length, np.uint8).data  # which an array may be laid over and written to
    return (tag, kind, length, room) if stream.readinto(room) == length else None  # type: ignore[attr-defined]


def _end(content: bytes) -> int | None:
    """Where the sequence of fragments is closed (PS3.5 A.4)."""
    at = 0
    while content[at : at + 4] == ITEM:
        at += 8 + int.from_bytes(content[at + 4 : at + 8], "little")
    return at if content[at : at + 4] == DELIMITER else None


def _whole(stream: BinaryIO, head: bytes) -> FileDataset:
    stream.seek(0)
    force = head[128:132] != b"DICM"
    dataset = pydicom.dcmread(stream, force=force)
    if any(keyword in dataset for keyword in PIXEL_KEYWORDS):
        return dataset
    # The reader drops what was cut off. Whether there never were pixels shows where they would begin.
    stream.seek(0)
    pydicom.dcmread(stream, stop_before_pixels=True, force=force, specific_tags=[])
    if pixels_of(stream, little=dataset.original_encoding[1] is not False) != "absent":
        raise DecodeFailure("decode:truncated", "The file ends in the middle of its header or pixels.")
    return dataset
