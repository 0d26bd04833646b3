"""Whether a site's exported ledger is the one that a run stood in: not cut, not begun anew, with this run's own look in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from validate.errors import EvidenceError
from validate.evidence.seal import read_document
from validate.provenance.event import checked, parsed

LEDGER = "evidence/ledger.json"


def ledger_differences(folder: Path, export: Path) -> Iterator[str]:
    """In words, whatever does not fit.    export : of `validate runs --export`

    Raises EvidenceError where the export can't be read, or the run noted no ledger.
    """
    told = read_document(folder, LEDGER)
    try:
        lines = export.read_bytes().splitlines()
    except OSError as error:
        raise EvidenceError(f"{export}: the exported ledger can't be read: {error.strerror}") from error
    chain = checked(lines)
    yield from (f"{export.name}: {problem}" for problem in chain.problems)
    if chain.problems:
        return
    entries = [event for line in lines if (event := parsed(line)) is not None]
    count, head = told.get("entries"), told.get("head")
    whole = isinstance(count, int) and 0 < count <= len(entries) and entries[count - 1]["hash"] == head
    if not whole:
        yield f"{export.name}: does not hold the head that {LEDGER} noted: it was cut, begun anew, or is of another site"
        return
    if not any(one["type"] == "unblinded" and one["data"].get("run") == told.get("run") for one in entries[:count]):
        yield f"{export.name}: does not know that this run looked at the labels"
