"""A run folder as one zip file, the same bytes for the same evidence; and a zip of unknown origin opened with care."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import BinaryIO

from validate.errors import CommandError, EvidenceError, MachineError
from validate.evidence.manifest import SEAL, run_files

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say: the time of packing is no evidence
MOST_FILES = 200_000
MOST_INFLATION = 200  # times its packed size that a file may unfold to; JSON of ours unfolds to some 30 times
CHUNK = 1 << 20
SEALED_BY = 64  # characters at the end of a bundle: SHA-256 of all before them
KINDS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def write_bundle(folder: Path, target: Path) -> int:
    """Pack a sealed run folder; returns the number of files. Raises EvidenceError without a seal, CommandError where target exists."""
    if not (folder / SEAL).is_file():
        raise EvidenceError(
            f"{folder}: has no seal, so it is not finished evidence; a bundle is made of a finished run"
        )
    if target.exists():
        raise CommandError(f"{target}: exists already, and nothing is overwritten. Give another name.")
    if target.resolve().is_relative_to(folder.resolve()):
        raise CommandError(f"{target}: lies inside the run folder, which a bundle must not change. Give another place.")
    names = sorted(run_files(folder))
    partial = target.with_name(f".{target.name}.partial")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as packed:
            for name in names:
                entry = zipfile.ZipInfo(name, EPOCH)
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                with (folder / name).open("rb") as source, packed.open(entry, "w") as place:
                    shutil.copyfileobj(source, place, CHUNK)
            packed.comment = bytes(SEALED_BY)
        _write_digest(partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return len(names)


def _write_digest(path: Path) -> None:
    """At the very end, in the place of the zip's comment: SHA-256 of every byte before it."""
    with path.open("r+b") as stream:
        stream.seek(-SEALED_BY, 2)
        place = stream.tell()
        digest = _digest_before(stream, place)
        stream.seek(place)
        stream.write(digest)
        stream.flush()
        os.fsync(stream.fileno())


def _digest_before(stream: BinaryIO, place: int) -> bytes:
    found = hashlib.sha256()
    stream.seek(0)
    while place:
        chunk = stream.read(min(CHUNK, place))
        if not chunk:
            break
        found.update(chunk)
        place -= len(chunk)
    return found.hexdigest().encode()


@contextmanager
def opened_bundle(path: Path) -> Iterator[Path]:
    """The run folder itself, or a bundle unpacked where it is thrown away afterwards.

    Raises EvidenceError for a zip with any trick in it: nothing of it is unpacked then.
    """
    if path.is_dir():
        yield path
        return
    if not path.exists():
        raise EvidenceError(f"{path}: not there, so this is not a whole run folder and no bundle (zip) either")
    with TemporaryDirectory(prefix="validate-bundle-") as scratch:
        folder = Path(scratch) / "run"
        _unpack(path, folder)
        yield folder


def _unpack(path: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(path) as packed:
            entries = packed.infolist()
            if tricks := [*_tricks(entries), *_outside(path, packed, entries)]:
                raise EvidenceError(f"{path}: not unpacked: {'; '.join(tricks[:5])}")
            size = sum(entry.file_size for entry in entries)
            folder.mkdir(parents=True)
            free = shutil.disk_usage(folder).free
            if size > free:
                raise MachineError(f"{path}: unpacks to {size:,} bytes, and {folder} has {free:,}. Set TMPDIR.")
            for entry in entries:
                _write(packed, entry, folder / entry.filename)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, UnicodeDecodeError, EOFError) as error:
        raise EvidenceError(
            f"{path}: not a zip file that can be read ({error}), so this is not a whole run folder and no bundle either"
        ) from error


def _tricks(entries: Sequence[zipfile.ZipInfo]) -> Iterator[str]:
    """Whatever no bundle of ours has, in words."""
    if len(entries) > MOST_FILES:
        yield f"{len(entries):,} files, more than {MOST_FILES:,}"
    seen: dict[str, str] = {}
    for entry in entries:
        name = entry.filename
        shown = ascii(name)
        parts = PurePosixPath(name).parts
        odd = "\\" in name or ":" in name or any(unicodedata.category(sign) == "Cc" for sign in name)
        if not parts or name.startswith("/") or ".." in parts or "." in name.split("/") or "" in name.split("/") or odd:
            yield f"{shown}: a path that could leave the folder"
        folded = unicodedata.normalize("NFKC", name).casefold()
        if folded in seen:
            yield f"{shown}: the same name as {seen[folded]!a} on some machines"
        seen[folded] = name
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in {0, stat.S_IFREG} or entry.is_dir():
            yield f"{shown}: no plain file"
        if entry.flag_bits & 0x1:
            yield f"{shown}: encrypted"
        if entry.compress_type not in KINDS:
            yield f"{shown}: packed in a way that bundles are not"
        if entry.file_size > MOST_INFLATION * max(entry.compress_size, 64):
            yield f"{shown}: unfolds to {entry.file_size:,} bytes from {entry.compress_size:,}"
    yield from (f"{name!a}: a file where others need a folder" for name in _shadowed(seen.values()))


def _shadowed(names: Iterable[str]) -> Iterator[str]:
    known = set(names)
    for name in sorted(known):
        if any(str(parent) in known for parent in PurePosixPath(name).parents):
            yield name


def _outside(path: Path, packed: zipfile.ZipFile, entries: Sequence[zipfile.ZipInfo]) -> Iterator[str]:
    """Bytes that belong to no file, comments, and headers that disagree: places to hide things, and two truths."""
    if any(entry.comment or entry.extra for entry in entries):
        yield "carries comments or extra fields"
    if [entry.filename for entry in entries] != sorted(entry.filename for entry in entries):
        yield "its files are in another order than a bundle's"
    starts = sorted(entry.header_offset for entry in entries)
    if entries and starts[0] != 0:
        yield "begins with bytes that belong to no file"
        return
    if len(set(starts)) != len(starts):
        yield "two names for the same bytes"
    with path.open("rb") as stream:
        size = path.stat().st_size
        if len(packed.comment) != SEALED_BY or _digest_before(stream, size - SEALED_BY) != packed.comment:
            yield "does not end with its own SHA-256: a byte was changed, or `validate bundle` did not write it"
        for entry in entries:
            stream.seek(entry.header_offset)
            header = stream.read(30)
            length = int.from_bytes(header[26:28], "little")
            if header[:4] != b"PK\x03\x04" or stream.read(length).decode("utf-8", "replace") != entry.filename:
                yield f"{entry.filename!a}: its own header and the table of contents disagree"


def _write(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    """Never more bytes than the table of contents said."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with packed.open(entry) as source, target.open("xb") as place:
        left = entry.file_size
        while chunk := source.read(min(CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                raise EvidenceError(f"{entry.filename!a}: unfolds to more than it says")
            place.write(chunk)
