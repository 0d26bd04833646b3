"""The zip archives that torch writes, read without torch: what kind it is, and its records, bounded and plain."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from validate.errors import ModelError

LARGEST = 16 << 30  # bytes, unpacked
LARGEST_RATIO = 200  # a source file packs 20:1; a bomb 1000:1

Kind = Literal["export", "torchscript"]


@dataclass(frozen=True, slots=True)
class TorchArchive:
    """
    kind : "export" (torch.export, .pt2) or "torchscript"
    records : content by name, below the archive's one root folder
    """

    kind: Kind
    records: Mapping[str, bytes] = field(repr=False)


def read_archive(content: bytes, *, where: str) -> TorchArchive:
    """Raises ModelError where this is no such archive, or is one that only unpickling could open."""
    if not content.startswith(b"PK"):
        found = "a pickle" if content.startswith(b"\x80") else "no zip archive"
        raise ModelError(
            f"{where}: expected an archive of torch.export or TorchScript, got {found}. Pickled modules and bare "
            "weights are refused, because opening them can run any code. Save the model with torch.export.save "
            "(.pt2) or torch.jit.save."
        )
    records = _records(content, where)
    if records.get("archive_format") == b"pt2":
        return TorchArchive("export", records)
    if "data.pkl" in records and "constants.pkl" in records and any(name.startswith("code/") for name in records):
        return TorchArchive("torchscript", records)
    if "data.pkl" in records:
        raise ModelError(
            f"{where}: these are pickled weights or a pickled module (torch.save). They are refused, because opening "
            "them can run any code. Save the model with torch.export.save (.pt2) or torch.jit.save."
        )
    raise ModelError(f"{where}: this zip archive holds no model of torch.export (.pt2) or TorchScript.")


def packed(records: Mapping[str, bytes], *, root: str = "archive") -> bytes:
    """A new archive of exactly these records, stored plain: what torch reads is what was checked here."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in records.items():
            archive.writestr(zipfile.ZipInfo(f"{root}/{name}"), content)
    return buffer.getvalue()


def _records(content: bytes, where: str) -> dict[str, bytes]:
    records: dict[str, bytes] = {}
    roots = set()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_sizes(archive.infolist(), where)
            for entry in archive.infolist():
                root, _, name = entry.filename.partition("/")
                if not name or name in records or ".." in name.split("/") or "\\" in name:
                    raise ModelError(
                        f"{where}: the archive has a record with a false name, {entry.filename!r}: refused."
                    )
                roots.add(root)
                records[name] = archive.read(entry)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise ModelError(f"{where}: the archive is damaged: {error}. Copy the file again.") from error
    if len(roots) != 1:
        raise ModelError(f"{where}: a torch archive has one root folder; this one has {len(roots)}.")
    return records


def _check_sizes(entries: list[zipfile.ZipInfo], where: str) -> None:
    total = sum(entry.file_size for entry in entries)
    packed_size = sum(entry.compress_size for entry in entries)
    if total > LARGEST or total > LARGEST_RATIO * max(packed_size, 1 << 16):
        raise ModelError(f"{where}: the archive unpacks to {total} bytes from {packed_size}: refused.")
