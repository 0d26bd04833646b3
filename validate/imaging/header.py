"""A DICOM header without its pixels, and what can be told of the pixels without reading them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import pydicom
from pydicom.dataset import FileDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from validate.imaging.deflated import inflated, is_deflated
from validate.imaging.reader_warnings import silence_readers
from validate.imaging.sniff import VALUE_REPRESENTATIONS, is_dicom
from validate.imaging.volume import DecodeFailure

HEAD = 4096  # bytes that hold the file meta of every honest file
LARGEST_FILE = 16 << 30
LARGEST_INFLATED = 1 << 30
PIXEL_TAGS = {(0x7FE0, 0x0008), (0x7FE0, 0x0009), (0x7FE0, 0x0010)}
UNDEFINED = 0xFFFFFFFF
ITEM, DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"

Pixels = Literal["present", "absent", "truncated"]


@dataclass(frozen=True, slots=True)
class Header:
    """pixels : whether the file is long enough for the pixels that it announces; they may be damaged all the same."""

    dataset: FileDataset
    pixels: Pixels


def open_dicom(path: Path | bytes) -> tuple[BinaryIO, bytes]:
    """(stream at its start, its first bytes); a deflated file is inflated in memory, within bounds.

    path : of a file, or its content

    Raises DecodeFailure: decode:missing, not_dicom, too_large, corrupt, truncated.
    """
    try:
        stream: BinaryIO = io.BytesIO(path) if isinstance(path, bytes) else path.open("rb")
    except FileNotFoundError:
        raise DecodeFailure("decode:missing", "The file was there when the cohort was read and is gone now.") from None
    except OSError as error:
        raise DecodeFailure("decode:unreadable", f"The file can't be opened: {error.strerror}.") from None
    try:
        head = stream.read(HEAD)
        _check_file(head, stream.seek(0, io.SEEK_END))
        stream.seek(0)
        if not is_deflated(head):
            return stream, head
        content = inflated(stream.read(), largest=LARGEST_INFLATED)
    except BaseException:
        stream.close()
        raise
    stream.close()
    return io.BytesIO(content), head


def _check_file(head: bytes, size: int) -> None:
    if not is_dicom(head):
        raise DecodeFailure("decode:not_dicom", "The file does not begin like a DICOM file.")
    if size > LARGEST_FILE:
        raise DecodeFailure("decode:too_large", f"The file has {size:,} bytes; at most {LARGEST_FILE:,} are read.")


def read_header(path: Path, tags: Sequence[int] | None = None) -> Header:
    """Everything before the pixels, or only these tags of it. Raises DecodeFailure; never reads text by force."""
    silence_readers()
    stream, head = open_dicom(path)
    with stream:
        try:
            dataset = pydicom.dcmread(
                stream,
                stop_before_pixels=True,
                force=head[128:132] != b"DICM",
                specific_tags=None if tags is None else list(tags),
            )
            if is_deflated(head):
                dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
            return Header(dataset, pixels_of(stream, little=dataset.original_encoding[1] is not False))
        except DecodeFailure:
            raise
        except Exception as error:  # a hostile header may break the parser in any way
            raise DecodeFailure("decode:corrupt", f"The header can't be read ({type(error).__name__}).") from error


def pixels_of(stream: BinaryIO, *, little: bool) -> Pixels:
    """From where a header's reader stopped: the element that announces the pixels, and whether so much is there."""
    order: Literal["little", "big"] = "little" if little else "big"
    start = stream.tell()
    announced = stream.read(12)
    if announced[4:6] not in VALUE_REPRESENTATIONS:  # what is written decides: file meta may promise otherwise
        announced = announced[:8]
    here = start + len(announced)
    size = stream.seek(0, io.SEEK_END)
    group, element = (int.from_bytes(announced[at : at + 2], order) for at in (0, 2))
    if (group, element) not in PIXEL_TAGS:
        # A header that was cut short stops in the middle of something; a whole one at the end of the file.
        return "absent" if start >= size or group > 0x7FE0 else "truncated"
    length = int.from_bytes(announced[-4:], order)
    if length != UNDEFINED:
        return "present" if here + length <= size else "truncated"
    stream.seek(here)
    return "present" if _ends(stream, size) else "truncated"


def _ends(stream: BinaryIO, size: int) -> bool:
    """Whether a sequence of fragments (PS3.5 A.4) reaches its delimiter; hops from item to item."""
    while True:
        item = stream.read(8)
        if item[:4] == DELIMITER:
            return True
        length = int.from_bytes(item[4:], "little")
        if item[:4] != ITEM or stream.tell() + length > size:
            return False
        stream.seek(length, io.SEEK_CUR)
