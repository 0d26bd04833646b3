"""A forest plot: one row a group, its estimate and limits against the goal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validate.report.figures.canvas import WIDTH, Anchor, Canvas, Figure, Scale, Tone, Words, fitted, text_width, ticks
from validate.report.printed import Printed, printed

LABELS, COUNTS, LEFT, RIGHT, NUMBERS = 10.0, 152.0, 168.0, 366.0, 378.0
ROW, TALL, HEAD, TOP = 15.0, 27.0, 17.0, 22.0
MANY, CLOSE = 13, 0.82  # rows from which on they stand closer, so that a figure leaves room for its table
CONTINUED = ", continued"
MOST_ROWS = 34  # of one figure: what fits on a page with its caption
PART = 22  # rows of each figure where there are several: two of them fill a page, also below a heading


@dataclass(frozen=True, slots=True)
class Row:
    """
    value, low, high : None where there is none; the words then stand in the last column
    head : a group's title      faint : too few to be read
    goal : this row's own, where rows have different ones; upward : it is to be exceeded
    sub : a second line under the label, where rows are tall
    """

    label: Words
    count: Printed | str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    words: Printed | str = ""
    tone: Tone = "ink"
    head: bool = False
    faint: bool = False
    sub: Words = ""
    goal: float | None = None
    goal_words: Printed | str = ""
    upward: bool = True


@dataclass(frozen=True, slots=True)
class Axis:
    """goal, also : drawn dashed, such as both ends of a margin; percent : ticks as percentages; zero : a difference, with its
    own line at nought."""

    percent: bool
    goal: float | None = None
    goal_words: Printed | str = ""
    also: float | None = None
    zero: bool = False
    count_title: str = "n"
    value_title: Words = ""
    tall: bool = False


def forests(name: str, rows: Sequence[Row], axis: Axis, *, title: str, description: str) -> list[Figure]:
    """One figure, or several on one axis where the rows would not fit on a page; groups are kept whole if possible."""
    scale = _scale(rows, axis)
    parts = _pages(rows, tall=axis.tall)
    return [
        _forest(f"{name}-{number}", part, axis, scale, title=title, description=description)
        for number, part in enumerate(parts, start=1)
    ]


def _forest(name: str, rows: Sequence[Row], axis: Axis, scale: Scale, *, title: str, description: str) -> Figure:
    close = CLOSE if len(rows) >= MANY and not axis.tall else 1.0
    body = close * sum(_height(row, axis) for row in rows)
    canvas = Canvas(WIDTH, TOP + body + 20)
    floor = TOP + body + 2
    canvas.text((COUNTS, 12), axis.count_title, size=7.2, tone="grey", anchor="end")
    value_title = _headed(axis.value_title)
    canvas.text((NUMBERS, 12), value_title, size=min(7.2, _size(value_title, WIDTH - NUMBERS)), tone="grey")
    marks = ticks(scale.low, scale.high, most=8)
    places = 2 if any(abs(tick * 10 - round(tick * 10)) > 1e-6 for tick in marks) else 1
    for tick in marks:
        canvas.line((scale(tick), TOP - 3), (scale(tick), floor))
        canvas.tick((scale(tick), floor + 11), tick, _tick(tick, axis, places), size=7.2)
    if axis.zero:
        canvas.line((scale(0), TOP - 3), (scale(0), floor), "grey", width=0.9)
    if axis.goal is not None:
        canvas.line((scale(axis.goal), TOP - 6), (scale(axis.goal), floor), "accent", width=1.1, dash="3 2")
        at, anchor = _beside(scale(axis.goal), axis.goal_words)
        canvas.text((at, 12), axis.goal_words, size=7.2, tone="accent", anchor=anchor, weight=600)
    if axis.also is not None:
        canvas.line((scale(axis.also), TOP - 6), (scale(axis.also), floor), "accent", width=1.1, dash="3 2")
    y, grouped = TOP, False
    for row in rows:
        if row.head:
            if grouped:
                canvas.close_group()
            canvas.open_group(str(row.label).removesuffix(CONTINUED))
            grouped = True
        y += close * _height(row, axis)
        below = 10.0 * (len(_lines(row, tall=axis.tall)) - 1)
        foot = 10.5 + max(below - 10, 0) if axis.tall and not row.head else 4.5 if close == 1.0 else 3.8
        _draw(canvas, row, y - foot, scale, tall=axis.tall)
    if grouped:
        canvas.close_group()
    return canvas.figure(name, title, description)


def _headed(title: Words) -> Words:
    """The head of the last column, which a long name of a measure would leave: the words below a figure name it whole."""
    kind = "Difference (limits)" if str(title).startswith("Difference") else "Estimate (limits)"
    return title if text_width(title, 6.4) <= WIDTH - NUMBERS else kind


def _draw(canvas: Canvas, row: Row, base: float, scale: Scale, *, tall: bool) -> None:
    if row.head:
        canvas.text((0, base), fitted(row.label, 8.2, LEFT - 4), size=8.2, weight=600)
        if row.goal is not None:
            at, anchor = _beside(scale.clipped(row.goal), row.goal_words)
            canvas.text((at, base), row.goal_words, size=7.2, tone="accent", anchor=anchor, weight=600)
        return
    tone: Tone = "faint" if row.faint else row.tone
    words: Tone = "grey" if row.faint else row.tone
    room = _room(row, tall=tall)
    lines = _lines(row, tall=tall)
    own = min(_size(line.text, room) for line in lines if not line.under)
    for place, line in enumerate(lines):
        size, ink = (7.4, "grey") if line.under else (own, words)
        canvas.text((0 if tall else LABELS, base + 10 * place), fitted(line.text, size, room), size=size, tone=ink)  # type: ignore[arg-type]
    canvas.text((COUNTS, base), row.count, size=7.4, tone="grey", anchor="end")
    middle = base - 2.8
    if row.goal is not None:
        _own_goal(canvas, row, middle, scale)
    if row.low is not None and row.high is not None:
        ends = scale.clipped(row.low), scale.clipped(row.high)
        canvas.line((ends[0], middle), (ends[1], middle), tone, width=1.6 if not row.faint else 1.1)
        if row.low < scale.low:
            canvas.area([(ends[0] + 4, middle - 2.6), (ends[0] + 4, middle + 2.6), (ends[0] - 1, middle)], tone)
        if row.high > scale.high:
            canvas.area([(ends[1] - 4, middle - 2.6), (ends[1] - 4, middle + 2.6), (ends[1] + 1, middle)], tone)
    if row.value is not None:
        canvas.disc((scale.clipped(row.value), middle), 2.6, tone, hollow=row.faint)
    size = min(8.2, 8.2 * (WIDTH - NUMBERS) / max(1.0, text_width(str(row.words), 8.2)))
    canvas.text((NUMBERS, base), row.words, size=round(max(size, 5.0), 2), tone=words)


def _height(row: Row, axis: Axis) -> float:
    if row.head:
        return HEAD
    return TALL + 10 * max(0, len(_lines(row, tall=True)) - 2) if axis.tall else ROW


def _room(row: Row, *, tall: bool) -> float:
    """For a label, beside the count where there is one."""
    counted = text_width(str(row.count), 7.4) + 6 if row.count else 0.0
    return (COUNTS if counted else LEFT - 8) - counted - (0 if tall else LABELS)


@dataclass(frozen=True, slots=True)
class _Line:
    text: Words
    under: bool = False


def _lines(row: Row, *, tall: bool) -> list[_Line]:
    """The label on one line or two, and what stands under it on as many."""
    if row.head or not tall:
        return [_Line(row.label)]
    room = _room(row, tall=tall)
    found = [_Line(text) for text in _halves(row.label, room)]
    return [line for line in (*found, *(_Line(text, under=True) for text in _halves(row.sub, room, 7.4))) if line.text]


def _halves(label: Words, room: float, size: float = 8.2) -> tuple[Words, Words]:
    """A label on two lines where one has no room for it."""
    whole = printed(label)
    gaps = [place for place, sign in enumerate(str(whole)) if sign == " "]
    if text_width(whole, size) <= room or not gaps:
        return whole, ""
    halves = [(whole[:gap], whole[gap + 1 :]) for gap in gaps]
    return min(halves, key=lambda pair: max(text_width(half, size) for half in pair))


def _size(label: Words, room: float) -> float:
    """As large as a label may be in its room, and no smaller than can be read."""
    return int(100 * min(8.2, max(6.4, 8.19 * room / max(text_width(label, 8.2), 1.0)))) / 100


def _beside(at: float, words: Printed | str) -> tuple[float, Anchor]:
    """Where the words of a goal stand: above it, and no further to a side than the plot."""
    half = text_width(str(words), 7.2) / 2
    if at - half < LEFT:
        return LEFT, "start"
    return (RIGHT, "end") if at + half > RIGHT else (at, "middle")


def _own_goal(canvas: Canvas, row: Row, middle: float, scale: Scale) -> None:
    """A bracket at this row's goal, open to the side that meets it; its value stands above, or at the group's head."""
    at, side = scale.clipped(row.goal or 0.0), 3.5 if row.upward else -3.5
    canvas.curve(
        [(at + side, middle - 5), (at, middle - 5), (at, middle + 5), (at + side, middle + 5)], "accent", width=1.2
    )
    if row.goal_words:
        canvas.text((at, middle - 7.5), row.goal_words, size=7, tone="accent", anchor="middle", weight=600)


def _scale(rows: Sequence[Row], axis: Axis) -> Scale:
    """From the lowest limit to the highest, widened to tenths; never narrower than two tenths."""
    ends = [v for row in rows for v in (row.low, row.high, row.value) if v is not None]
    ends += [goal for goal in (axis.goal, axis.also, *(row.goal for row in rows)) if goal is not None]
    ends += [0.0] if axis.zero else []
    if not ends:
        return Scale(0, 1, LEFT, RIGHT)
    low, high = _down(min(ends)), -_down(-max(ends))
    if not axis.zero:
        low, high = (max(0.0, low), min(1.0, high)) if min(ends) >= 0 and max(ends) <= 1 else (low, high)
    while high - low < 0.2 - 1e-9:
        low, high = (low - 0.1, high) if low >= 0.1 - 1e-9 or axis.zero else (low, high + 0.1)
    return Scale(low, high, LEFT, RIGHT)


def _down(value: float) -> float:
    step = 0.1 if abs(value) <= 2 else 1.0
    return round((value + 1e-9) // step * step, 10)


def _tick(value: float, axis: Axis, places: int) -> str:
    text = f"{100 * value:.10g}%" if axis.percent else f"{value:.10g}" if abs(value) >= 10 else f"{value:.{places}f}"
    return text.replace("-", "−")


def _pages(rows: Sequence[Row], *, tall: bool) -> list[list[Row]]:
    if len(rows) <= (PART if tall else MOST_ROWS):
        return [list(rows)]
    pages: list[list[Row]] = [[]]
    head: Row | None = None
    for index, row in enumerate(rows):
        group = next((k for k in range(index + 1, len(rows)) if rows[k].head), len(rows)) - index
        full = len(pages[-1]) + (min(group, PART) if row.head else 1) > PART
        head = row if row.head else head
        if full and pages[-1]:
            pages.append([] if row.head or head is None else [Row(printed(head.label) + CONTINUED, head=True)])
        pages[-1].append(row)
    return pages
