"""One part of the paper report, laid out by WeasyPrint: pages first, their numbers when all parts are known.

Page totals make WeasyPrint lay every page out again, and contents do so a second time. So the style sheet sets
placeholders, and once every part is laid out the digits are put in their place: nothing moves by it, because digits are
tabular and a place has room for three of them.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from validate.report.engine_style import engine_styles
from validate.report.leaves import ELSEWHERE, Leaves, leaves_of
from validate.report.typesetter import shared_styles, weasyprint_here

VARIANT = "pdf/a-3a"  # PDF/UA is stated beside it when the parts are bound
STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
PLACE = "page 888 of 888"  # as in print.css
FOLIO = "888"  # of the contents, in an element whose data-folio names the anchor


@dataclass(frozen=True, slots=True)
class Anchor:
    """A named place. page : from 0, in this part    x, y : CSS pixels from the upper left corner of the page."""

    name: str
    page: int
    x: float
    y: float


class Sheet:
    """A laid-out part. Raises MissingLibrary where WeasyPrint or Pango is not there."""

    def __init__(self, html: str) -> None:
        weasyprint = weasyprint_here()
        fetcher = weasyprint.urls.URLFetcher(allowed_protocols={"data"})  # whatever a name in the evidence says
        styles = STYLE.findall(html)
        fonts, sheets = shared_styles(tuple(styles))
        page = weasyprint.HTML(string=STYLE.sub("", html), url_fetcher=fetcher)
        narrowed = engine_styles(tuple(styles), html)
        if narrowed is not None:
            page._ua_stylesheets = lambda *_, **__: narrowed
        self._document = page.render(font_config=fonts, stylesheets=sheets, pdf_variant=VARIANT, pdf_tags=True)
        self._has_folios = "data-folio" in html

    @property
    def heights(self) -> list[float]:
        """Of each page, in CSS pixels."""
        return [float(page.height) for page in self._document.pages]

    @property
    def anchors(self) -> list[Anchor]:
        """Every named place, page by page."""
        return [
            Anchor(name, number, float(at[0]), float(at[1]))
            for number, page in enumerate(self._document.pages)
            for name, at in page.anchors.items()
        ]

    def numbered(self, *, part: int, before: int, total: int, folios: Mapping[str, int]) -> Leaves:
        """The part with its page numbers.

        part : which of the report    before : pages of the parts before it    folios : anchor → page, for the contents
        """
        here = {anchor.name for anchor in self.anchors}
        for number, page in enumerate(self._document.pages, start=before + 1):
            for box in _texts(page._page_box) if self._has_folios else _texts_in_margins(page._page_box):
                if box.text == PLACE:
                    _replace(box, f"page {number} of {total}")
                elif box.text == FOLIO and (name := _folio(box)) in folios:
                    _replace(box, str(folios[name]))
            page.links = [_bound(link, here) for link in page.links if link[3].element_tag == "a"]  # and no box inside
        caught: list[Any] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # WeasyPrint leaves the file of its colour profile open
            self._document.write_pdf(
                target=BytesIO(), finisher=lambda _, pdf: _catch(caught, pdf), pdf_variant=VARIANT, pdf_tags=True,
                pdf_identifier=b"part",
            )  # fmt: skip
        return leaves_of(caught[0], part)


def _texts(box: Any) -> Iterator[Any]:
    from weasyprint.formatting_structure import boxes
    from weasyprint.layout.absolute import AbsolutePlaceholder

    if isinstance(box, AbsolutePlaceholder):
        box = box._box
    if isinstance(box, boxes.TextBox):
        yield box
    for child in getattr(box, "children", ()):
        yield from _texts(child)


def _texts_in_margins(page: Any) -> Iterator[Any]:
    from weasyprint.formatting_structure import boxes

    for box in page.children:
        if isinstance(box, boxes.MarginBox):
            yield from _texts(box)


def _folio(box: Any) -> str:
    element = box.element
    return str(element.get("data-folio", "")) if element is not None else ""


def _replace(box: Any, text: str) -> None:
    """Set other digits, flush right with those that held their place."""
    from weasyprint.text.line_break import split_first_line

    layout, _, _, width, _, _ = split_first_line(text, box.style, None, None, 0)
    box.position_x += box.width - width
    box.text, box.pango_layout, box.width = text, layout, width
    layout.text = text


def _bound(link: tuple[Any, ...], here: set[str]) -> tuple[Any, ...]:
    kind, target, rectangle, box = link
    if kind == "internal" and target not in here:
        return "external", f"{ELSEWHERE}{target}", rectangle, box
    return link


def _catch(caught: list[Any], pdf: Any) -> None:
    caught.append(pdf)
    # What write() would do next is to write a file nobody wants, twice compressed.
    pdf.write = lambda *_: None
