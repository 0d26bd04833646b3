"""What is set without the engine stands where the engine would have set it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from weasyprint import images
from weasyprint.layout import inline

from validate.report.addresses import for_paper
from validate.report.drawing import Drawing
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


@contextmanager
def by_the_engine(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Without the short ways."""
    weasyprint_here()
    search = inline.get_next_linebox.__closure__
    engine = images.SVGImage.__closure__
    assert search is not None and engine is not None
    names = inline.get_next_linebox.__code__.co_freevars
    with patch.context() as within:
        original = search[names.index("search")].cell_contents
        original.ours = True
        within.setattr(inline, "get_next_linebox", original)
        yield
        del original.ours


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
