"""The precision–recall curve with its band, its operating point and the line of a model that guesses."""

from __future__ import annotations

from validate.report.figures.canvas import HALF, Canvas, Figure, Scale, fitted
from validate.report.figures.frame import square_frame
from validate.report.figures.roc import Curve


def precision_recall(
    name: str, curve: Curve, *, prevalence: float, x_title: str, y_title: str, description: str
) -> Figure:
    """Points as (recall, precision). prevalence : share of positives, where a guess lies."""
    canvas = Canvas(HALF, 258.0)
    x, y = Scale(0, 1, 32, HALF - 12), Scale(0, 1, 206, 8)
    if curve.lower and curve.upper:
        band = [*curve.lower, *reversed(curve.upper)]
        canvas.area([(x.clipped(u), y.clipped(v)) for u, v in band])
    square_frame(canvas, x, y, x_title=x_title, y_title=y_title)
    canvas.line((x(0), y.clipped(prevalence)), (x(1), y.clipped(prevalence)), "faint", width=0.7, dash="1.5 2.5")
    canvas.text((x(0) + 4, y.clipped(prevalence) - 3), "guessing", size=7, tone="grey")
    canvas.curve(_steps(curve, x, y), "accent", width=1.5)
    if curve.operating is not None:
        canvas.disc((x.clipped(curve.operating[0]), y.clipped(curve.operating[1])), 3.0, "accent", hollow=True)
    canvas.line((32, 247.4), (48, 247.4), "accent", width=1.5)
    canvas.text((53, 250), fitted(curve.label, 7.8, HALF - 60), size=7.8)
    return canvas.figure(name, "Precision–recall curve", description)


def _steps(curve: Curve, x: Scale, y: Scale) -> list[tuple[float, float]]:
    """Recall stands still or grows; a straight line between two points would promise precision that no threshold gives."""
    places: list[tuple[float, float]] = []
    for recall, precision in curve.points:
        if places:
            places.append((x.clipped(recall), places[-1][1]))
        places.append((x.clipped(recall), y.clipped(precision)))
    return places
