"""Who is in, who is out, and why: the participant flow as boxes and arrows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from validate.report.figures.canvas import WIDTH, Canvas, Figure, Tone, Words, fitted, text_width
from validate.report.printed import Printed

BOX, SIDE_LEFT, SIDE = 210.0, 257.0, 236.0
LINE, TOP, FOOT, COMPACT = 11.5, 14.5, 7.5, 19.0


@dataclass(frozen=True, slots=True)
class Box:
    """One step. leaves : stands to the right, with its reasons line by line; compact : on a single line; joins : comes back."""

    label: Words
    counts: Printed
    leaves: bool = False
    reasons: tuple[Printed, ...] = ()
    tone: Tone = "ink"
    compact: bool = False
    joins: bool = False

    @property
    def height(self) -> float:
        if self.compact:
            return COMPACT
        return TOP + LINE * (1 + len(self.reasons)) + FOOT


def flow(name: str, boxes: Sequence[Box], *, description: str) -> Figure:
    """Boxes from top to bottom; those that leave branch off to the right between their neighbours."""
    places, height = _places(boxes)
    canvas = Canvas(WIDTH, height)
    stays = [(box, y) for box, y in zip(boxes, places, strict=True) if not box.leaves]
    for (above, y), (_, below) in pairwise(stays):
        canvas.line((BOX / 2, y + above.height), (BOX / 2, below - 4), "grey", width=0.8)
        canvas.area([(BOX / 2 - 2.6, below - 5), (BOX / 2 + 2.6, below - 5), (BOX / 2, below)], "grey")
    for box, y in zip(boxes, places, strict=True):
        if box.leaves:
            middle = y + box.height / 2
            canvas.line((BOX / 2, middle), (SIDE_LEFT - (0 if box.joins else 4), middle), "grey", width=0.8)
            tip, back = (BOX / 2, BOX / 2 + 5) if box.joins else (SIDE_LEFT, SIDE_LEFT - 5)
            canvas.area([(back, middle - 2.6), (back, middle + 2.6), (tip, middle)], "grey")
        _draw(canvas, box, y)
    return canvas.figure(name, "Participant flow", description)


def _places(boxes: Sequence[Box]) -> tuple[list[float], float]:
    """The top of each box, and the height of the whole."""
    places: list[float] = []
    y = 0.5
    for index, box in enumerate(boxes):
        if index:
            both = box.compact and boxes[index - 1].compact
            y += 4 if both else 6.5 if box.leaves or boxes[index - 1].leaves else 12
        places.append(y)
        y += box.height
    return places, y + 1


def _draw(canvas: Canvas, box: Box, y: float) -> None:
    x, width = (SIDE_LEFT, SIDE) if box.leaves else (0.5, BOX)
    canvas.box((x, y), (width - 1, box.height))
    if box.compact:
        canvas.text((x + width - 10, y + 12.4), box.counts, size=8, weight=600, anchor="end")
        room = width - 26 - text_width(str(box.counts), 8)
        canvas.text((x + 9, y + 12.4), fitted(box.label, 7.8, room), size=7.8, tone="grey")
        return
    canvas.text((x + 9, y + TOP - 2), fitted(box.label, 7.5, width - 18), size=7.5, tone="grey")
    size = 9.5 if text_width(str(box.counts), 9.5) * 1.06 <= width - 18 else 8.0
    canvas.text((x + 9, y + TOP + 10), box.counts, size=size, weight=600, tone=box.tone)
    for line, reason in enumerate(box.reasons, start=1):
        canvas.text((x + 9, y + TOP + 9.5 + LINE * line), reason, size=7.8, tone="grey")
