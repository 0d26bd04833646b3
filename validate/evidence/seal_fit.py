"""Whether the files that lie here are those that were sealed: by digest, none more, none less, and the root over the cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from validate.canonical import file_digest, pretty_json
from validate.errors import EvidenceError
from validate.evidence.manifest import AUDIT, CASES, MANIFEST, OUTSIDE, REPORT, SEAL, SIGNATURES, case_root, run_files
from validate.evidence.seal import seal_document


def seal_differences(folder: Path, seal: Mapping[str, Any]) -> Iterator[str]:
    for name, relative in (("manifest", MANIFEST), ("audit", AUDIT)):
        expected = sealed_text(seal, name, "sha256")
        if not (folder / relative).is_file():
            yield f"{relative}: missing"
        elif (got := file_digest(folder / relative)) != expected:
            yield f"{relative}: SHA-256 is {got}, the seal says {expected}"
    head = sealed_text(seal, "audit", "head")
    parts = all((folder / relative).is_file() for relative in (MANIFEST, AUDIT))
    if parts and (folder / SEAL).read_bytes() != pretty_json(seal_document(folder, audit_head=head)):
        yield f"{SEAL}: is not the seal of the files that lie here, as a run writes it"


def listed(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    files = _entries(manifest.get("files"))
    if files is None:
        raise EvidenceError(f"{MANIFEST}: has no list of files with path and sha256; the evidence was cut")
    return files


def _entries(files: Any) -> list[Mapping[str, Any]] | None:
    """A list of files with path and digest; None for anything else."""
    whole = isinstance(files, list) and all(isinstance(f, dict) and {"path", "sha256"} <= f.keys() for f in files)
    return files if whole else None


def _apart(seal: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The files that the seal lists itself. Raises EvidenceError where it was cut."""
    entries: list[Mapping[str, Any]] = []
    for part in ("report", "signatures"):
        files = _entries(seal.get(part))
        if files is None:
            raise EvidenceError(f"{SEAL}: has no list '{part}' of files with path and sha256; the evidence was cut")
        entries += files
    return entries


def file_differences(folder: Path, manifest: Mapping[str, Any], seal: Mapping[str, Any]) -> Iterator[str]:
    expected: dict[str, str] = {}
    for entry in [*listed(manifest), *_apart(seal)]:
        path = str(entry["path"])
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            yield f"{path}: a path that leaves the run folder"
        elif path in expected:
            yield f"{path}: listed twice"
        else:
            expected[path] = str(entry["sha256"])
    present = {path for path in run_files(folder) if path not in OUTSIDE}
    for path in sorted(expected.keys() - present):
        yield f"{path}: missing"
    for path in sorted(present - expected.keys()):
        yield f"{path}: not in the {'seal' if path.startswith((REPORT, SIGNATURES)) else 'manifest'}; it was added later"
    for path in sorted(present & expected.keys()):
        if (got := file_digest(folder / path)) != expected[path]:
            yield f"{path}: SHA-256 is {got}, sealed as {expected[path]}"


def root_differences(folder: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    try:
        here = case_root(folder)
    except EvidenceError as error:
        yield str(error)
        return
    if manifest.get("cases") != here:
        yield f"{MANIFEST}#/cases: is not the root over the cases that lies in {CASES}"


def sealed_text(document: Mapping[str, Any], *path: str) -> str:
    value: Any = document
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            raise EvidenceError(f"{'/'.join(path)}: missing from a sealed document; the evidence was cut")
        value = value[name]
    return str(value)
