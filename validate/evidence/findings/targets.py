"""Each class or finding by itself, and the table of reference against answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from validate.evidence.findings.finding import Finding, curve
from validate.evidence.recount_number import Number

OF_ROWS = {"labelled": "label_present", "positives": "positives", "without_label": "unlabelled"}


def numbers(finding: Finding) -> Iterator[Number]:
    for place, one in enumerate(finding.data["targets"]):
        at = f"targets/{place}"
        target: dict[str, Any] = {"target": one["name"]}
        for name, box in OF_ROWS.items():
            yield from finding.number(f"{at}/{name}", finding.people("rows", box, **target))
        if one["roc"] is not None:
            lines = finding.cases("roc_across", **target), finding.cases("roc_up", **target)
            yield from curve(finding, f"{at}/roc/points", one["roc"]["points"], *lines)
    if finding.data["table"] is not None:
        for true, row in enumerate(finding.data["table"]["cells"]):
            for given in range(len(row)):
                line = finding.cases("cell", target="all", condition={"true": true, "given": given})
                yield from finding.number(f"table/cells/{true}/{given}", line)
    for place, step in enumerate(finding.data["steps"] or ()):
        line = finding.cases("off_by", target="all", condition={"off": step["off"]})
        yield from finding.number(f"steps/{place}/cases", line)
