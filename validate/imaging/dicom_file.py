"""A DICOM file, opened within bounds: sniffed, inflated where it is deflated, and asked whether its pixels can be there."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO, Literal

from validate.imaging.archive import open_file
from validate.imaging.deflated import inflated
from validate.imaging.failure import DecodeFailure
from validate.imaging.file_meta import DEFLATED, named_syntax
from validate.imaging.sniff import VALUE_REPRESENTATIONS, is_dicom

HEAD = 4096  # bytes that hold the file meta of every honest file
LONGEST_META = 1 << 20
LARGEST_FILE = 16 << 30
LARGEST_INFLATED = 1 << 30
MOST_FRAGMENTS = 1_000_000
PIXEL_TAGS = {(0x7FE0, 0x0008), (0x7FE0, 0x0009), (0x7FE0, 0x0010)}
UNDEFINED = 0xFFFFFFFF
ITEM, DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"

Pixels = Literal["present", "absent", "truncated"]


class InflatedFile(io.BytesIO):
    """What was deflated, in memory; its file meta says explicit little endian."""


def open_dicom(path: Path | bytes) -> tuple[BinaryIO, bytes]:
    """(stream at its start, its first bytes); a deflated file is inflated in memory, within bounds.

    path : of a file, or of a member of a zip archive (/data/study.zip/series/1.dcm); or a file's content
    Raises DecodeFailure: decode:missing, not_dicom, too_large, corrupt, truncated.
    """
    try:
        stream: BinaryIO = io.BytesIO(path) if isinstance(path, bytes) else open_file(path)
    except FileNotFoundError:
        raise DecodeFailure("decode:missing", "The file was there when the cohort was read and is gone now.") from None
    except OSError as error:
        raise DecodeFailure("decode:unreadable", f"The file can't be opened: {error.strerror}.") from None
    return checked_dicom(stream)


def checked_dicom(stream: BinaryIO, head: bytes | None = None, size: int | None = None) -> tuple[BinaryIO, bytes]:
    """The same of a stream, which is closed where it is refused.

    head, size : of the stream, its first bytes (no fewer than HEAD of a longer file), where they are known; it stands anywhere then
    """
    try:
        if head is None or size is None:
            head = stream.read(HEAD)
            size = stream.seek(0, io.SEEK_END)
        _check_file(head, size)
        stream.seek(0)
        if not _is_deflated(stream, head, size):
            return stream, head
        content = inflated(stream.read(size), largest=LARGEST_INFLATED)
    except BaseException:
        stream.close()
        raise
    stream.close()
    return InflatedFile(content), head


def _is_deflated(stream: BinaryIO, head: bytes, size: int) -> bool:
    """Whether file meta, all of it, says so: a library would inflate the rest without a bound."""
    if head[128:132] != b"DICM":
        return False
    syntax, whole = named_syntax(head)
    if not whole and len(head) < size:
        longer = stream.read(LONGEST_META)
        stream.seek(0)
        syntax, whole = named_syntax(longer)
        if not whole and len(longer) < size:
            raise DecodeFailure("decode:corrupt", f"File meta is longer than {LONGEST_META:,} bytes.")
    return syntax == DEFLATED


def _check_file(head: bytes, size: int) -> None:
    if not is_dicom(head):
        raise DecodeFailure("decode:not_dicom", "The file does not begin like a DICOM file.")
    if size > LARGEST_FILE:
        raise DecodeFailure("decode:too_large", f"The file has {size:,} bytes; at most {LARGEST_FILE:,} are read.")


def pixels_of(stream: BinaryIO, *, little: bool) -> Pixels:
    """From where a header's reader stopped: the element that announces the pixels, and whether so much is there.

    Raises DecodeFailure (decode:too_large) where they are in more fragments than any image has.
    """
    start = stream.tell()
    announced = stream.read(12)
    return announced_pixels(stream, announced, start, stream.seek(0, io.SEEK_END), little=little)


def announced_pixels(stream: BinaryIO, announced: bytes, start: int, size: int, *, little: bool) -> Pixels:
    """The same, of the first 12 bytes of the element at `start` in a file of `size`."""
    order: Literal["little", "big"] = "little" if little else "big"
    if announced[4:6] not in VALUE_REPRESENTATIONS:  # what is written decides: file meta may promise otherwise
        announced = announced[:8]
    here = start + len(announced)
    group, element = (int.from_bytes(announced[at : at + 2], order) for at in (0, 2))
    if (group, element) not in PIXEL_TAGS:
        # A header that was cut short stops in the middle of something; a whole one at the end of the file.
        return "absent" if start >= size or group > 0x7FE0 else "truncated"
    length = int.from_bytes(announced[-4:], order)
    if length != UNDEFINED:
        return "present" if here + length <= size else "truncated"
    return "present" if _ends(stream, here, size) else "truncated"


def _ends(stream: BinaryIO, here: int, size: int) -> bool:
    """Whether a sequence of fragments (PS3.5 A.4) reaches its delimiter; hops from item to item."""
    for _ in range(MOST_FRAGMENTS):
        stream.seek(here)
        item = stream.read(8)
        if item[:4] == DELIMITER:
            return True
        here += 8 + int.from_bytes(item[4:], "little")
        if item[:4] != ITEM or here > size:
            return False
    raise DecodeFailure("decode:too_large", f"The pixels are in more than {MOST_FRAGMENTS:,} fragments.")
