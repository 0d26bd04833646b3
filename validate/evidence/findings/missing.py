"""What is missing: failures by reason and class, and labels."""

from __future__ import annotations

from collections.abc import Iterator

from validate.evidence.findings.finding import Finding
from validate.evidence.recount_number import Number

OF_ALL = {"rows": "all", "outputs": "output", "failed": "failed"}
OF_REASON = {
    "positives": "failed_positives",
    "negatives": "failed_negatives",
    "no_label": "failed_unlabelled",
    "total": "failed",
}


def numbers(finding: Finding) -> Iterator[Number]:
    for name, box in OF_ALL.items():
        yield from finding.number(name, finding.people("rows", box))
    yield from finding.number("share", finding.people("rows", "failed"), finding.people("rows", "all"), how="ratio")
    for place, one in enumerate(finding.data["failures"]):
        for name, box in OF_REASON.items():
            yield from finding.number(f"failures/{place}/{name}", finding.people("rows", box, reason=one["reason"]))
    for place, one in enumerate(finding.data["labels"]):
        for count in ("rows", "patients"):
            yield from finding.number(f"labels/{place}/{count}", finding.people(count, f"label_{one['status']}"))
