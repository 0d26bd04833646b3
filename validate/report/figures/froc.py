"""FROC: the share of lesions found against false marks per case, with the band and the operating point."""

from __future__ import annotations

from collections.abc import Sequence

from validate.report.figures.canvas import HALF, Canvas, Figure, Scale, fitted, ticks
from validate.report.figures.frame import GRID
from validate.report.figures.roc import LINES, Curve


def froc(name: str, curves: Sequence[Curve], *, x_title: str, y_title: str, description: str) -> Figure:
    """Points as (false marks per case, share of lesions found), as stairs; the band of the first curve only."""
    most = max((x for curve in curves for x, _ in curve.points), default=1.0) or 1.0
    canvas = Canvas(HALF, 246.0 + 12 * len(curves))
    x, y = Scale(0, most, 32, HALF - 12), Scale(0, 1, 206, 8)
    for curve in curves[:1]:
        if curve.lower and curve.upper:
            band = [*curve.lower, *reversed(curve.upper)]
            canvas.area([(x.clipped(u), y.clipped(v)) for u, v in band])
    for value in GRID:
        canvas.line((x(0), y(value)), (x(most), y(value)))
        canvas.tick((x(0) - 4, y(value) + 2.5), value, f"{value:.0%}", anchor="end")
    for tick in ticks(0.0, most, most=6):
        canvas.line((x(tick), y(0)), (x(tick), y(0) + 3), "grey")
        canvas.tick((x(tick), y(0) + 11), tick, f"{tick:.10g}")
    canvas.text(((x(0) + x(most)) / 2, y(0) + 24), x_title, size=7.5, tone="grey", anchor="middle")
    canvas.text((7, (y(0) + y(1)) / 2), y_title, size=7.5, tone="grey", anchor="middle", turned=True)
    for number, curve in enumerate(curves):
        tone, dash = LINES[number % len(LINES)]
        places: list[tuple[float, float]] = []
        for u, v in curve.points:
            if places:
                places.append((x.clipped(u), places[-1][1]))
            places.append((x.clipped(u), y.clipped(v)))
        if len(places) > 1:
            canvas.curve(places, tone, width=1.5, dash=dash)
        if curve.operating is not None:
            canvas.disc((x.clipped(curve.operating[0]), y.clipped(curve.operating[1])), 3.0, tone, hollow=True)
        line = 250.0 + 12 * number
        canvas.line((32, line - 2.6), (48, line - 2.6), tone, width=1.5, dash=dash)
        canvas.text((53, line), fitted(curve.label, 7.8, HALF - 60), size=7.8)
    return canvas.figure(name, "FROC curve", description)
