"""Members of zip archives, read where they lie: nothing is ever unpacked to disk, so no name of one can lead anywhere.

A member's path is the archive's, then its own: /data/study.zip/series/1.dcm. All that is opened here is bounded: an archive
is somebody else's, and a few bytes of it can stand for very many.
"""

from __future__ import annotations

import io
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import BinaryIO

SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
MOST_MEMBERS = 500_000
LARGEST_DIRECTORY = 128 << 20  # bytes of the list of members
LARGEST_MEMBER = 4 << 30  # bytes, unpacked
LARGEST_TOGETHER = 4 << 40
SUSPICIOUS = 200  # unpacked to packed; a member that is mostly black comes near, and is small
HARMLESS = 64 << 20  # bytes, unpacked, that may be packed as densely as one likes
END = b"PK\x05\x06"
PARENT = re.compile(r"(^|[\\/])\.\.([\\/]|$)")
LINK = 0o120000
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class Member:
    """name : as the archive has it    reason, detail : why it is not read, or None"""

    name: str
    size: int
    reason: str | None = None
    detail: str = ""


class ArchiveError(Exception):
    """An archive that can't be read at all. `reason` is a code, `detail` a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}")


def is_archive(head: bytes) -> bool:
    """Whether these first bytes begin a zip archive."""
    return head[:4] in SIGNATURES


def members(path: Path) -> Iterator[Member]:
    """Every file of an archive, in the order of their names; what must not be read has a reason. Raises ArchiveError."""
    archive = _opened_now(path)
    overlapping = _overlapping(archive)
    seen: set[str] = set()
    together = 0
    for info in sorted(archive.infolist(), key=lambda info: os.fsencode(info.filename)):
        if info.is_dir():
            continue
        together += info.file_size
        reason = _refused(info, together, overlapping=info.header_offset in overlapping, again=info.filename in seen)
        seen.add(info.filename)
        yield Member(info.filename, info.file_size, *(reason or (None, "")))


def _refused(info: zipfile.ZipInfo, together: int, *, overlapping: bool, again: bool) -> tuple[str, str] | None:
    return (
        _misnamed(info.filename, again=again)
        or _unreadable(info)
        or _too_large(info, together, overlapping=overlapping)
    )


def _misnamed(name: str, *, again: bool) -> tuple[str, str] | None:
    plain = PurePosixPath(name).as_posix() == name and not name.startswith("/") and name.isprintable()
    if not plain or PARENT.search(name) or re.match(r"[A-Za-z]:", name):
        return "unsafe_name", "The name of the archive's member leads out of the archive, or is none."
    if again:
        return "repeated_name", "The archive has another member of this name; which one counts must not be guessed."
    return None


def _unreadable(info: zipfile.ZipInfo) -> tuple[str, str] | None:
    if stat.S_IFMT(info.external_attr >> 16) == LINK:
        return "symbolic_link", "A symbolic link; links are not followed."
    if info.flag_bits & ENCRYPTED:
        return "encrypted", "The archive's member is encrypted."
    if info.compress_type not in METHODS:
        return "unreadable_file", f"The archive packs it by method {info.compress_type}, which is not known here."
    return None


def _too_large(info: zipfile.ZipInfo, together: int, *, overlapping: bool) -> tuple[str, str] | None:
    if overlapping or info.file_size > LARGEST_MEMBER or together > LARGEST_TOGETHER:
        return "archive_bomb", "The archive's members overlap, or unpack to more than is read."
    if info.file_size > HARMLESS and info.file_size > SUSPICIOUS * max(info.compress_size, 1):
        return "archive_bomb", f"Unpacks to {info.file_size:,} bytes from {info.compress_size:,}, as no image does."
    return None


def _overlapping(archive: zipfile.ZipFile) -> frozenset[int]:
    """Header offsets of members that share bytes with another: a small archive can so be made to hold any amount."""
    spans = sorted((info.header_offset, info.header_offset + 30 + info.compress_size) for info in archive.infolist())
    found: set[int] = set()
    reached, last = -1, -1
    for start, end in spans:
        if start < reached:
            found |= {start, last}
        if end > reached:
            reached, last = end, start
    return frozenset(found)


def member_place(path: Path) -> tuple[Path, str] | None:
    """(archive, name of its member) of a path that leads through a file, or None."""
    for parent in path.parents:
        if parent.is_file():
            return parent, path.relative_to(parent).as_posix()
        if parent.exists():
            return None
    return None


def open_file(path: Path) -> BinaryIO:
    """A file, or an archive's member, for reading. Raises OSError where it can't be opened."""
    try:
        return path.open("rb")
    except NotADirectoryError:
        place = member_place(path)
        if place is None:
            raise
        return open_member(*place)


def open_member(archive: Path, name: str) -> BinaryIO:
    """One member. Raises OSError where there is none or it must not be read; reading may raise what `READING` names."""
    try:
        opened = _opened_now(archive)
        info = opened.getinfo(name)
        if _refused(info, info.file_size, overlapping=False, again=False) is not None:
            raise OSError(0, "the archive's member is not one that is read")
        return io.BufferedReader(_Member(opened, info), 1 << 16)
    except KeyError:
        raise FileNotFoundError(2, "no such member of the archive") from None
    except ArchiveError as error:
        raise OSError(0, error.detail) from error


READING = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


class _Member(io.RawIOBase):
    """A member with its size known: seeking to its end costs nothing, and what is damaged is an OSError."""

    name = ""  # libraries ask a stream for it; this one lies in no file of its own

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
        super().__init__()
        self._size, self._at = info.file_size, 0
        try:
            self._inner = archive.open(info)
        except READING as error:
            raise OSError(0, f"the archive's member can't be read ({type(error).__name__})") from error

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._at >= self._size:
            return 0
        try:
            if self._inner.tell() != self._at:
                self._inner.seek(self._at)
            content = self._inner.read(len(buffer))
        except READING as error:
            raise OSError(0, f"the archive's member can't be read ({type(error).__name__})") from error
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()


def _opened_now(path: Path) -> zipfile.ZipFile:
    """An archive, kept open while it stays the same file. Raises ArchiveError, and OSError where it can't be opened."""
    state = path.stat()
    return _opened(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=4)
