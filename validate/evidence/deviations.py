"""How many deviations from what was locked the lock and the audit trail hold: amendments by weight, interruptions, refused runs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from validate.evidence.manifest import AUDIT
from validate.evidence.seal import read_document
from validate.provenance.audit import read_events

DEVIATIONS, LOCK = "evidence/deviations.json", "lock.json"
LAST = "computed"  # the trail goes on while reports are written and signed


def deviations_document(folder: Path) -> dict[str, Any]:
    """
    {"amendments": {"major", "minor", "after_unblinding"}, "interruptions", "refusals", "total"}: whole numbers.

    interruptions : how often the run was taken up again      refusals : how often it was refused since it was not what was locked
    total : amendments, interruptions and refusals together; what a program can't see is in none of them
    """
    amendments = (read_document(folder, LOCK).get("amendments") or []) if (folder / LOCK).is_file() else []
    events = [event["type"] for event in read_events(folder / AUDIT)]
    last = max((place for place, kind in enumerate(events) if kind == LAST), default=len(events) - 1)
    kinds = Counter(events[: last + 1])
    weights = Counter(record["severity"] for record in amendments)
    return {
        "schema_version": "1",
        "amendments": {
            "major": weights["major"],
            "minor": weights["minor"],
            "after_unblinding": sum(record["when"] == "after_unblinding" for record in amendments),
        },
        "interruptions": kinds["resumed"],
        "refusals": kinds["refused"],
        "total": len(amendments) + kinds["resumed"] + kinds["refused"],
    }
