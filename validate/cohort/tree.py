"""What lies in a source, file by file: a folder with everything under it, a zip archive, or what a DICOMDIR lists.

Links are named, not followed: they may lead in circles, or out. Nothing is opened here but archives and a DICOMDIR.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from validate.cohort.dicomdir import META, is_dicomdir, lacking_members, listed_files
from validate.errors import DataError
from validate.imaging.archive import READING, ArchiveError, is_archive, members, open_file
from validate.imaging.sniff import HEAD, is_dicom

Stamp = tuple[int, int, int, int]  # size, modified and changed (ns), inode: what a file has to keep to be the same
LARGEST_NAME = 4096
MOST_DIRECTORIES = 64  # DICOMDIRs of one archive that are held against its members


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, or what stands in for one. `place` is where it is opened; `relative` names it within the source.

    reason, detail : why nothing is read of it, known without opening it
    """

    place: str
    relative: str
    stamp: Stamp | None = None
    reason: str | None = None
    detail: str = ""


def entries(source: Path) -> Iterator[Entry]:
    """Every file of a source, in the order of their relative paths. Raises DataError where it is no source."""
    try:
        if source.is_dir():
            return _under(os.fspath(source), "")
        with source.open("rb") as stream:
            head = stream.read(HEAD)
    except FileNotFoundError:
        raise DataError(f"{source}: no such folder. cohort.sources names the folder with the DICOM files.") from None
    except OSError as error:
        raise DataError(f"{source}: can't be read: {error.strerror}.") from None
    if is_archive(head):
        return within(Entry(os.fspath(source), ""))
    if is_dicomdir(source, head):
        return listed(source)
    if is_dicom(head):
        return iter([_file(os.fspath(source), source.name, os.lstat(source))])
    raise DataError(f"{source}: is a file, expected a folder, a zip archive, a DICOMDIR or a DICOM file.")


def number_of_files(source: Path) -> int | None:
    """How many there are to read, for a progress bar: an archive inside a folder counts as one. None of an archive."""
    if not source.is_dir():
        return None
    count = 0
    for _, folders, names in os.walk(source, followlinks=False):
        count += len(names)
        folders.sort()
    return count


def _under(folder: str, prefix: str) -> Iterator[Entry]:
    """Depth first; a folder sorts as its name with the slash, so that the whole is in the order of relative paths."""
    try:
        with os.scandir(folder) as found:
            inside = sorted(found, key=_sorted_name)
    except OSError as error:
        # At the top there is nothing else to say; below, the rest of the tree is read.
        if not prefix:
            raise DataError(f"{folder}: the folder can't be looked into: {error.strerror}.") from error
        yield Entry(folder, prefix.rstrip("/"), None, "unreadable_folder", "A folder that can't be looked into.")
        return
    for item in inside:
        relative = f"{prefix}{item.name}"
        if item.is_dir(follow_symlinks=False):
            yield from _under(item.path, f"{relative}/")
            continue
        try:
            state = item.stat(follow_symlinks=False)
        except OSError as error:
            yield Entry(item.path, relative, None, "unreadable_file", f"Can't be read: {error.strerror}.")
            continue
        yield _file(item.path, relative, state)
        if item.name.upper() == "DICOMDIR":
            yield from _not_there(item.path, prefix)


def _sorted_name(item: os.DirEntry[str]) -> bytes:
    try:
        folder = item.is_dir(follow_symlinks=False)
    except OSError:
        folder = False
    return os.fsencode(f"{item.name}/" if folder else item.name)


def _file(path: str, relative: str, state: os.stat_result) -> Entry:
    stamp = (state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)
    if stat.S_ISLNK(state.st_mode):
        return Entry(path, relative, None, "symbolic_link", "A symbolic link; links are not followed.")
    if not stat.S_ISREG(state.st_mode):
        return Entry(path, relative, None, "not_a_file", "A device, pipe or socket.")
    return Entry(path, relative, stamp)


def within(archive: Entry) -> Iterator[Entry]:
    """Every member of a zip archive; or the archive itself, with the reason why there are none."""
    prefix = f"{archive.relative}/" if archive.relative else ""
    try:
        state = Path(archive.place).stat()
        stamp = (state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)
        count, directories = 0, []
        for count, member in enumerate(members(Path(archive.place)), start=1):
            named = f"{member.name}#{count}" if member.reason == "repeated_name" else member.name
            place = f"{archive.place}/{member.name}"
            yield Entry(place, f"{prefix}{named}"[:LARGEST_NAME], stamp, member.reason, member.detail)
            if member.reason is None and member.name.rpartition("/")[2].upper() == "DICOMDIR":
                directories.append(member.name)
        for name in directories[:MOST_DIRECTORIES]:
            yield from _not_in_archive(Path(archive.place), name, prefix)
        if count == 0:
            yield Entry(archive.place, archive.relative or "archive", None, "empty_file", "The archive is empty.")
    except ArchiveError as error:
        yield Entry(archive.place, archive.relative or "archive", None, error.reason, error.detail)
    except OSError as error:
        detail = f"Can't be read: {error.strerror}."
        yield Entry(archive.place, archive.relative or "archive", None, "unreadable_file", detail)


def _not_in_archive(archive: Path, directory: str, prefix: str) -> Iterator[Entry]:
    """The same of a DICOMDIR inside an archive."""
    place = archive / directory
    try:
        with open_file(place) as stream:
            if not is_dicomdir(place, stream.read(META)):
                return
            stream.seek(0)
            names = (member.name for member in members(archive))
            for one in lacking_members(place, stream, directory.rpartition("/")[0], names):
                yield Entry(os.fspath(place), f"{prefix}{one.relative}"[:LARGEST_NAME], None, one.reason, one.detail)
    except (DataError, ArchiveError, *READING):
        yield _unknown(os.fspath(place), f"{prefix}{directory}")


def _unknown(place: str, relative: str) -> Entry:
    """In the place of what a DICOMDIR lists and may not be there."""
    detail = "The list of files of this DICOMDIR can't be read, so that nobody knows whether one of them is missing."
    return Entry(place, f"{relative}#listed"[:LARGEST_NAME], None, "unreadable_listing", detail)


def _not_there(directory: str, prefix: str) -> Iterator[Entry]:
    """What a DICOMDIR inside a folder lists and is not there; the files that are there have their own places."""
    try:
        with Path(directory).open("rb") as stream:
            if not is_dicomdir(Path(directory), stream.read(HEAD)):
                return
        for one in listed_files(Path(directory)):
            inside = ".." not in one.relative.split("/")
            if one.reason is not None and not (inside and os.path.lexists(Path(directory).parent / one.relative)):
                yield Entry(directory, f"{prefix}{one.relative}"[:LARGEST_NAME], None, one.reason, one.detail)
    except DataError:
        yield _unknown(directory, f"{prefix}{Path(directory).name}")
    except OSError:  # which its own place says
        return


def listed(directory: Path) -> Iterator[Entry]:
    """A DICOMDIR and every file that it lists; what it lists and is not there has a place too."""
    root = directory.parent
    yield _file(os.fspath(directory), directory.name, os.lstat(directory))
    for one in listed_files(directory):
        if one.reason is not None:
            yield Entry(os.fspath(root / directory.name), one.relative, None, one.reason, one.detail)
            continue
        place = root / one.relative
        yield _file(os.fspath(place), one.relative, os.lstat(place))
