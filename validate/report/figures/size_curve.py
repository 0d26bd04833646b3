"""How the share of lesions that are found rises with their size: a smooth curve with its band over the lesions themselves."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

from validate.report.figures.canvas import HALF, Canvas, Figure, Scale

ROUND = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 40, 60, 80, 100, 150, 200, 300, 500, 1000)


def size_curve(
    name: str,
    points: Sequence[tuple[float, float]],
    band: Sequence[tuple[float, float, float]],
    lesions: Sequence[tuple[float, bool]],
    *,
    unit: str,
    description: str,
) -> Figure:
    """Points, band : (size, share[, share])    lesions : (size, found), a stroke above or below for each."""
    canvas = Canvas(HALF, 258.0)
    low, high = points[0][0], points[-1][0]
    x, y = Scale(log(low), log(high), 36, HALF - 12), Scale(0, 1, 192, 22)
    edge = [(x(log(at)), y(bottom)) for at, bottom, _ in band]
    edge += [(x(log(at)), y(top)) for at, _, top in reversed(band)]
    canvas.area(edge)
    for share in (0, 0.25, 0.5, 0.75, 1):
        canvas.line((36, y(share)), (HALF - 12, y(share)))
        canvas.tick((32, y(share) + 2.8), share, f"{100 * share:.0f}%", size=7.4, anchor="end")
    for size in ROUND:
        if low <= size <= high:
            canvas.line((x(log(size)), y(0) + 14), (x(log(size)), y(0) + 17), "grey")
            canvas.tick((x(log(size)), y(0) + 26), size, f"{size}", size=7.4)
    canvas.strokes([(x(log(size)), 18.0, 0.0, -9.0) for size, found in lesions if found], "accent", width=0.8)
    canvas.strokes([(x(log(size)), y(0) + 4.0, 0.0, 9.0) for size, found in lesions if not found], "fail", width=0.8)
    canvas.curve([(x(log(at)), y(share)) for at, share in points], "accent", width=1.5)
    canvas.text(((36 + HALF - 12) / 2, 233), f"Lesion size ({unit})", size=7.8, tone="grey", anchor="middle")
    canvas.text((9, (y(0) + y(1)) / 2), "Lesions found", size=7.8, tone="grey", anchor="middle", turned=True)
    canvas.text((36, 250), "Strokes above: found; below: missed", size=7.4, tone="grey")
    return canvas.figure(name, "Lesions found by size", description)
