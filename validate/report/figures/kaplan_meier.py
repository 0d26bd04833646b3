"""Kaplan–Meier curves: the share without the event over time, a step at each event, with bands and numbers at risk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validate.report.figures.canvas import WIDTH, Canvas, Figure, Scale, Words, fitted, ticks
from validate.report.figures.frame import GRID
from validate.report.figures.roc import LINES
from validate.report.printed import Printed

LEFT, RIGHT, TOP, FLOOR, LINE = 86.0, WIDTH - 12, 10.0, 190.0, 11.0


@dataclass(frozen=True, slots=True)
class Group:
    """times, survival, low, high : as long as each other, a step down at each time; low and high empty without a band

    censored : (time, survival) of those who left before the event    at_risk : numbers at the ticks of the axis, headed by `short`
    """

    label: Printed | str
    times: Sequence[float]
    survival: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    censored: Sequence[tuple[float, float]] = ()
    at_risk: Sequence[Printed | str] = ()
    short: Words = ""


def kaplan_meier(
    name: str,
    groups: Sequence[Group],
    *,
    last: float,
    at: Sequence[float],
    x_title: str,
    y_title: str,
    description: str,
) -> Figure:
    """Last : the end of the axis    at : times that numbers at risk are given for; the ticks where there are none."""
    marks = list(at) or ticks(0.0, last, most=7)
    told = any(group.at_risk for group in groups)
    canvas = Canvas(WIDTH, FLOOR + 34 + LINE * len(groups) * (2 if told else 1) + (14 if told else 0))
    x, y = Scale(0.0, last or 1.0, LEFT, RIGHT), Scale(0, 1, FLOOR, TOP)
    for value in GRID:
        canvas.line((x.start, y(value)), (x.end, y(value)))
        canvas.tick((x.start - 4, y(value) + 2.5), value, f"{value:.0%}", anchor="end")
    for tick in marks:
        canvas.line((x.clipped(tick), FLOOR), (x.clipped(tick), FLOOR + 3), "grey")
        canvas.tick((x.clipped(tick), FLOOR + 12), tick, f"{tick:.10g}")
    canvas.text(((x.start + x.end) / 2, FLOOR + 25), x_title, size=7.5, tone="grey", anchor="middle")
    canvas.text((LEFT - 36, (TOP + FLOOR) / 2), y_title, size=7.5, tone="grey", anchor="middle", turned=True)
    for number, group in enumerate(groups):
        tone, dash = LINES[number % len(LINES)]
        if group.low and group.high and number == 0:
            upper, lower = _stairs(group.times, group.high, last), _stairs(group.times, group.low, last)
            canvas.area([(x.clipped(t), y.clipped(s)) for t, s in [*upper, *reversed(lower)]])
        stairs = _stairs(group.times, group.survival, last)
        canvas.curve([(x.clipped(t), y.clipped(s)) for t, s in stairs], tone, width=1.5, dash=dash)
        canvas.marks([(x.clipped(t), y.clipped(s) - 2.5) for t, s in group.censored], "v5", tone, width=0.9)
        line = FLOOR + 38 + LINE * number
        canvas.line((LEFT, line - 2.6), (LEFT + 18, line - 2.6), tone, width=1.5, dash=dash)
        canvas.text((LEFT + 23, line), group.label, size=7.8)
    if told:
        start = FLOOR + 38 + LINE * len(groups) + 8
        canvas.text((0, start), "At risk", size=7.4, tone="grey", weight=600)
        for number, group in enumerate(groups):
            base = start + LINE * (number + 1) - 1
            canvas.text((0, base), fitted(group.short or str(group.label), 7.4, LEFT - 14), size=7.4)
            for tick, count in zip(marks, group.at_risk, strict=False):
                canvas.text((x.clipped(tick), base), count, size=7.4, tone="grey", anchor="middle")
    return canvas.figure(name, "Kaplan–Meier curves", description)


def _stairs(times: Sequence[float], values: Sequence[float], last: float) -> list[tuple[float, float]]:
    places = [(0.0, 1.0)]
    for time, value in zip(times, values, strict=True):
        places += [(time, places[-1][1]), (time, value)]
    return [*places, (max(last, places[-1][0]), places[-1][1])]
