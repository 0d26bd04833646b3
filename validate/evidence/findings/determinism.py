"""The same images once more: how many outputs are equal, the largest difference, and each endpoint both times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from validate.evidence.findings.finding import Finding
from validate.evidence.recount_number import Number
from validate.evidence.recount_outputs import FIRST
from validate.evidence.recount_table import Entry

COUNTS = {"compared": "again", "identical": "identical", "answers_changed": "answers_changed", "largest": "largest"}


def numbers(finding: Finding) -> Iterator[Number]:
    for place, check in enumerate(finding.data["checks"]):
        again = str(check["pass"])
        for count in COUNTS:
            yield from finding.number(f"checks/{place}/{count}", _line(finding, count, again))
        for e, endpoint in enumerate(check["endpoints"]):
            overall = finding.overall(endpoint["endpoint"])
            if overall is not None:
                first, second = {**overall, "pass": FIRST}, {**overall, "pass": again}
                at = f"checks/{place}/endpoints/{e}"
                yield from finding.number(f"{at}/first", first)
                yield from finding.number(f"{at}/again", second)
                yield from finding.number(f"{at}/change", (1.0, second), (-1.0, first))
    if finding.data["checks"]:
        widest = max(finding.data["checks"], key=lambda check: check["compared"])
        yield from finding.number("cases", _line(finding, "compared", str(widest["pass"])))


def _line(finding: Finding, count: str, again: str) -> Entry:
    asked: dict[str, Any] = {"pass": again, "asked": {"mirror": {}, "before": FIRST}}
    return finding.line(f"outputs.{COUNTS[count]}", **asked)
