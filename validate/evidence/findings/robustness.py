"""Whose answer changes under disturbance, and how many give none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from validate.evidence.findings.finding import Finding
from validate.evidence.recount_number import Number

FLIPS = {"to_positive": "to_positive", "to_negative": "to_negative", "rows": "in_both"}


def numbers(finding: Finding) -> Iterator[Number]:
    data = finding.data
    for c, cause in enumerate(data["causes"]):
        for place, step in enumerate(cause["steps"]):
            at = f"causes/{c}/steps/{place}"
            of: dict[str, Any] = {"pass": step["pass"]}
            yield from finding.number(f"{at}/failed", finding.line("outputs.failed", **of))
            for name, line_of in FLIPS.items():
                yield from finding.number(f"{at}/flips/{name}", finding.line(f"outputs.{line_of}", **of))
    passes = {"passes": [step["pass"] for cause in data["causes"] for step in cause["steps"]]}
    yield from finding.number("never_flipped", finding.line("outputs.never_flipped", asked=passes))
    yield from finding.number("answered", finding.line("outputs.answered_clean"))
    for place in range(len(data["most_flipped"])):
        line = finding.line("outputs.times_flipped", asked={**passes, "place": place})
        yield from finding.number(f"most_flipped/{place}/passes", line)
