"""The ROC curve with its band and the operating point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validate.report.figures.canvas import HALF, Canvas, Figure, Scale, Tone, fitted
from validate.report.figures.frame import square_frame
from validate.report.printed import Printed

Points = Sequence[tuple[float, float]]
LINES: tuple[tuple[Tone, str], ...] = (
    ("accent", ""), ("ink", "5 2.5"), ("inconclusive", "1.5 2"), ("pass", "7 2 1.5 2"), ("fail", "3 1.5"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Curve:
    """points, lower, upper : (false-positive rate, true-positive rate), both in [0, 1]."""

    label: Printed
    points: Points
    lower: Points = ()
    upper: Points = ()
    operating: tuple[float, float] | None = None
    cross: tuple[float, float, float, float] | None = (
        None  # limits at the operating point: fpr low, high, tpr low, high
    )


def roc(name: str, curves: Sequence[Curve], *, x_title: str, y_title: str, description: str) -> Figure:
    """One curve per model, each in its own colour and dash; the band of the first only, so that it stays readable."""
    height = 246.0 + 12 * len(curves)
    canvas = Canvas(HALF, height)
    x, y = Scale(0, 1, 32, HALF - 12), Scale(0, 1, 206, 8)
    for curve in curves[:1]:
        if curve.lower and curve.upper:
            band = [*curve.lower, *reversed(curve.upper)]
            canvas.area([(x.clipped(u), y.clipped(v)) for u, v in band])
    square_frame(canvas, x, y, x_title=x_title, y_title=y_title)
    canvas.line((x(0), y(0)), (x(1), y(1)), "faint", width=0.7, dash="1.5 2.5")
    for number, curve in enumerate(curves):
        tone, dash = LINES[number % len(LINES)]
        canvas.curve([(x.clipped(u), y.clipped(v)) for u, v in curve.points], tone, width=1.5, dash=dash)
        _operating_point(canvas, curve, x, y, tone)
        line = 250.0 + 12 * number
        canvas.line((32, line - 2.6), (48, line - 2.6), tone, width=1.5, dash=dash)
        canvas.text((53, line), fitted(curve.label, 7.8, HALF - 60), size=7.8)
    return canvas.figure(name, "ROC curve", description)


def _operating_point(canvas: Canvas, curve: Curve, x: Scale, y: Scale, tone: Tone) -> None:
    if curve.operating is None:
        return
    at = (x.clipped(curve.operating[0]), y.clipped(curve.operating[1]))
    if curve.cross is not None:
        left, right, low, high = curve.cross
        canvas.line((x.clipped(left), at[1]), (x.clipped(right), at[1]), "ink", width=0.9)
        canvas.line((at[0], y.clipped(low)), (at[0], y.clipped(high)), "ink", width=0.9)
    canvas.disc(at, 3.0, tone, hollow=True)
