"""The reliability curve: what the model says against what is so, and how often it says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validate.report.figures.canvas import HALF, Canvas, Figure, Scale
from validate.report.figures.frame import GRID, square_frame


@dataclass(frozen=True, slots=True)
class Bin:
    """stated, observed, low, high : in [0, 1]; low and high are None where the bin has no limits."""

    stated: float
    observed: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Outputs:
    """How often the model states which probability. edges : bin borders, one more than counts."""

    edges: Sequence[float]
    counts: Sequence[int]


def reliability(
    name: str, bins: Sequence[Bin], outputs: Outputs, *, smooth: Sequence[Sequence[float | None]] = (), description: str
) -> Figure:
    """Dots with limits against the diagonal of perfect calibration; below, the histogram of the model's outputs.

    smooth : (stated, observed, low, high) along the smooth curve, low and high None where it has no band
    """
    canvas = Canvas(HALF, 286)
    x, y = Scale(0, 1, 32, HALF - 12), Scale(0, 1, 206, 8)
    square_frame(canvas, x, y, x_title="", y_title="Observed share of positives", x_labels=False)
    canvas.line((x(0), y(0)), (x(1), y(1)), "faint", width=0.8, dash="1.5 2.5")
    _smooth(canvas, smooth, x, y)
    for b in bins:
        if b.low is not None and b.high is not None:
            at = x.clipped(b.stated)
            canvas.line((at, y.clipped(b.low)), (at, y.clipped(b.high)), "accent", width=1.3)
    line = [(x.clipped(b.stated), y.clipped(b.observed)) for b in bins]
    if len(line) > 1 and not smooth:
        canvas.curve(line, "accent", width=0.9)
    for place in line:
        canvas.disc(place, 2.5, "accent")
    _histogram(canvas, outputs, x)
    return canvas.figure(name, "Reliability curve", description)


def _smooth(canvas: Canvas, points: Sequence[Sequence[float | None]], x: Scale, y: Scale) -> None:
    upper = [(x.clipped(p[0]), y.clipped(p[3])) for p in points if p[0] is not None and p[3] is not None]
    lower = [(x.clipped(p[0]), y.clipped(p[2])) for p in points if p[0] is not None and p[2] is not None]
    if upper and lower:
        canvas.area([*upper, *reversed(lower)])
    line = [(x.clipped(p[0]), y.clipped(p[1])) for p in points if p[0] is not None and p[1] is not None]
    if len(line) > 1:
        canvas.curve(line, "accent", width=1.2)


def _histogram(canvas: Canvas, outputs: Outputs, x: Scale) -> None:
    top, floor = 214.0, 254.0
    most = max(outputs.counts, default=0) or 1
    boxes = []
    for left, right, number in zip(outputs.edges, outputs.edges[1:], outputs.counts, strict=False):
        tall = (floor - top) * number / most
        boxes.append((x.clipped(left) + 0.4, floor - tall, x.clipped(right) - x.clipped(left) - 0.8, tall))
    canvas.bars(boxes, "faint")
    canvas.line((x(0), floor), (x(1), floor), "grey")
    canvas.text((x(0) - 4, floor - 1), "cases", size=7, tone="grey", anchor="end")
    for value in GRID:
        canvas.tick((x(value), floor + 11), value, f"{value:.0%}")
    middle = (x(0) + x(1)) / 2
    canvas.text((middle, floor + 24), "Probability that the model states", size=7.5, tone="grey", anchor="middle")
