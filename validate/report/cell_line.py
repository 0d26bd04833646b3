"""A cell of a table whose words fit on one line, set without the typesetter's search for where to break it.

Nine in ten cells of a report are such. Their words are shaped once (report/shaping.py); where the line stands in its cell is
what WeasyPrint found for the first line of the same style. Any other cell is set by WeasyPrint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from validate.report.shaping import Setter, Shaper, Unplain, Word, kept, number

JOINER = "\u2060"  # keeps a break from where this line has none
PLAIN = {
    "direction": "ltr", "white_space": "normal", "letter_spacing": "normal", "word_spacing": 0, "visibility": "visible",
    "text_decoration_line": "none", "vertical_align": "baseline", "text_overflow": "clip",
}  # fmt: skip
ALIGNED = {"start", "left", "right", "end", "auto"}


@dataclass(frozen=True, slots=True)
class Line:
    """What all lines of one style have in common. Lengths in CSS pixels, from the top of the line."""

    height: float
    baseline: float
    text_top: float
    text_height: float
    text_margins: tuple[float, float]
    text_baseline: float


@dataclass(slots=True)
class Styled:
    """line : once one was set by WeasyPrint"""

    shaper: Shaper
    line: Line | None = None


class Shaped:
    """Stands where WeasyPrint keeps the layout of a text."""

    def __init__(self, text: str, words: Sequence[Word]) -> None:
        self.text, self.words = text, words


def set_cells_in_lines() -> None:
    """From now on, in this process."""
    from weasyprint import draw
    from weasyprint.layout import inline

    if getattr(inline.get_next_linebox, "ours", False):
        return
    search, draw_text = inline.get_next_linebox, draw.draw_text

    def next_line(context: Any, line: Any, position_y: float, bottom: Any, skip: Any, cell: Any, *others: Any) -> Any:
        styled = None if skip is not None or any(others) else _styled(context, line, cell)
        if styled is not None and styled.line is not None:
            found = _line(context, line, position_y, cell, styled)
            if found is not None:
                return found, None
        found, resume = search(context, line, position_y, bottom, skip, cell, *others)
        if styled is not None and styled.line is None and found is not None and resume is None:
            styled.line = _measured(found, styled.shaper)
        return found, resume

    def text(stream: Any, box: Any, offset: float, overflow: str, ellipsis: Any) -> None:
        if isinstance(box.pango_layout, Shaped):
            _draw(stream, box)
        else:
            draw_text(stream, box, offset, overflow, ellipsis)

    next_line.ours = True  # type: ignore[attr-defined]
    inline.get_next_linebox, draw.draw_text = next_line, text


def set_line(context: Any, line: Any, position_y: float, cell: Any) -> Any:
    """The line of a cell that has no other; None where only WeasyPrint can set it."""
    styled = _styled(context, line, cell)
    return None if styled is None or styled.line is None else _line(context, line, position_y, cell, styled)


def _styled(context: Any, line: Any, cell: Any) -> Styled | None:
    """None for whatever is not plain text in a cell."""
    from weasyprint.formatting_structure import boxes

    if not isinstance(cell, boxes.TableCellBox) or context.excluded_shapes or len(line.children) != 1:
        return None
    box = line.children[0]
    if type(box) is not boxes.TextBox or line.text_indent or not box.text or box.text != box.text.strip(" "):
        return None
    style = box.style
    if "validate_styled" not in style.__dict__:  # a style belongs to one document
        style.validate_styled = _of_style(context, style)
    found: Styled | None = style.validate_styled
    return found


def _of_style(context: Any, style: Any) -> Styled | None:
    from weasyprint.text.line_break import _font_style_cache_key

    aligned = style["text_align_all"] in ALIGNED and style["text_align_last"] in ALIGNED
    if not aligned or any(style[name] != value for name, value in PLAIN.items()):
        return None
    # Lines are found anew in each document: which documents a process has set before must not show in this one.
    known: dict[str, Styled] = kept(style.font_config, "cells", dict, context)
    key = _font_style_cache_key(style, include_size=True)
    if key not in known:
        shapers: dict[str, Shaper] = kept(style.font_config, "cell shapers", dict)
        known[key] = Styled(shapers.setdefault(key, Shaper(style)))
    return known[key]


def _line(context: Any, line: Any, position_y: float, cell: Any, styled: Styled) -> Any:
    """The line with its text; None where it does not fit or is not simple."""
    from weasyprint.layout.inline import text_align

    box, common = line.children[0], styled.line
    if common is None:
        return None
    try:
        words = styled.shaper.words(box.text.replace(JOINER, ""))
        if any(not styled.shaper.first(word) for word in words):
            return None
    except Unplain:
        return None
    width = sum(word.width for word in words) * box.style["font_size"]
    if width > cell.width or not words:
        return None
    text = box.copy_with_text(box.text)
    text.pango_layout, text.width, text.height = Shaped(text.text, words), width, common.text_height
    text.margin_top, text.margin_bottom = common.text_margins
    text.baseline = common.text_baseline
    found = line.copy_with_children([text])
    found.width, found.height, found.baseline = width, common.height, common.baseline
    found.margin_top = found.margin_bottom = 0
    left = cell.content_box_x()
    found.position_x = left + text_align(context, found, cell.width, last=True)
    found.position_y = position_y
    text.position_x, text.position_y = found.position_x, position_y + common.text_top
    line.position_x, line.position_y = left, position_y
    line.width, line.height = width, common.height
    return found


def _measured(line: Any, shaper: Shaper) -> Line | None:
    """Of a line that holds one text in the style's own font."""
    from weasyprint.formatting_structure import boxes

    if len(line.children) != 1 or type(line.children[0]) is not boxes.TextBox:
        return None
    text = line.children[0]
    try:
        if not all(shaper.first(word) for word in shaper.words(text.text.replace(JOINER, ""))):
            return None
    except Unplain:
        return None
    return Line(
        line.height, line.baseline, text.position_y - line.position_y, text.height, (text.margin_top, text.margin_bottom),
        text.baseline,
    )  # fmt: skip


def _draw(stream: Any, box: Any) -> None:
    """As weasyprint.draw.text.draw_text, for words that are shaped."""
    setter: Setter = kept(box.style.font_config, "setter", Setter, stream._fonts)
    font, row = setter.row(stream, box.pango_layout.words)
    stream.set_color(box.style["color"])
    stream.begin_text()
    place = number(box.position_x) + b" " + number(box.position_y + box.baseline)
    stream.set_font_size(font.hash, box.style["font_size"])
    stream.stream.append(b"1 0 0 -1 %s Tm\n[%s] TJ" % (place, row))
    stream.end_text()
