"""Bland–Altman plot: difference against mean, with the mean difference and the limits of agreement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validate.report.figures.canvas import HALF, Canvas, Figure, Scale, ticks
from validate.report.printed import Printed

LEFT, RIGHT, TOP, FLOOR = 34.0, HALF - 64, 10.0, 190.0


@dataclass(frozen=True, slots=True)
class Line:
    """A level with its label, and its own limits where it has any."""

    at: float
    words: Printed | str
    low: float | None = None
    high: float | None = None


def bland_altman(
    name: str,
    points: Sequence[tuple[float, float]],
    lines: Sequence[Line],
    *,
    x_title: str,
    y_title: str,
    scale: float,
    description: str,
) -> Figure:
    """Scale : 100 where both are shares to be shown in percent, else 1. The first line is the mean difference."""
    canvas = Canvas(HALF, FLOOR + 32)
    points = [(scale * across, scale * up) for across, up in points]
    reach = [up for _, up in points] + [
        scale * end for line in lines for end in (line.at, line.low, line.high) if end is not None
    ]
    x = _scale([across for across, _ in points], LEFT, RIGHT)
    y = _scale([*reach, 0.0], FLOOR, TOP)
    for line in lines:
        if line.low is not None and line.high is not None:
            floor, roof = y(scale * line.low), y(scale * line.high)
            canvas.area([(x.start, floor), (x.end, floor), (x.end, roof), (x.start, roof)])
    for tick in ticks(x.low, x.high, most=6):
        canvas.line((x(tick), FLOOR), (x(tick), FLOOR + 3), "grey")
        canvas.tick((x(tick), FLOOR + 12), tick, _plain(tick))
    for tick in ticks(y.low, y.high, most=7):
        canvas.line((LEFT, y(tick)), (RIGHT, y(tick)))
        canvas.tick((LEFT - 4, y(tick) + 2.5), tick, _plain(tick), anchor="end")
    canvas.line((LEFT, y(0)), (RIGHT, y(0)), "grey", width=0.9)
    canvas.marks([(x(across), y(up)) for across, up in points], "h0", "ink", width=2.6)
    for number, line in enumerate(lines):
        canvas.line(
            (LEFT, y(scale * line.at)),
            (RIGHT, y(scale * line.at)),
            "accent",
            width=1.2,
            dash="" if not number else "4 2",
        )
        canvas.text((RIGHT + 4, y(scale * line.at) + 2.6), line.words, size=7, tone="accent", weight=600)
    canvas.text(((LEFT + RIGHT) / 2, FLOOR + 25), x_title, size=7.5, tone="grey", anchor="middle")
    canvas.text((8, (TOP + FLOOR) / 2), y_title, size=7.5, tone="grey", anchor="middle", turned=True)
    return canvas.figure(name, "Bland–Altman plot", description)


def _scale(values: Sequence[float], start: float, end: float) -> Scale:
    low, high = min(values), max(values)
    margin = 0.06 * (high - low) or 1.0
    return Scale(low - margin, high + margin, start, end)


def _plain(value: float) -> str:
    return f"{value:.10g}".replace("-", "−")
