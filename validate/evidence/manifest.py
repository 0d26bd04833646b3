"""SHA-256 of every file that a number of this run rests on: what `verify` starts from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from validate.canonical import file_digest
from validate.errors import EvidenceError

MANIFEST = "evidence/manifest.json"
SEAL = "evidence/seal.json"
AUDIT = "evidence/audit.jsonl"
CASES = "evidence/cases.json"
REPORT = "report/"
SIGNATURES = "signatures/"
PARTIAL = ".partial"  # how the name of a file or folder ends that is being written, and is no evidence yet
# Sealed apart: the manifest cannot hold itself, the trail goes on while the report is written, and the report
# prints the manifest's digest.
OUTSIDE = (MANIFEST, SEAL, AUDIT)

ROLES = {
    "protocol.yaml": "protocol as resolved",
    "lock.json": "lock",
    "ro-crate-metadata.json": "crate",
    "cohort": "cohort",
    "inference": "model outputs",
    "casewise": "measures of each case",
    "pictures": "images of single cases",
    "shift": "tables of the shift analysis",
    "house": "house style of the report",
    "results": "results table",
    "estimates.json": "estimates",
    "findings.json": "findings",
    "verdict.json": "verdict",
    "evidence": "evidence",
    "report": "report",
    "signatures": "signature",
}


@dataclass(frozen=True, slots=True)
class SealedFile:
    """path : relative to the run folder, with forward slashes    sha256 : 64 hexadecimal digits."""

    path: str
    sha256: str
    size: int
    role: str

    def document(self) -> dict[str, Any]:
        return {"path": self.path, "sha256": self.sha256, "bytes": self.size, "role": self.role}


def run_files(folder: Path) -> Iterator[str]:
    """Every file of a run folder but half-written ones, as relative paths, sorted.

    Raises EvidenceError on a symbolic link: what it points to is not part of the evidence.
    """
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise EvidenceError(f"{relative}: a symbolic link can't be evidence; replace it by the file itself")
        if path.is_file() and not any(part.endswith(PARTIAL) for part in path.relative_to(folder).parts):
            yield relative


def sealed_file(folder: Path, relative: str) -> SealedFile:
    """The file as it lies there now."""
    path = folder / relative
    role = ROLES.get(relative, ROLES.get(relative.split("/", 1)[0], "other"))
    return SealedFile(relative, file_digest(path), path.stat().st_size, role)


def manifest_document(folder: Path, *, inputs: Mapping[str, Any], created: str) -> dict[str, Any]:
    """The manifest: every file of the run but the report and what is sealed apart.

    inputs : digests of what was read from outside the run folder (model files, reference table, case files are in
    the cohort table)    created : UTC time, ISO 8601
    "cases" is the Merkle root over the cases, where the run has any: it proves one case to who has the manifest alone.
    """
    files = [
        sealed_file(folder, relative).document()
        for relative in run_files(folder)
        if relative not in OUTSIDE and not relative.startswith((REPORT, SIGNATURES))
    ]
    cases = {"cases": root} if (root := case_root(folder)) is not None else {}
    return {"schema_version": "1", "created": created, "inputs": dict(inputs), **cases, "files": files}


def case_root(folder: Path) -> dict[str, Any] | None:
    """Number of cases and the root over them, from evidence/cases.json; None where there is none."""
    if not (folder / CASES).is_file():
        return None
    try:
        told = json.loads((folder / CASES).read_text(encoding="utf-8"))
        return {"count": told["cases"], "root": told["root"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvidenceError(f"{CASES}: can't be read: {type(error).__name__}") from error
