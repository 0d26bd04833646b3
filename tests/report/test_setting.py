"""What is set without the engine stands where the engine would have set it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from weasyprint.formatting_structure import build
from weasyprint.layout import block, inline, percent, table

from validate.report import sheet
from validate.report.addresses import for_paper
from validate.report.drawing import Drawing
from validate.report.engine_style import engine_styles
from validate.report.figures.icon_array import icon_array
from validate.report.shaping import SIMPLE
from validate.report.sheet import Sheet
from validate.report.typesetter import weasyprint_here

STYLE = "<style>body { font: 9pt/1.4 'DejaVu Sans'; } td { vertical-align: top; } .n { text-align: right }</style>"
HEAD = f'<html lang="en"><head><title>A report</title>{STYLE}</head><body>'


def lines(html: str) -> list[tuple[str, float, float, float]]:
    """Each text of a document with its left end, its baseline and its width."""

    def texts(box: Any) -> Iterator[Any]:
        if hasattr(box, "text"):
            yield box
        for child in getattr(box, "children", ()):
            yield from texts(child)

    pages = Sheet(html)._document.pages
    return [(b.text, b.position_x, b.position_y + b.baseline, b.width) for p in pages for b in texts(p._page_box)]


def within(function: Any, name: str) -> Any:
    """What a function of ours stands in for."""
    return function.__closure__[function.__code__.co_freevars.index(name)].cell_contents


@contextmanager
def by_the_engine(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Without the short ways."""
    weasyprint_here()
    places = [
        (inline, "get_next_linebox", "search"), (block, "block_container_layout", "by_engine"),
        (build, "collapse_table_borders", "engine"),
    ]  # fmt: skip
    with patch.context() as patched:
        patched.setattr(table, "resolve_percentages", percent.resolve_percentages)
        patched.setattr(sheet, "engine_styles", lambda *_: None)
        for module, name, original in places:
            engine = within(getattr(module, name), original)
            patched.setattr(engine, "ours", True, raising=False)  # so that it is not replaced again
            patched.setattr(module, name, engine)
        yield


