"""The lines between cells of a table, resolved without asking every box about four lines that it does not have.

As weasyprint.layout.table.collapse_table_borders (CSS 2.1, 17.6.2.1), for tables whose columns run from left to right: what a
style says of its borders is read once, and a style without any is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

RANKS = ("none", "inset", "groove", "outset", "ridge", "dotted", "dashed", "solid", "double", "hidden")
DRAWN_AS = {"inset": "ridge", "outset": "groove"}
SIDES = ("left", "right", "top", "bottom")
NOTHING = (0, 0, 0)
Score = tuple[int, float, int]
Border = tuple[Score, tuple[str, float, Any]]  # how it stands against others; style, width, colour
Grid = list[list[Border]]


def resolve_borders_quickly() -> None:
    """From now on, in this process."""
    from weasyprint.formatting_structure import build

    engine = build.collapse_table_borders
    if getattr(engine, "ours", False):
        return

    def resolved(table: Any, width: int, height: int) -> tuple[Grid, Grid]:
        if not (width and height) or table.style["direction"] != "ltr":
            found: tuple[Grid, Grid] = engine(table, width, height)
            return found
        return _resolved(table, width, height)

    resolved.ours = True  # type: ignore[attr-defined]
    build.collapse_table_borders = resolved


def _resolved(table: Any, width: int, height: int) -> tuple[Grid, Grid]:
    """Vertical and horizontal lines; the boxes get half of the width of each of theirs."""
    from weasyprint.layout.table import TRANSPARENT

    none: Border = (NOTHING, ("none", 0, TRANSPARENT))
    hidden: Border = ((1, 0, RANKS.index("hidden")), ("hidden", 0, TRANSPARENT))
    vertical: Grid = [[none] * (width + 1) for _ in range(height)]
    horizontal: Grid = [[none] * width for _ in range(height + 1)]
    for cell, y in _cells(table):
        for inner in range(cell.grid_x + 1, cell.grid_x + cell.colspan):
            for row in range(y, y + cell.rowspan):
                vertical[row][inner] = hidden
        for column in range(cell.grid_x, cell.grid_x + cell.colspan):
            for inner in range(y + 1, y + cell.rowspan):
                horizontal[inner][column] = hidden
        _set(vertical, horizontal, cell.style, cell.grid_x, y, cell.colspan, cell.rowspan)
    for box, *place in _around(table, width, height):
        _set(vertical, horizontal, box.style, *place)
    _give_widths(table, vertical, horizontal, width, height)
    return vertical, horizontal


def _cells(table: Any) -> Iterator[tuple[Any, int]]:
    y = 0
    for group in table.children:
        for row in group.children:
            for cell in row.children:
                yield cell, y
            y += 1


def _around(table: Any, width: int, height: int) -> Iterator[tuple[Any, int, int, int, int]]:
    """What holds cells, weaker ones last, each with its place and size."""
    rows = [row for group in table.children for row in group.children]
    yield from ((row, 0, y, width, 1) for y, row in enumerate(rows))
    y = 0
    for group in table.children:
        yield group, 0, y, width, len(group.children)
        y += len(group.children)
    for columns in table.column_groups:
        yield from ((column, column.grid_x, 0, 1, height) for column in columns.children)
    yield from ((columns, columns.grid_x, 0, columns.span, height) for columns in table.column_groups)
    yield table, 0, 0, width, height


def _set(vertical: Grid, horizontal: Grid, style: Any, x: int, y: int, wide: int, high: int) -> None:
    """The first of equals stays."""
    borders = style.__dict__.get("validate_borders", style)
    if borders is style:
        borders = style.validate_borders = _of_style(style)
    if borders is None:
        return
    left, right, top, bottom = borders
    for line in range(y, y + high):
        _set_one(vertical[line], x, left)
        _set_one(vertical[line], x + wide, right)
    for column in range(x, x + wide):
        _set_one(horizontal[y], column, top)
        _set_one(horizontal[y + high], column, bottom)


def _set_one(line: list[Border], place: int, border: Border) -> None:
    if line[place][0] < border[0]:
        line[place] = border


def _of_style(style: Any) -> tuple[Border, ...] | None:
    """Its four borders; None where none of them wins against nothing."""
    from weasyprint.draw.color import get_color

    found: list[Border] = []
    for side in SIDES:
        kind, width = style[f"border_{side}_style"], style[f"border_{side}_width"]
        score = (int(kind == "hidden"), width, RANKS.index(kind))
        found.append((score, (DRAWN_AS.get(kind, kind), width, get_color(style, f"border_{side}_color"))))
    return tuple(found) if any(score > NOTHING for score, _ in found) else None


def _give_widths(table: Any, vertical: Grid, horizontal: Grid, width: int, height: int) -> None:
    def upright(x: int, first: int, last: int) -> float:
        return max(line[x][1][1] for line in vertical[first:last])

    def level(first: int, y: int, last: int) -> float:
        return max(border[1][1] for border in horizontal[y][first:last])

    for group in table.children:
        _give(group, 0, 0, 0, 0)
        for row in group.children:
            _give(row, 0, 0, 0, 0)
    for cell, y in _cells(table):
        x, right, bottom = cell.grid_x, cell.grid_x + cell.colspan, y + cell.rowspan
        _give(cell, level(x, y, right), upright(right, y, bottom), level(x, bottom, right), upright(x, y, bottom))
    for columns in table.column_groups:
        _give(columns, 0, 0, 0, 0)
        for column in columns.children:
            _give(column, 0, 0, 0, 0)
    _give(table, level(0, 0, width), upright(width, 0, 1), level(0, height, width), upright(0, 0, 1))


def _give(box: Any, top: float, right: float, bottom: float, left: float) -> None:
    box.border_top_width, box.border_right_width = top / 2, right / 2
    box.border_bottom_width, box.border_left_width = bottom / 2, left / 2