def _opened(path: Path, size: int, _modified: int) -> zipfile.ZipFile:
    _check_directory(path, size)
    try:
        return zipfile.ZipFile(path)
    except READING as error:
        raise ArchiveError("unreadable_archive", f"The archive can't be read ({type(error).__name__}).") from error


def _check_directory(path: Path, size: int) -> None:
    """The list of members is read whole by the library: how long it is, is looked at first (APPNOTE 4.3.16)."""
    tail = min(size, (1 << 16) + 22 + 20 + 56)
    with path.open("rb") as stream:
        stream.seek(size - tail)
        end = stream.read(tail)
    at = end.rfind(END)
    if at < 0 or at + 22 > len(end):
        raise ArchiveError("unreadable_archive", "The archive has no list of its members; it may be cut short.")
    count, length = int.from_bytes(end[at + 10 : at + 12], "little"), int.from_bytes(end[at + 12 : at + 16], "little")
    large = end.rfind(b"PK\x06\x06", 0, at)
    if (count == 0xFFFF or length == 0xFFFFFFFF) and large >= 0 and large + 48 <= len(end):
        count = int.from_bytes(end[large + 32 : large + 40], "little")
        length = int.from_bytes(end[large + 40 : large + 48], "little")
    if count > MOST_MEMBERS or length > LARGEST_DIRECTORY:
        raise ArchiveError(
            "archive_bomb",
            f"The archive lists {count:,} members in {length:,} bytes; at most {MOST_MEMBERS:,} are read.",
        )
