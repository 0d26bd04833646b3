"""findings.json: the findings as plain JSON and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from validate.analyses.analysis import Finding
from validate.errors import EvidenceError

SCHEMA_VERSION = "1"


def to_document(findings: Sequence[Finding]) -> dict[str, Any]:
    """{"schema_version", "findings": [{"id", "analysis", "model", "title", "statement", "status", …, "data"}]}."""
    return {"schema_version": SCHEMA_VERSION, "findings": [_plain(finding) for finding in findings]}


def from_document(document: Mapping[str, Any]) -> tuple[Finding, ...]:
    """The findings that were written. Raises EvidenceError where the document does not hold any."""
    try:
        if document["schema_version"] != SCHEMA_VERSION:
            raise EvidenceError(
                f"findings.json: schema version {document['schema_version']!r}; this version reads '{SCHEMA_VERSION}'."
            )
        return tuple(Finding(**{**entry, "estimates": tuple(entry["estimates"])}) for entry in document["findings"])
    except (KeyError, TypeError) as error:
        raise EvidenceError(f"findings.json holds no findings: {error!r}. Restore it from the bundle.") from error


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "analysis": finding.analysis,
        "model": finding.model,
        "title": finding.title,
        "statement": finding.statement,
        "status": finding.status,
        "prespecified": finding.prespecified,
        "estimates": list(finding.estimates),
        "data": dict(finding.data),
    }
