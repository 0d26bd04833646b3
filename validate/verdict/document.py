"""verdict.json: the verdict as plain JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from validate.errors import EvidenceError
from validate.verdict.verdict import CriterionResult, Verdict

SCHEMA_VERSION = "1"


def to_document(verdict: Verdict) -> dict[str, Any]:
    """{"schema_version", "outcome", "exploratory", "sentence", "criteria": […]}."""
    criteria = [{**asdict(result), "estimates": list(result.estimates)} for result in verdict.criteria]
    return {
        "schema_version": SCHEMA_VERSION,
        "outcome": verdict.outcome,
        "exploratory": verdict.exploratory,
        "sentence": verdict.sentence,
        "criteria": criteria,
    }


def from_document(document: Mapping[str, Any]) -> Verdict:
    """The verdict that was written. Raises EvidenceError where the document is not one."""
    try:
        if document["schema_version"] != SCHEMA_VERSION:
            raise EvidenceError(
                f"verdict.json: schema version {document['schema_version']!r}; this version reads '{SCHEMA_VERSION}'."
            )
        criteria = tuple(
            CriterionResult(**{**entry, "estimates": tuple(entry["estimates"])}) for entry in document["criteria"]
        )
        return Verdict(
            outcome=document["outcome"],
            exploratory=document["exploratory"],
            sentence=document["sentence"],
            criteria=criteria,
        )
    except (KeyError, TypeError) as error:
        raise EvidenceError(f"verdict.json is not a verdict: {error!r}. Restore it from the bundle.") from error
