"""The gap plot: differences between groups or scanners, by limits that hold for all of them at once, with the margin if one was fixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validate.report import view
from validate.report.figures.canvas import Figure, Tone
from validate.report.figures.forest import Axis, Row, forests
from validate.report.printed import Printed
from validate.report.sealed import Node

TONES: dict[str, Tone] = {"beyond": "fail", "shown": "inconclusive"}
CONCLUSIONS = {
    "within": "within the margin",
    "beyond": "beyond the margin",
    "shown": "a difference is shown",
    "open": "neither shown nor ruled out",
    "not compared": "too few to compare",
}


@dataclass(frozen=True, slots=True)
class Gap:
    """found : the estimate of the difference      conclusion : one of CONCLUSIONS"""

    label: Printed | str
    found: Node
    conclusion: str


def gap_forest(
    name: str, blocks: Sequence[tuple[Printed | str, Sequence[Gap]]], *, unit: str, margin: float | None, title: str
) -> list[Figure]:
    """Blocks : a heading each, such as an attribute and what its groups are held against. Nothing where nothing was compared."""
    rows: list[Row] = []
    for head, gaps in blocks:
        rows.append(Row(head, head=True))
        rows += [_row(gap, unit) for gap in gaps]
    if not any(not row.head for row in rows):
        return []
    axis = Axis(
        percent=unit == "proportion", zero=True, goal=None if margin is None else -margin, also=margin, count_title="patients",
        goal_words="" if margin is None else "margin", value_title="Difference (limits for all at once)",
    )  # fmt: skip
    spoken = "; ".join(f"{r.label}: {r.words}" for r in rows if not r.head)
    return forests(name, rows, axis, title=title, description=f"{title}. {spoken}.")


def _row(gap: Gap, unit: str) -> Row:
    found, interval = gap.found, gap.found["interval"]
    return Row(
        gap.label, view.count(found["n_patients"]), found["value"].value, interval["simultaneous_low"].value,
        interval["simultaneous_high"].value, told(found, unit), TONES.get(gap.conclusion, "ink"), faint=not interval,
    )  # fmt: skip


def told(found: Node, unit: str) -> Printed:
    """The difference with limits for all at once."""
    interval = found["interval"]
    if not interval:
        return view.difference(found, unit)
    limits = view.limits_signed(interval, unit, low="simultaneous_low", high="simultaneous_high")
    return view.signed(found["value"], unit) + " (" + limits + ")"
