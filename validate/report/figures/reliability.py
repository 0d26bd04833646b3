"""The reliability curve: what the model says against what is so, and how often it says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validate.report.figures.canvas import HALF, Canvas, Figure, Scale
from validate.report.figures.frame import square_frame


@dataclass(frozen=True, slots=True)
class Bin:
    """predicted, observed, low, high : in [0, 1]; None where the bin is empty or has no limits."""

    start: float
    end: float
    cases: int
    predicted: float | None
    observed: float | None
    low: float | None
    high: float | None


def reliability(name: str, bins: Sequence[Bin], *, description: str) -> Figure:
    """Dots with limits against the diagonal of perfect calibration; below, the histogram of the model's outputs."""
    canvas = Canvas(HALF, 286)
    x, y = Scale(0, 1, 32, HALF - 12), Scale(0, 1, 206, 8)
    square_frame(canvas, x, y, x_title="", y_title="Observed share of positives", x_labels=False)
    canvas.line((x(0), y(0)), (x(1), y(1)), "faint", width=0.8, dash="1.5 2.5")
    seen = [b for b in bins if b.predicted is not None and b.observed is not None]
    for b in seen:
        if b.low is not None and b.high is not None:
            at = x.clipped(b.predicted or 0.0)
            canvas.line((at, y.clipped(b.low)), (at, y.clipped(b.high)), "accent", width=1.3)
    line = [(x.clipped(b.predicted or 0.0), y.clipped(b.observed or 0.0)) for b in seen]
    if len(line) > 1:
        canvas.curve(line, "accent", width=0.9)
    for at_bin in line:
        canvas.disc(at_bin, 2.5, "accent")
    _histogram(canvas, bins, x)
    return canvas.figure(name, "Reliability curve", description)


def _histogram(canvas: Canvas, bins: Sequence[Bin], x: Scale) -> None:
    top, floor = 214.0, 254.0
    most = max((b.cases for b in bins), default=0) or 1
    canvas.bars(
        [
            (x.clipped(b.start) + 0.6, floor - (floor - top) * b.cases / most, x.clipped(b.end) - x.clipped(b.start) - 1.2,
             (floor - top) * b.cases / most)
            for b in bins
        ],
        "faint",
    )  # fmt: skip
    canvas.line((x(0), floor), (x(1), floor), "grey")
    canvas.text((x(0) - 4, floor - 1), "cases", size=7, tone="grey", anchor="end")
    for value in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        canvas.text((x(value), floor + 11), f"{value:.0%}", size=7, tone="grey", anchor="middle")
    canvas.text(
        ((x(0) + x(1)) / 2, floor + 24), "Probability that the model states", size=7.5, tone="grey", anchor="middle"
    )
