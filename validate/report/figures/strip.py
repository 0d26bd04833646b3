"""Every case of a measure: a point each over the outline of how they lie, with the quartiles and the median."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validate.report.figures.canvas import WIDTH, Canvas, Figure, Scale, Words, fitted, ticks
from validate.report.printed import Printed

LEFT, RIGHT, NUMBERS = 118.0, 372.0, 386.0
TALL, TOP = 44.0, 8.0
NOTHING = 1e-9
SPREAD = 0.6180339887498949  # golden ratio: points of one row keep apart


@dataclass(frozen=True, slots=True)
class Strip:
    """counts : of equal bins from low to high      below, above : cases outside, drawn as rings at the end."""

    label: Words
    values: Sequence[float]
    counts: Sequence[int]
    low: float
    high: float
    below: int
    above: int
    quartiles: tuple[float, float, float]
    words: Printed | str
    more: Printed | str = ""


def strips(name: str, rows: Sequence[Strip], *, title: str, axis: str, percent: bool, description: str) -> Figure:
    """One row for each structure, all on one axis."""
    canvas = Canvas(WIDTH, TOP + TALL * len(rows) + 30)
    low, high = min(row.low for row in rows), max(row.high for row in rows)
    high = high if high - low > NOTHING else low + 1.0  # all in one place: one unit of scale beside it
    margin = 0.02 * (high - low or 1.0)
    x = Scale(low - margin, high + margin, LEFT, RIGHT)
    floor = TOP + TALL * len(rows)
    for tick in ticks(x.low, x.high, most=7, fine=True):
        canvas.line((x(tick), TOP), (x(tick), floor))
        text = f"{100 * tick:.10g}%" if percent else f"{tick:.10g}"
        canvas.tick((x(tick), floor + 11), tick, text.replace("-", "−"), size=7.2)
    canvas.text(((LEFT + RIGHT) / 2, floor + 24), axis, size=7.5, tone="grey", anchor="middle")
    for number, row in enumerate(rows):
        _row(canvas, row, x, TOP + TALL * (number + 0.5))
    return canvas.figure(name, title, description)


def _row(canvas: Canvas, row: Strip, x: Scale, middle: float) -> None:
    canvas.text((8, middle + 3), fitted(row.label, 8.2, LEFT - 16), size=8.2)
    tallest, step = max(row.counts, default=0) or 1, (row.high - row.low) / len(row.counts)
    centres = [x(row.low + (place + 0.5) * step) for place in range(len(row.counts))]
    half = [0.42 * TALL * count / tallest for count in row.counts]
    outline = [(at, middle - tall) for at, tall in zip(centres, half, strict=True)]
    if row.high - row.low > NOTHING:
        canvas.area([*outline, *((at, middle + tall) for at, tall in reversed(list(zip(centres, half, strict=True))))])
    inside = [value for value in row.values if row.low <= value <= row.high]
    places = [(x(value), middle + 0.5 * TALL * (((k + 1) * SPREAD) % 1 - 0.5)) for k, value in enumerate(inside)]
    canvas.marks(places, "h0", "grey", width=1.7)
    for count, at in ((row.below, LEFT), (row.above, RIGHT)):
        for place in range(min(count, 8)):
            canvas.disc((at, middle + 5.0 * (place - (min(count, 8) - 1) / 2)), 1.8, "fail", hollow=True)
    lower, median, upper = (x.clipped(value) for value in row.quartiles)
    canvas.line((lower, middle), (upper, middle), "accent", width=2.2)
    canvas.line((median, middle - 7), (median, middle + 7), "accent", width=2.2)
    canvas.text((NUMBERS, middle), row.words, size=7.8)
    canvas.text((NUMBERS, middle + 10), row.more, size=7, tone="grey")
