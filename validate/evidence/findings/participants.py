"""The participant flow from its tables: every box in rows, series, studies and patients, by reason, by site and by class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from validate.canonical import pointer_step
from validate.evidence.findings.finding import Finding
from validate.evidence.recount_number import Number

BOXES = {
    "eligible": "all", "failed": "failed_labelled", "failed:unreadable": "unreadable_labelled", "failed:no_output": "silent_labelled",
}  # fmt: skip
UNITS = {
    "files": "rows",
    "images": "rows",
    "units": "rows",
    "series": "series",
    "studies": "studies",
    "patients": "patients",
}
LEFT = "excluded:"


def numbers(finding: Finding) -> Iterator[Number]:
    for place, step in enumerate(finding.data["steps"]):
        name = str(step["id"])
        if name.startswith(LEFT):
            yield from _left(finding, f"steps/{place}", step)
        elif name != "found":
            box = BOXES.get(name, name)
            for unit, count in UNITS.items():
                if name != "eligible" or unit not in {"files", "images"} or finding.data["unit"] == "image":
                    yield from finding.number(f"steps/{place}/{unit}", finding.people(count, box))
            for reason in step["reasons"]:
                line = finding.people("rows", box, reason=reason)
                yield from finding.number(f"steps/{place}/reasons/{pointer_step(reason)}", line)
        elif finding.data["unit"] == "image":
            files = finding.people("rows", "all"), finding.line("people.left", asked={"reason": None})
            yield from finding.number(f"steps/{place}/files", *files)
    for place, part in enumerate(finding.data["by"]):
        for at, level in [("total", None), *((f"rows/{n}", row["level"]) for n, row in enumerate(part["rows"]))]:
            yield from _level(finding, f"by/{place}/{at}", part["attribute"], level)


def _left(finding: Finding, at: str, step: Any) -> Iterator[Number]:
    line = finding.line("people.left", asked={"reason": step["id"].removeprefix(LEFT)})
    yield from finding.number(f"{at}/files", line)
    for reason in step["reasons"]:
        yield from finding.number(f"{at}/reasons/{pointer_step(reason)}", line)


def _level(finding: Finding, at: str, attribute: str, level: str | None) -> Iterator[Number]:
    groups = {} if level is None else {f"{attribute}*": level}
    excluded = finding.line("people.identified", asked={"attribute": attribute, "level": level})
    counts: Any = finding.data
    for step in at.split("/"):
        counts = counts[int(step) if isinstance(counts, list) else step]
    for name in counts:
        if name in {"identified", "excluded"}:
            inside = (finding.people("rows", "all", groups),) if name == "identified" else ()
            yield from finding.number(f"{at}/{name}", excluded, *inside)
        elif name != "level":
            yield from finding.number(f"{at}/{name}", finding.people("rows", BOXES.get(name, name), groups))
