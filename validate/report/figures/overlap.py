"""Who gets which cases right: both, one of the two, neither, as a bar for each kind of case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validate.report.figures.canvas import WIDTH, Canvas, Figure, Tone, Words, fitted, text_width
from validate.report.printed import Printed

LEFT, RIGHT, TALL, PITCH, TOP = 118.0, WIDTH - 4, 17.0, 34.0, 30.0
TONES: tuple[Tone, ...] = ("band", "accent", "inconclusive", "fail")
INKS: tuple[Tone, ...] = ("ink", "paper", "paper", "paper")
SMALL, APART = 7.4, 5.0  # of counts that their part has no room for, set below it in its colour


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
        x, below = LEFT, list[tuple[float, Words, Tone]]()
        for (count, words), tone, ink in zip(bar.counts, TONES, INKS, strict=True):
            wide = (RIGHT - LEFT) * count / total
            canvas.bars([(x, y, max(wide - 0.8, 0.0), TALL)], tone)
            if wide > text_width(str(words), 7.8) + 5:
                canvas.text((x + wide / 2, y + TALL / 2 + 2.8), words, size=7.8, anchor="middle", tone=ink, weight=600)
            elif count:
                below.append((x + wide / 2, words, "grey" if tone == "band" else tone))
            x += wide
        for place, (_, words, tone) in zip(spread(below), below, strict=True):
            canvas.text((place, y + TALL + 9), words, size=SMALL, anchor="middle", tone=tone)
    return canvas.figure(name, title, description)


def spread(below: Sequence[tuple[float, Words, Tone]]) -> list[float]:
    """Where counts below a bar are centred: in order, and so far apart that 3 beside 2 is not read as 32."""
    half = [text_width(str(words), SMALL) / 2 for _, words, _ in below]
    places = [at for at, _, _ in below]
    for _ in places:  # each pass mends the pairs that the last one pushed together
        for left in range(len(places) - 1):
            lacking = half[left] + APART + half[left + 1] - (places[left + 1] - places[left])
            if lacking > 0:
                places[left] -= lacking / 2
                places[left + 1] += lacking / 2
    if not places:
        return places
    over = max(places[-1] + half[-1] - RIGHT, 0.0)
    return [place - over for place in places]
