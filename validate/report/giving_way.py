"""A figure that does not fit on what is left of a page lets the table after it go first, and begins the next page.

The typesetter leaves the rest of the page empty instead, up to half of it before a tall figure. Only the order on paper changes, and
only within what one heading holds: tables with their captions pass the figure, no heading and no other figure does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

EMPTY = 0.16  # of the height of a page: what is left before it, at the least, for a figure to give way
LEADS = {"h2", "h3", "h4"}
LEADING = {"kicker", "statement", "gallery-head", "note", "leads"}
TABLES = {"tabled", "counts"}
FOLLOWING = {"caption", "note", "below"}


def let_figures_give_way() -> None:
    """From now on, in this process."""
    from weasyprint.layout import block

    if getattr(block.block_box_layout, "ours", False):
        return
    engine = block.block_box_layout

    def layout(context: Any, box: Any, *others: Any, **named: Any) -> Any:
        if box.element_tag != "section" or box.is_column:
            return engine(context, box, *others, **named)
        bottom_space, skip_stack, _, page_is_empty, absolute_boxes, fixed_boxes, adjoining_margins = others[:7]
        at = box.position_x, box.position_y

        def laid() -> Any:
            box.position_x, box.position_y = at
            return engine(context, box, *others[:6], list(adjoining_margins), *others[7:], **named)

        def undo(found: Any) -> None:
            if found[0] is not None:
                block.remove_placeholders(context, [found[0]], absolute_boxes, fixed_boxes)

        found, first = laid(), skip_stack is None and not page_is_empty
        while (move := _move(context, box, bottom_space, found, first=first)) is not None:
            before, reached = box.children, _reached(found)
            undo(found)
            box.children = _moved(before, *move)
            found = laid()
            if _reached(found) <= reached:  # the table does not begin here either
                undo(found)
                box.children = before
                return laid()
        return found

    layout.ours = True  # type: ignore[attr-defined]
    block.block_box_layout = layout


def _move(context: Any, box: Any, bottom_space: float, found: Any, *, first: bool) -> tuple[int, int] | None:
    """Which child goes behind which others, where it would leave much of this page empty.

    first : the box begins here, below others
    """
    laid, resume_at = found[0], found[1]
    if laid is None:
        if not first:
            return None
        begin, end = 0, box.position_y
    else:
        if resume_at is None:
            return None
        ((begin, within),) = resume_at.items()
        if within is not None or not laid.children:
            return None
        last = laid.children[-1]
        end = last.position_y + last.margin_height()
    left = context.page_bottom - bottom_space - end
    return figure_and_end(box.children, begin) if left > EMPTY * context.page_bottom else None


def figure_and_end(children: Sequence[Any], begin: int) -> tuple[int, int] | None:
    """The figure that the page stops at, and the place behind the tables that may go before it.

    begin : the first child that is not on the page; a heading that stays with its figure is before that
    """
    place = begin
    while place < len(children) and _leads(children[place]):
        place += 1
    if place == len(children) or not _is_figure(children[place]):
        return None
    end = place + 1
    while end < len(children) and _has(children[end], TABLES | FOLLOWING):
        end += 1
    passing = [one for one in children[place + 1 : end] if _has(one, TABLES)]
    return (place, end) if passing and not any(_has(one, {"landscape"}) for one in passing) else None


def _moved(children: Sequence[Any], place: int, end: int) -> list[Any]:
    """The figure, and what stands at its foot, behind the tables."""
    return [*children[:place], *children[place + 1 : end], children[place], *children[end:]]


def _reached(found: Any) -> tuple[int, ...]:
    """How far a layout came: the path to where it goes on."""
    if found[0] is None:
        return ()
    path, resume_at = [], found[1]
    if resume_at is None:
        return (10**9,)
    while resume_at:
        ((index, resume_at),) = resume_at.items()
        path.append(index)
    return tuple(path)


def _is_figure(box: Any) -> bool:
    return box.element_tag == "figure" or _has(box, {"pair"})


def _leads(box: Any) -> bool:
    return box.element_tag in LEADS or _has(box, LEADING)


def _has(box: Any, names: set[str]) -> bool:
    return box.element is not None and bool(names & set(box.element.get("class", "").split()))
