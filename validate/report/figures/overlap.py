"""Who gets which cases right: both, one of the two, neither, as a bar for each kind of case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validate.report.figures.canvas import WIDTH, Canvas, Figure, Tone, Words, fitted, text_width
from validate.report.printed import Printed

LEFT, RIGHT, TALL, PITCH, TOP = 118.0, WIDTH - 4, 17.0, 34.0, 30.0
TONES: tuple[Tone, ...] = ("band", "accent", "inconclusive", "fail")
INKS: tuple[Tone, ...] = ("ink", "paper", "paper", "paper")


@dataclass(frozen=True, slots=True)
class Bar:
    """counts : both right, only the first, only the second, both wrong, each as number and as printed."""

    label: Words
    counts: Sequence[tuple[int, Printed | str]]


def overlap(name: str, bars: Sequence[Bar], keys: Sequence[Words], *, title: str, description: str) -> Figure:
    """Parts stand in the same order everywhere, so that they are told apart without their colours."""
    canvas = Canvas(WIDTH, TOP + PITCH * len(bars) + 2)
    at = 0.0
    for key, tone in zip(keys, TONES, strict=True):
        canvas.bars([(at, 4, 9, 9)], tone)
        label = fitted(key, 7.6, WIDTH / len(keys) - 20)
        canvas.text((at + 13, 11.5), label, size=7.6)
        at += max(text_width(label, 7.6) * 1.06 + 26, WIDTH / len(keys) * 0.7)
    for number, bar in enumerate(bars):
        y, total = TOP + PITCH * number, sum(count for count, _ in bar.counts) or 1
        canvas.text((LEFT - 8, y + TALL / 2 + 3), fitted(bar.label, 8, LEFT - 12), size=8, anchor="end")
        x = LEFT
        for (count, words), tone, ink in zip(bar.counts, TONES, INKS, strict=True):
            wide = (RIGHT - LEFT) * count / total
            canvas.bars([(x, y, max(wide - 0.8, 0.0), TALL)], tone)
            if wide > text_width(str(words), 7.8) + 5:
                canvas.text((x + wide / 2, y + TALL / 2 + 2.8), words, size=7.8, anchor="middle", tone=ink, weight=600)
            elif count:
                canvas.text((x + wide / 2, y + TALL + 9), words, size=7.4, anchor="middle", tone="grey")
            x += wide
    return canvas.figure(name, title, description)
