"""A heat map: one attribute down, another across, each cell shaded by its value and its value written in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validate.report.figures.canvas import WIDTH, Canvas, Figure, Words, fitted, text_width
from validate.report.figures.confusion_matrix import STEPS
from validate.report.printed import Printed

TALL, HEAD = 26.0, 40.0


@dataclass(frozen=True, slots=True)
class Cell:
    """share : 0 to 1, how dark; None is hatched with a dash: nothing is told of it."""

    share: float | None
    words: Printed | str
    more: Printed | str = ""


def heat_map(
    name: str, rows: Sequence[Words], columns: Sequence[Words], cells: Sequence[Sequence[Cell]], *, down: str, across: str,
    title: str, description: str,
) -> Figure:  # fmt: skip
    """Darker is more; the words in each cell carry the number, so that it reads in grey."""
    left = min(max((text_width(one, 7.6) for one in rows), default=0) + 23, 130.0)
    side = min((WIDTH - left - 2) / max(len(columns), 1), 92.0)
    canvas = Canvas(WIDTH, HEAD + TALL * len(rows) + 6)
    canvas.text((left, 10), across, size=7.5, tone="grey", weight=600)
    canvas.text((7, HEAD + TALL * len(rows) / 2), down, size=7.5, tone="grey", weight=600, anchor="middle", turned=True)
    for place, column in enumerate(columns):
        canvas.text((left + side * (place + 0.5), HEAD - 7), fitted(column, 7.6, side - 4), size=7.6, anchor="middle")
    for number, (label, line) in enumerate(zip(rows, cells, strict=True)):
        y = HEAD + TALL * number
        canvas.text((left - 6, y + TALL / 2 + 2.6), fitted(label, 7.6, left - 22), size=7.6, anchor="end")
        for place, cell in enumerate(line):
            x = left + side * place
            canvas.shade((x, y), (side, TALL), "#f5f7f8" if cell.share is None else STEPS[_step(cell.share)])
            middle = x + side / 2
            base = y + TALL / 2 + (2.8 if not cell.more else -0.6)
            canvas.text(
                (middle, base),
                cell.words,
                size=8,
                anchor="middle",
                tone="grey" if cell.share is None else "ink",
                shaded=True,
            )
            if cell.more:
                canvas.text((middle, y + TALL - 4.6), cell.more, size=6.6, anchor="middle", tone="ink", shaded=True)
    return canvas.figure(name, title, description)


def _step(share: float) -> int:
    return min(int(max(share, 0.0) * len(STEPS)), len(STEPS) - 1)
