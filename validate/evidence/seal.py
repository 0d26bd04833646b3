"""The last thing a run writes: one small file that binds manifest, audit trail and report together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from validate.canonical import file_digest, pretty_json, write_atomically
from validate.errors import EvidenceError
from validate.evidence.manifest import (
    AUDIT,
    MANIFEST,
    REPORT,
    SEAL,
    SIGNATURES,
    manifest_document,
    run_files,
    sealed_file,
)


def write_manifest(folder: Path, *, inputs: Mapping[str, Any], created: str) -> str:
    """Write evidence/manifest.json and return its SHA-256, which the report prints."""
    path = folder / MANIFEST
    write_atomically(path, pretty_json(manifest_document(folder, inputs=inputs, created=created)))
    return file_digest(path)


def seal_document(folder: Path, *, audit_head: str) -> dict[str, Any]:
    """What the seal of these files says: there is one way only to write it."""
    files = [sealed_file(folder, name) for name in run_files(folder) if name.startswith((REPORT, SIGNATURES))]
    return {
        "schema_version": "1",
        "manifest": {"path": MANIFEST, "sha256": file_digest(folder / MANIFEST)},
        "audit": {"path": AUDIT, "sha256": file_digest(folder / AUDIT), "head": audit_head},
        "report": [one.document() for one in files if one.path.startswith(REPORT)],
        "signatures": [one.document() for one in files if one.path.startswith(SIGNATURES)],
    }


def write_seal(folder: Path, *, audit_head: str) -> str:
    """Bind the manifest, the audit trail as it stands, and every report file; return the seal's SHA-256.

    audit_head : hash of the trail's last event. Raises EvidenceError when there is no manifest yet.
    """
    for needed in (MANIFEST, AUDIT):
        if not (folder / needed).is_file():
            raise EvidenceError(
                f"{folder / needed}: not there; a run is sealed after its manifest and trail are written"
            )
    write_atomically(folder / SEAL, pretty_json(seal_document(folder, audit_head=audit_head)))
    return file_digest(folder / SEAL)


def read_document(folder: Path, relative: str) -> dict[str, Any]:
    """A JSON document of the run folder. Raises EvidenceError, naming the file, when it is missing or torn."""
    path = folder / relative
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise EvidenceError(f"{relative}: missing from {folder}; this is not a whole run folder") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise EvidenceError(f"{relative}: can't be read as JSON: {error}") from error
    if not isinstance(document, dict):
        raise EvidenceError(f"{relative}: got {type(document).__name__}, expected a JSON object")
    return document
