"""WeasyPrint as this report uses it: with our shortcuts, the fonts and style sheets that all parts share, and what it has to say."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

from validate.errors import MissingLibrary
from validate.report.cell_layout import lay_out_cells_quickly
from validate.report.cell_line import set_cells_in_lines
from validate.report.collapsed_borders import resolve_borders_quickly
from validate.report.drawing import draw_directly
from validate.report.drawn_text import set_words_whole
from validate.report.giving_way import let_figures_give_way

FONTS: list[Any] = []  # with files of their own, while this process lives


def weasyprint_here() -> Any:
    """WeasyPrint, or the error that names what to install."""
    try:
        import weasyprint
    except (ImportError, OSError) as error:
        raise missing("weasyprint" if isinstance(error, ImportError) else "pango") from error
    set_words_whole()
    draw_directly()
    set_cells_in_lines()
    lay_out_cells_quickly()
    resolve_borders_quickly()
    let_figures_give_way()
    _refer_to_pages_quickly()
    return weasyprint


def _refer_to_pages_quickly() -> None:
    """Write the references of all pages once: pydyf makes them anew for every element that asks for one."""
    import pydyf

    if getattr(pydyf.PDF, "quick", False):
        return

    def page_references(pdf: Any) -> tuple[bytes, ...]:
        kids = pdf.pages["Kids"]
        if len(pdf.__dict__.get("_references", ())) * 3 != len(kids):
            pdf._references = tuple(b"%d 0 R" % number for number in kids[::3])
        references: tuple[bytes, ...] = pdf._references
        return references

    pydyf.PDF.page_references = property(page_references)
    pydyf.PDF.quick = True


def missing(what: str) -> MissingLibrary:
    """The error for a machine without it."""
    return MissingLibrary(
        "Pango (libpangoft2-1.0-0)" if what == "pango" else "weasyprint",
        "The PDF (the HTML report is written without it)",
        "apt-get install libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core, then `validate report RUN`",
    )


@cache
def shared_styles(styles: tuple[str, ...]) -> tuple[Any, list[Any]]:
    """The fonts and style sheets that all parts of a report share, read once in a process."""
    weasyprint = weasyprint_here()
    from weasyprint.text.fonts import FontConfiguration

    fonts = FontConfiguration()
    FONTS.append(fonts)
    fetcher = weasyprint.urls.URLFetcher(allowed_protocols={"data"})
    return fonts, [weasyprint.CSS(string=one, font_config=fonts, url_fetcher=fetcher) for one in styles]


def discard_fonts() -> None:
    """Remove the files that fonts of style sheets were read from: what an interpreter that ends does by itself."""
    for fonts in FONTS:
        fonts.__del__()
    FONTS.clear()


class Warnings(logging.Handler):
    """What WeasyPrint has to say, kept for whoever asked for the PDF."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())
