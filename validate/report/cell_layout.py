"""Rows and cells of a table laid out without what only other boxes need: lengths are found once for each style, and a cell of one
line has its line, its height, and nothing to break.

What this does is what WeasyPrint does for such a cell; any other is laid out by WeasyPrint.
"""

from __future__ import annotations

from typing import Any

from validate.report.cell_line import set_line

LENGTHS = (
    "margin_left", "margin_right", "margin_top", "margin_bottom", "padding_left", "padding_right", "padding_top",
    "padding_bottom", "width", "min_width", "max_width", "height", "min_height", "max_height", "border_top_width",
    "border_right_width", "border_bottom_width", "border_left_width",
)  # fmt: skip
BORDERS = LENGTHS[-4:]
SIMPLE = {"max_lines": "none", "position": "static", "continue": "auto", "box_decoration_break": "slice"}


def lay_out_cells_quickly() -> None:
    """From now on, in this process."""
    from weasyprint.formatting_structure import boxes
    from weasyprint.layout import block, percent, table

    if getattr(block.block_container_layout, "ours", False):
        return
    by_engine, resolve = block.block_container_layout, percent.resolve_percentages

    def lengths(box: Any, containing_block: Any) -> None:
        if isinstance(box, boxes.TableCellBox | boxes.TableRowBox):
            _resolve(box, containing_block, resolve)
        else:
            resolve(box, containing_block)

    def layout(context: Any, box: Any, bottom_space: float, skip_stack: Any, *others: Any, **named: Any) -> Any:
        if isinstance(box, boxes.TableCellBox) and skip_stack is None and len(box.children) == 1:
            found = _cell(context, box, bottom_space, resolve)
            if found is not None:
                return found, None, {"break": "any", "page": None}, [], False, None
        return by_engine(context, box, bottom_space, skip_stack, *others, **named)

    layout.ours = True  # type: ignore[attr-defined]
    block.block_container_layout, table.resolve_percentages = layout, lengths


def _resolve(box: Any, around: Any, resolve: Any) -> None:
    """Of equal boxes in equal ones all lengths are equal. A style belongs to one document, and is not changed any more."""
    own = box.__dict__
    known = box.style.__dict__.setdefault("validate_lengths", {})
    key = (around.width, around.height, *(own.get(name) for name in BORDERS))
    found = known.get(key)
    if found is None:
        resolve(box, around)
        known[key] = {name: own[name] for name in LENGTHS}
    else:
        own.update(found)


def _cell(context: Any, box: Any, bottom_space: float, resolve: Any) -> Any:
    """The cell with its line; None where it is not simple, or does not fit on the page."""
    from weasyprint.formatting_structure import boxes

    line = box.children[0]
    if type(line) is not boxes.LineBox or not _is_simple(box):
        return None
    y = box.content_box_y()
    line.position_x, line.position_y = box.content_box_x(), y
    _resolve(line, box, resolve)
    line.text_indent = 0
    set_ = set_line(context, line, y, box)
    if set_ is None:
        return None
    bottom = set_.position_y + set_.height
    if context.overflows_page(bottom_space, bottom + box.border_bottom_width + box.padding_bottom):
        return None
    set_.resume_at = None
    found = box.copy_with_children([set_])
    found.height = max(min(max(0, bottom - y), found.max_height), found.min_height)
    return found


def _is_simple(box: Any) -> bool:
    style = box.style
    if "validate_simple" not in style.__dict__:
        plain = all(style[name] == value for name, value in SIMPLE.items())
        style.validate_simple = plain and not style["text_indent"].value and style["height"] == "auto"
    lettered = box.first_line_style is not None or box.first_letter_style is not None
    return bool(style.validate_simple) and not lettered and not box.margin_top and box.height == "auto"
