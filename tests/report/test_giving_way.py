"""A figure that does not fit lets the table after it go first, and no page is left half empty for its sake."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from validate.report.addresses import for_paper
from validate.report.render import _document, _study
from validate.report.sheet import Sheet

LEAST = 0.6  # of a page inside a chapter
STYLE = """<style>@page { size: 400px 600px; margin: 0 } body, p, h3, figure { margin: 0; font: 20px/20px "DejaVu Sans" }
figure, .keep { break-inside: avoid } h3, .statement { break-after: avoid } .caption { break-before: avoid }
table { border-collapse: collapse; font-size: 20px } td { padding: 0; height: 20px }</style>"""
TABLE = f'<div class="tabled"><table>{"".join(f"<tr><td>row {n}</td></tr>" for n in range(12))}</table></div>'
CAPTION = '<p class="caption">Of the table</p>'


def figure(height: int) -> str:
    return f'<figure><div style="height: {height}px"></div><p class="caption">Of the figure</p></figure>'


def pages(body: str, above: int = 300) -> list[list[str]]:
    """The words of each page of a section that begins `above` pixels down."""
    html = f'<html lang="en"><head><title>r</title>{STYLE}</head><body><div style="height: {above}px"></div>'
    sheet = Sheet(f"{html}<section>{body}</section></body></html>")
    return [[box.text for box in boxes(page._page_box) if hasattr(box, "text")] for page in sheet._document.pages]


def boxes(box: Any) -> Iterator[Any]:
    yield box
    for child in getattr(box, "children", ()):
        yield from boxes(child)


def test_a_table_fills_the_page_that_a_figure_does_not_fit_on() -> None:
    first, second = pages(f'<h3>Head</h3><p class="statement">Said</p>{figure(400)}{TABLE}{CAPTION}<h3>Next</h3>')
    assert first == ["Head", "Said", *(f"row {n}" for n in range(12)), "Of the table"]
    assert second == ["Of the figure", "Next"]


def test_a_figure_that_fits_stands_where_it_is_written() -> None:
    assert pages(f"<h3>Head</h3>{figure(200)}{TABLE}")[0][:2] == ["Head", "Of the figure"]


def test_a_figure_that_would_leave_little_empty_stays_before_its_table() -> None:
    assert pages(f"<p>Said</p>{figure(400)}{TABLE}", above=520)[0] == ["Said"]


@pytest.mark.parametrize("between", ["<h3>Next</h3>", figure(10), "<p>Words</p>"])
def test_a_figure_passes_neither_a_heading_nor_a_figure_nor_words(between: str) -> None:
    assert pages(f"<p>Said</p>{figure(400)}{between}{TABLE}")[0] == ["Said"]


def test_where_the_table_does_not_fit_either_all_stays_in_its_order() -> None:
    whole = TABLE.replace("tabled", "tabled keep")
    first, second = pages(f"<p>Said</p>{figure(250)}{whole}", above=360)
    assert first == ["Said"] and second[0] == "Of the figure"


def test_a_table_that_goes_on_is_not_torn_by_the_figure() -> None:
    long = TABLE + CAPTION + TABLE.replace("row", "line")
    words = [word for page in pages(f"<h3>Head</h3>{figure(400)}{long}<h3>Next</h3>") for word in page]
    assert words[-2:] == ["Of the figure", "Next"] and words[-3] == "line 11"


@pytest.mark.slow
def test_no_page_of_a_chapter_is_left_half_empty(build: Callable[..., Path]) -> None:
    folder = build(criteria=True)
    document = _document(_study(folder, None, None))
    filled = [
        (part, number, round(share, 2))
        for part, html in enumerate(document.on_paper())
        for number, share in enumerate(list(_filled(Sheet(for_paper(html))))[:-1], 1)
    ]
    assert len(filled) > 10
    assert [one for one in filled if one[2] < LEAST] == []


def _filled(sheet: Sheet) -> Iterator[float]:
    """Of each page the share above its last words, drawing or row."""
    from weasyprint.formatting_structure import boxes as kinds

    for page in sheet._document.pages:
        inner = next(one for one in page._page_box.children if not isinstance(one, kinds.MarginBox))
        seen = (kinds.TextBox, kinds.ReplacedBox, kinds.TableRowBox)
        ends = [one.position_y + one.height for one in boxes(inner) if isinstance(one, seen)]
        top = page._page_box.content_box_y()
        yield (max(ends) - top) / page._page_box.height
