"""The run as a line of events: what came before the labels were seen, and what after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validate.report.figures.canvas import WIDTH, Canvas, Figure, fitted
from validate.report.printed import Printed

AXIS, PITCH, TOP, TIMES, LABELS = 158.0, 17.0, 12.0, 148.0, 172.0


@dataclass(frozen=True, slots=True)
class Moment:
    """kind : "before" or "after" the labels were seen, or "seen", the moment itself."""

    time: Printed
    label: Printed | str
    kind: str = "before"
    more: Printed | str = ""


def timeline(name: str, moments: Sequence[Moment], *, description: str) -> Figure:
    """From top to bottom in order, not to scale; hollow before the labels are seen, filled from then on."""
    canvas = Canvas(WIDTH, TOP + PITCH * len(moments) + 4)
    floor = TOP + PITCH * (len(moments) - 1)
    canvas.line((AXIS, TOP), (AXIS, floor), "hair", width=1.4)
    for place, moment in enumerate(moments):
        y = TOP + PITCH * place
        if moment.kind == "seen":
            canvas.line((0, y - PITCH / 2), (WIDTH, y - PITCH / 2), "accent", width=0.9, dash="3 2")
        canvas.text((TIMES, y + 2.8), moment.time, size=7.8, tone="grey", anchor="end")
        canvas.disc((AXIS, y), 3.0, "accent", hollow=moment.kind == "before")
        seen = moment.kind == "seen"
        canvas.text(
            (LABELS, y + 2.8), moment.label, size=8.4, weight=600 if seen else 400, tone="accent" if seen else "ink"
        )
        if moment.more:
            canvas.text((WIDTH - 2, y + 2.8), fitted(str(moment.more), 7.6, 190), size=7.6, tone="grey", anchor="end")
    return canvas.figure(name, "Timeline of the run", description)
