"""Who is imaged where: a heat map of each covariate's mix on each level, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validate.report.figures.canvas import WIDTH, Canvas, Figure, Words, fitted
from validate.report.printed import Printed

LABELS, CELL, HEAD, GAP = 92.0, 15.0, 34.0, 8.0


@dataclass(frozen=True, slots=True)
class Mix:
    """title, said : of the covariate, and how closely it goes with the rows      shares : (row, level), each row sums to 1"""

    title: Words
    said: Words
    levels: Sequence[Words]
    shares: Sequence[Sequence[float]]
    words: Sequence[Sequence[Printed | str]]


def confounding_map(name: str, rows: Sequence[Words], mixes: Sequence[Mix], *, title: str, description: str) -> Figure:
    """Darker is more of the row; every cell is told in figures too."""
    canvas = Canvas(WIDTH, HEAD + CELL * len(rows) + 4)
    across = sum(len(mix.levels) for mix in mixes)
    room = (WIDTH - LABELS - GAP * max(len(mixes) - 1, 0)) / max(across, 1)
    for place, row in enumerate(rows):
        canvas.text((0, HEAD + CELL * place + 10.5), fitted(row, 8, LABELS - 6), size=8)
    x = LABELS
    for mix in mixes:
        wide = room * len(mix.levels)
        canvas.text((x, 8), fitted(mix.title, 7.6, wide), size=7.6, weight=600)
        canvas.text((x, 17), fitted(mix.said, 6.6, wide), size=6.6, tone="grey")
        for at, level in enumerate(mix.levels):
            left = x + at * room
            canvas.text(
                (left + room / 2, HEAD - 4), fitted(level, 6.8, room - 1), size=6.8, tone="grey", anchor="middle"
            )
            for place, shares in enumerate(mix.shares):
                top = HEAD + CELL * place
                canvas.shade((left, top), (room, CELL), _colour(shares[at]))
                canvas.text(
                    (left + room / 2, top + 10.3), mix.words[place][at], size=6.8, anchor="middle",
                    tone="paper" if shares[at] > 0.62 else "ink", shaded=True,
                )  # fmt: skip
        x += wide + GAP
    return canvas.figure(name, title, description)


def _colour(share: float) -> str:
    """From paper to the accent colour."""
    part = min(max(share, 0.0), 1.0)
    ends = ((255, 255, 255), (11, 93, 107))
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in zip(*ends, strict=True))
