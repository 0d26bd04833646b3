"""The participant flow of each site or class, one below the other: a lane each, from left to right who stays, on the arrows who leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from validate.report.figures.canvas import WIDTH, Canvas, Figure, Words, fitted, text_width
from validate.report.printed import Printed

NAME, HEAD, LANE, BOX_HEIGHT = 92.0, 25.0, 19.0, 14.0
SIZE, SMALL, HEADING, PADDING, LEAST_GAP = 7.5, 6.3, 6.8, 7.0, 17.0


@dataclass(frozen=True, slots=True)
class Lane:
    """One level's way. between : what stands over each arrow, one fewer than the boxes; empty where nobody left

    shares : of the lane's first box that is still there, 0 to 1, which fills the box; whole : of everybody together
    """

    name: Words
    counts: tuple[Printed, ...]
    between: tuple[Printed, ...]
    shares: tuple[float, ...]
    whole: bool = False


def flow_lanes(name: str, titles: Sequence[str], lanes: Sequence[Lane], *, title: str, description: str) -> Figure:
    """Titles : of the boxes, each of one or two words, set on two lines"""
    widest = max(text_width(str(count), SIZE) for lane in lanes for count in lane.counts)
    room = (WIDTH - 1 - NAME) / len(titles)
    least = max(text_width(word, HEADING) for words in titles for word in _two_lines(words))
    box = max(least, min(widest + PADDING, room - LEAST_GAP))
    starts = [NAME + room * place + (room - box) * place / max(len(titles) - 1, 1) for place in range(len(titles))]
    canvas = Canvas(WIDTH, HEAD + LANE * len(lanes) + 2)
    for words, x in zip(titles, starts, strict=True):
        for line, word in enumerate(_two_lines(words)):
            anchor = x + box / 2
            canvas.text((anchor, 8 + 8.5 * line), word, size=HEADING, tone="grey", anchor="middle")
    for row, lane in enumerate(lanes):
        y = HEAD + LANE * row
        if row and lanes[row - 1].whole:
            canvas.line((0, y - 2), (WIDTH, y - 2))
        _draw(canvas, lane, y, starts, box)
    return canvas.figure(name, title, description)


def _draw(canvas: Canvas, lane: Lane, y: float, starts: Sequence[float], box: float) -> None:
    weight, middle = 600 if lane.whole else 400, y + BOX_HEIGHT / 2
    size = 8.0 if text_width(lane.name, 8) <= NAME - 6 else 7.0
    canvas.text((0, middle + 2.7), fitted(lane.name, size, NAME - 6), size=size, weight=weight)
    for (x, after), left in zip(pairwise(starts), lane.between, strict=True):
        canvas.line((x + box, middle), (after - 3, middle), "grey", width=0.7)
        canvas.area([(after - 3.5, middle - 2), (after - 3.5, middle + 2), (after, middle)], "grey")
        if str(left):
            size = min(SMALL, SMALL * (after - x - box - 1) / text_width(str(left), SMALL))
            canvas.text(((x + box + after) / 2, middle - 2.4), left, size=round(size, 2), anchor="middle", weight=600)
    for x, count, share in zip(starts, lane.counts, lane.shares, strict=True):
        canvas.box((x, y), (box, BOX_HEIGHT))
        canvas.bars([(x + 0.6, y + 0.6, (box - 1.2) * share, BOX_HEIGHT - 1.2)], "band")
        size = min(SIZE, SIZE * (box - 3) / max(text_width(str(count), SIZE), 1))
        canvas.text((x + box / 2, middle + 2.6), count, size=round(size, 2), weight=weight, anchor="middle")


def _two_lines(words: str) -> tuple[str, ...]:
    first, _, second = words.partition(" ")
    return ("", first) if not second else (first, second)
