"""The participant flow of each site and each class of the reference: drawn as lanes, and as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from validate.report import view
from validate.report.figures.canvas import Figure
from validate.report.figures.flow_lanes import Lane, flow_lanes
from validate.report.printed import Printed, printed
from validate.report.sealed import Node
from validate.report.study import Study
from validate.report.table import Column, Table, row

COLUMNS = {
    "identified": "Identified", "eligible": "Eligible", "readable": "Readable", "sent": "Sent", "no_output": "No output",
    "output": "Output", "labelled": "And reference", "analysed": "Analysed",
}  # fmt: skip
TITLES = {**COLUMNS, "output": "With output", "labelled": "With reference"}
BETWEEN = ("excluded", "unreadable", "not_sent", "no_output", "no_label", "returned")  # over the arrows from box to box
EACH, MOST = 28, 84  # lanes of one drawing, and drawn at all
WORDS = {"site": "By site", "institution": "By site", "reference": "By class of the reference"}


@dataclass(frozen=True, slots=True)
class Breakdown:
    """undrawn : said where there are more levels than are drawn"""

    title: str
    figures: tuple[Figure, ...]
    table: Table
    undrawn: Printed = field(default_factory=Printed)


def breakdowns(study: Study, finding: Node, *, first: bool) -> list[Breakdown]:
    """One for each attribute that has levels. first : of the first model, whose tables carry no model in their name"""
    suffix = "" if first else f"-{study.key(finding['model'].text)}"
    return [_breakdown(found, suffix) for found in finding["data"]["by"] if found["rows"] and _parted(found)]


def as_before(finding: Node, earlier: Node) -> bool:
    """Whether a model's flow is, count for count, that of one whose lanes are drawn."""
    mine, theirs = finding["data"]["by"].value, earlier["data"]["by"].value
    return bool(mine) and mine == theirs


def _parted(found: Node) -> bool:
    """Whether there is more than one lane: a reference with one class has the flow of all cases."""
    return found["attribute"].text != "reference" or len(found["rows"]) > 1


def _breakdown(found: Node, suffix: str) -> Breakdown:
    attribute = found["attribute"].text
    rows = list(found["rows"])
    drawn = rows
    if len(rows) > MOST:
        largest = sorted(rows, key=lambda one: -_number(one[_boxes(found)[0]]))[:MOST]
        kept = {one.path for one in largest}
        drawn = [one for one in rows if one.path in kept]
    undrawn = Printed()
    if len(rows) > MOST:
        number = printed(f"{len(rows):,}", found["rows"].length_address())
        undrawn = "The largest of " + number + " are drawn; all of them stand in the table."
    figures = tuple(_figures(found, drawn, f"flow-lanes-{attribute}{suffix}"))
    return Breakdown(WORDS.get(attribute, found["words"].text), figures, _table(found, suffix), undrawn)


def _figures(found: Node, rows: Sequence[Node], name: str) -> Iterator[Figure]:
    boxes = _boxes(found)
    titles = [TITLES[box] for box in boxes]
    whole = [Lane("All", *_way(found["total"], boxes), whole=True)] if found["total"] else []
    for place in range(0, len(rows), EACH):
        part = rows[place : place + EACH]
        lanes = [*(whole if place == 0 else []), *(Lane(_level(found, one), *_way(one, boxes)) for one in part)]
        spoken = "; ".join(f"{lane.name}: {', '.join(map(str, lane.counts))}" for lane in lanes)
        yield flow_lanes(
            name if place == 0 else f"{name}-{place // EACH + 1}",
            titles,
            lanes,
            title=f"Participant flow by {found['words'].text.lower()}",
            description=f"For each, counts of {', '.join(titles).lower()}. {spoken}.",
        )


def _level(found: Node, one: Node) -> Printed:
    """A class of the reference as the rest of the report calls it; what a site is called is its own."""
    text = one["level"].text
    return printed(text.replace("_", " ") if found["attribute"].text == "reference" else text, one["level"].address)


def _boxes(found: Node) -> tuple[str, ...]:
    """Those that remain; what was identified only where the run counted it."""
    known = found["total"]["identified"].value is not None
    return tuple(box for box in COLUMNS if box != "no_output" and (known or box != "identified"))


def _way(counts: Node, boxes: Sequence[str]) -> tuple[tuple[Printed, ...], tuple[Printed, ...], tuple[float, ...]]:
    """Counts of the boxes, what stands between them, and shares of the first box."""
    most = max(_number(counts[boxes[0]]), 1)
    arrows = BETWEEN[len(BETWEEN) - len(boxes) + 1 :]
    return (
        tuple(view.count(counts[box], absent="–") for box in boxes),
        tuple(_left(counts[name], "+" if name == "returned" else "−") for name in arrows),
        tuple(min(_number(counts[box]) / most, 1.0) for box in boxes),
    )


def _left(count: Node, sign: str) -> Printed:
    return printed(sign) + view.count(count) if _number(count) else Printed()


def _number(count: Node) -> int:
    return count.value if isinstance(count.value, int) else 0


def _table(found: Node, suffix: str) -> Table:
    """The boxes of each level."""
    shown = [box for box in COLUMNS if box != "identified" or box in _boxes(found)]
    columns = (Column(found["words"].text, width=16), *(Column(COLUMNS[box], numeric=True) for box in shown))
    rows = [row(_level(found, one), *(view.count(one[box], absent="–") for box in shown)) for one in found["rows"]]
    return Table(f"flow-by-{found['attribute'].text}{suffix}", columns, tuple(rows))
