"""A DICOMDIR (PS3.3 F): which files it lists, and which of them are there. Its records are read in the order of the file, not
by the offsets that chain them, so that no loop of offsets can be walked."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from validate.cohort.dicomdir_records import NotPlain, named_files
from validate.errors import DataError
from validate.imaging.archive import open_file
from validate.imaging.bounded import BoundedFile
from validate.imaging.failure import DecodeFailure
from validate.imaging.file_meta import file_meta
from validate.imaging.in_time import TookTooLong, in_time, seconds_for
from validate.imaging.reader_warnings import silence_readers

DIRECTORY_STORAGE = b"1.2.840.10008.1.3.10"
STORAGE_CLASS = 0x00020002
META = 4096  # bytes that hold its file meta
LARGEST = 16 << 20  # bytes of one that only the library can read, which keeps all of it
MOST_FILES = 1_000_000
MOST_DEEP = 8  # folders down (PS3.10 8.2)


@dataclass(frozen=True, slots=True)
class Listed:
    """relative : from the folder of the DICOMDIR    reason, detail : why there is nothing to read"""

    relative: str
    reason: str | None = None
    detail: str = ""


def is_dicomdir(path: Path, head: bytes) -> bool:
    """Whether a file is a DICOMDIR, by its storage class; by its name where its file meta is broken."""
    found = file_meta(head) if head[128:132] == b"DICM" else None
    if found is None and len(head) < META:
        with open_file(path) as stream:
            found = file_meta(stream.read(META))
    said = found[0].get(STORAGE_CLASS, b"").rstrip(b"\0 ") if found else None
    return said == DIRECTORY_STORAGE or (said is None and path.name.upper() == "DICOMDIR")


def listed_files(path: Path) -> Iterator[Listed]:
    """Every file that it lists, once, sorted. Raises DataError where it can't be read as a DICOMDIR."""
    root = path.parent.resolve()
    with path.open("rb") as stream:
        references = _references(path, stream)
    for parts in sorted(references):
        relative = "/".join(parts)
        if not _plain(parts):
            yield Listed(relative, "unsafe_name", "The DICOMDIR names a file that lies outside of its folder.")
            continue
        place = _place(root, parts)
        if place is None:
            yield Listed(relative, "missing_file", "The DICOMDIR lists a file that is not there.")
        elif not place.resolve().is_relative_to(root):
            yield Listed(relative, "unsafe_name", "The DICOMDIR names a file that lies outside of its folder.")
        else:
            yield Listed(place.relative_to(root).as_posix())


def lacking_members(path: Path, stream: BinaryIO, folder: str, names: Iterable[str]) -> Iterator[Listed]:
    """What a DICOMDIR inside an archive lists and the archive has not, as paths in the archive.

    stream : its bytes    folder : where it lies in the archive    names : of all members
    Raises DataError where it can't be read as a DICOMDIR.
    """
    known = {_on_disc(PurePosixPath(name).parts) for name in names}
    for parts in sorted(_references(path, stream)):
        relative = "/".join(parts)
        inside = (*PurePosixPath(folder).parts, *parts)
        if not _plain(parts):
            yield Listed(
                f"{folder}/{relative}".lstrip("/"), "unsafe_name", "The DICOMDIR names no file below its folder."
            )
        elif _on_disc(inside) not in known:
            yield Listed("/".join(inside), "missing_file", "The DICOMDIR lists a file that is not there.")


def _references(path: Path, stream: BinaryIO) -> set[tuple[str, ...]]:
    try:
        seconds = seconds_for(stream.seek(0, io.SEEK_END))
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror}. Name the folder instead.") from error
    try:
        return in_time(partial(_read_references, path, stream), seconds)
    except TookTooLong:
        raise DataError(
            f"{path}: reading it as a DICOMDIR took longer than {seconds:.0f} s. Name the folder instead."
        ) from None


def _read_references(path: Path, stream: BinaryIO) -> set[tuple[str, ...]]:
    found = set()
    try:
        for parts in named_files(stream):
            found.add(parts)
            if len(found) > MOST_FILES:
                raise DataError(f"{path}: the DICOMDIR lists more than {MOST_FILES:,} files. Name the folder instead.")
    except NotPlain:
        found = _by_pydicom(path, stream)
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror}. Name the folder instead.") from error
    if not found:
        raise DataError(f"{path}: the DICOMDIR lists no file. Name the folder instead.")
    return found


def _by_pydicom(path: Path, stream: BinaryIO) -> set[tuple[str, ...]]:
    """The same of one that is not laid out as the standard says."""
    import pydicom  # only where it is needed: processes that read headers do without the library

    silence_readers()
    found = set()
    stream.seek(0)
    try:
        directory = pydicom.dcmread(BoundedFile(stream, most=LARGEST), force=True)
        for record in directory.get("DirectoryRecordSequence") or ():
            names = record.get("ReferencedFileID")
            if names:
                parts = [names] if isinstance(names, str) else list(names)
                found.add(tuple(str(part) for part in parts))
    except (DecodeFailure, Exception) as error:
        kind = error.reason if isinstance(error, DecodeFailure) else type(error).__name__
        raise DataError(f"{path}: can't be read as a DICOMDIR ({kind}). Name the folder instead.") from error
    return found


def _plain(parts: tuple[str, ...]) -> bool:
    if not 0 < len(parts) <= MOST_DEEP:
        return False
    return all(part not in {"", ".", ".."} and not set(part) & set("/\\:\0") for part in parts)


def _place(root: Path, parts: tuple[str, ...]) -> Path | None:
    """The file; some systems show the names of a disc in small letters, or with a version behind."""
    here = root
    for part in parts:
        if os.path.lexists(here / part):
            here = here / part
            continue
        try:
            named = {_on_disc((item.name,))[0]: item.name for item in here.iterdir()}
        except OSError:
            return None
        if part.upper() not in named:
            return None
        here = here / named[part.upper()]
    return here


def _on_disc(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Names as a disc has them."""
    return tuple(part.upper().partition(";")[0].rstrip(".") for part in parts)
