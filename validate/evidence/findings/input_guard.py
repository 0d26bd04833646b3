"""What became of images that the model is not meant for."""

from __future__ import annotations

from collections.abc import Iterator

from validate.evidence.findings.finding import Finding
from validate.evidence.recount_number import Number

COUNTS = {
    "given": "made", "not_made": "not_made", "stopped": "stopped", "refused": "refused", "answered": "answered", "flagged": "flagged",
    "confident": "confident", "middle": "middle", "clean": "middle_clean",
}  # fmt: skip


def numbers(finding: Finding) -> Iterator[Number]:
    asked = {"confident": finding.data["confident"]}
    for place, kind in enumerate(finding.data["kinds"]):
        for name, line in COUNTS.items():
            one = finding.line(f"outputs.{line}", **{"pass": kind["pass"]}, asked=asked)
            yield from finding.number(f"kinds/{place}/{name}", one)