def test_cells_stand_where_the_engine_sets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(
        f'<tr><th>Group {k}</th><td class="n">{k * 37}</td><td>0.{k}1 (0.{k}0\u2060–\u20600.{k}2)</td></tr>'
        for k in range(9)
    )
    head = "<tr><th>A long head that does not fit on one line of its cell at all, whatever is done</th></tr>"
    html = f"{HEAD}<table>{head}{rows}</table></body></html>"
    ours = lines(html)
    with by_the_engine(monkeypatch):
        theirs = lines(html)
    assert [one[0] for one in ours] == [one[0] for one in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert one[1:] == pytest.approx(other[1:], abs=0.2), one[0]  # a fifth of a pixel: kerning across a space


TABLES = {
    "lines of rows": "td { border-bottom: 0.4pt solid #ccc } thead th { border-bottom: 0.6pt solid #000 }",
    "all kinds": "table { border: 2px double red } td { border: 1px dotted #888 } tr.a { border-top: 3px inset blue } "
    "tbody { border: 2px dashed green } col { border-left: 2px ridge #123 } td.h { border: hidden }",
    "of no width": "td { border: 0 solid red } th { border: 2px outset }",
    "none": "",
}


@pytest.mark.parametrize("style", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_lines_between_cells_are_those_of_the_engine(
    style: str, direction: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    weasyprint_here()
    ours, compared = build.collapse_table_borders, 0
    engine = within(ours, "engine")

    def both(found: Any, width: int, height: int) -> Any:
        nonlocal compared
        sides = [f"border_{side}_width" for side in ("top", "right", "bottom", "left")]
        boxes = [one for one in found.descendants() if "table" in one.style["display"][0]] + [found]
        expected = engine(found, width, height)
        widths = [[getattr(box, side, None) for side in sides] for box in boxes]
        assert ours(found, width, height) == expected
        assert [[getattr(box, side, None) for side in sides] for box in boxes] == widths
        compared += 1
        return expected

    both.ours = True  # type: ignore[attr-defined]
    monkeypatch.setattr(build, "collapse_table_borders", both)
    Sheet(
        f"<html lang='en'><head><style>table {{ border-collapse: collapse; direction: {direction} }} {style}</style></head><body>"
        "<table><colgroup span=2></colgroup><col><thead><tr><th>A</th><th colspan=2>B</th></tr></thead><tbody>"
        "<tr class=a><td rowspan=2>1</td><td class=h>2</td><td>3</td></tr><tr><td colspan=2>4</td></tr>"
        "<tr><td>5</td><td>6</td></tr></tbody></table><table></table></body></html>"
    )
    assert compared


MARKED = "<ul><li>One<ol><li>Two</li></ol></li></ul><dl><dt>Three</dt></dl><p>Four<span class=footnote>Said below.</span></p>"


@pytest.mark.parametrize(
    "style", ["", "dt { display: list-item }", "dt { float: footnote }", "dt::marker { content: '*' }"]
)
def test_marks_and_notes_are_those_of_the_engine(style: str, monkeypatch: pytest.MonkeyPatch) -> None:
    html = (
        HEAD.replace(STYLE, f"{STYLE}<style>.footnote {{ float: footnote }} {style}</style>")
        + MARKED
        + "</body></html>"
    )
    ours = lines(html)
    with by_the_engine(monkeypatch):
        assert lines(html) == ours


def test_a_style_that_makes_notes_of_other_things_keeps_the_sheet_of_the_engine() -> None:
    assert engine_styles((".footnote { float: footnote }",), "<p>list-item</p>") is not None
    assert engine_styles((".aside { float: footnote }",), "") is None
    assert engine_styles(("@media print { dt { display: list-item } }",), "") is None
    assert engine_styles(("",), '<p style="display: list-item">') is None


def test_the_style_of_a_report_is_read_in_no_time() -> None:
    begin = time.process_time()
    engine_styles((f"@font-face {{ src: url(data:font/woff2;base64,{'A' * 400_000}) }}",), "")
    assert time.process_time() - begin < 1.5  # fonts are embedded: in the square of their length it is a minute


def test_a_cell_that_does_not_fit_on_its_page_begins_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(f"<tr><td>Row {k}</td><td class=n>{k}</td></tr>" for k in range(120))
    html = f"{HEAD}<table><thead><tr><th>Name</th><th>Number</th></tr></thead>{rows}</table></body></html>"
    ours = [one[0] for one in lines(html)]
    with by_the_engine(monkeypatch):
        assert [one[0] for one in lines(html)] == ours
    assert ours.count("Number") > 1  # pages, each with the head


def test_what_was_set_before_does_not_show() -> None:
    html = f"{HEAD}<table><tr><td>Alpha</td></tr><tr><td>Beta</td></tr></table></body></html>"
    first = Sheet(html).numbered(part=0, before=0, total=1, folios={})
    Sheet(html.replace("Alpha", "Gamma")).numbered(part=0, before=0, total=1, folios={})
    assert Sheet(html).numbered(part=0, before=0, total=1, folios={}).objects == first.objects


def test_a_figure_of_ours_is_drawn_directly_and_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = icon_array("thousand", found=71, missed=9, false_alarms=64, things="images")
    drawn: list[str] = []
    monkeypatch.setattr(Drawing, "_engine", None, raising=False)
    original = Drawing.draw

    def counted(self: Drawing, *arguments: Any) -> None:
        drawn.append("directly")
        self._engine = lambda: pytest.fail("given to the engine")
        original(self, *arguments)

    monkeypatch.setattr(Drawing, "draw", counted)
    leaves = Sheet(f"{HEAD}{for_paper(str(figure.svg))}</body></html>").numbered(part=0, before=0, total=1, folios={})
    assert drawn == ["directly"]
    assert leaves.kids


@pytest.mark.parametrize("text", ["Müller", "0.855 (0.844–0.866)", "≥ 80%", "Ω-2", "● yes"])
def test_simple_text_is_known(text: str) -> None:
    assert SIMPLE.fullmatch(text)


@pytest.mark.parametrize("text", ["שלום", "مرحبا", "e\u0301", "日本", "\U0001f600"])
def test_text_that_is_not_simple_is_left_to_the_typesetter(text: str) -> None:
    assert not SIMPLE.fullmatch(re.sub("[a-z]", "", text))
