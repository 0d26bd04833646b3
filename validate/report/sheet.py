"""One part of the paper report, laid out by WeasyPrint: pages first, their numbers when all parts are known.

Page totals make WeasyPrint lay every page out again, and contents do so a second time. So the style sheet sets
placeholders, and once every part is laid out the digits are put in their place: nothing moves by it, because digits are
tabular and a place has room for three of them.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Any

from validate.errors import MissingLibrary
from validate.report.cell_line import set_cells_in_lines
from validate.report.drawing import draw_directly
from validate.report.drawn_text import set_words_whole

VARIANT = "pdf/a-3a"  # PDF/UA is stated beside it when the parts are bound
FONTS: list[Any] = []  # with files of their own, while this process lives
STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
PLACE = "page 888 of 888"  # as in print.css
FOLIO = "888"  # of the contents, in an element whose data-folio names the anchor
ELSEWHERE = "report:#"  # a link into another part, until all parts are bound
STRIDE = 1_000_000  # of structure keys: no part has as many
REFERENCE = re.compile(rb"\((?:[^\\()]|\\.)*\)|<[0-9A-Fa-f]*>|(?<![\d.])(\d+) 0 R", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A named place. page : from 0, in this part    x, y : CSS pixels from the upper left corner of the page."""

    name: str
    page: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Leaves:
    """A part as PDF objects, ready to be bound with others.

    objects : number in this part → (dictionary, stream with its keywords or nothing)
    kids : objects of its pages    elements : its structure elements    parents : key and value of its parent tree, in order
    outline : top-level bookmarks as (object, dictionary without its neighbours, bookmarks it counts for)
    places : named destinations    catalog, info : entries of the catalog and of the document's information
    """

    objects: Mapping[int, tuple[bytes, bytes]]
    kids: tuple[int, ...]
    elements: bytes
    parents: tuple[tuple[int, bytes], ...]
    outline: tuple[tuple[int, bytes, int], ...]
    places: tuple[tuple[bytes, bytes], ...]
    catalog: Mapping[str, bytes]
    info: Mapping[str, bytes]
    metadata: bytes
    roots: tuple[int, int, int]


class Sheet:
    """A laid-out part. Raises MissingLibrary where WeasyPrint or Pango is not there."""

    def __init__(self, html: str) -> None:
        weasyprint = weasyprint_here()
        fetcher = weasyprint.urls.URLFetcher(allowed_protocols={"data"})  # whatever a name in the evidence says
        styles = STYLE.findall(html)
        fonts, sheets = _styles(tuple(styles))
        page = weasyprint.HTML(string=STYLE.sub("", html), url_fetcher=fetcher)
        self._document = page.render(font_config=fonts, stylesheets=sheets, pdf_variant=VARIANT, pdf_tags=True)

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
            for box in _texts(page._page_box):
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
        return _leaves(caught[0], part)


def weasyprint_here() -> Any:
    """WeasyPrint, or the error that names what to install."""
    try:
        import weasyprint
    except (ImportError, OSError) as error:
        raise missing("weasyprint" if isinstance(error, ImportError) else "pango") from error
    set_words_whole()
    draw_directly()
    set_cells_in_lines()
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
def _styles(styles: tuple[str, ...]) -> tuple[Any, list[Any]]:
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


def _texts(box: Any) -> Iterator[Any]:
    from weasyprint.formatting_structure import boxes
    from weasyprint.layout.absolute import AbsolutePlaceholder

    if isinstance(box, AbsolutePlaceholder):
        box = box._box
    if isinstance(box, boxes.TextBox):
        yield box
    for child in getattr(box, "children", ()):
        yield from _texts(child)


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


def _leaves(pdf: Any, part: int) -> Leaves:
    import pydyf

    catalog = pdf.catalog
    root = _at(pdf, catalog["StructTreeRoot"])
    tree, document = _at(pdf, root["ParentTree"]), _at(pdf, root["K"][0])
    outlines = _at(pdf, catalog["Outlines"]) if "Outlines" in catalog else None
    top = _chain(pdf, outlines) if outlines is not None else []
    metadata = _at(pdf, catalog["Metadata"])
    for entry in pdf.objects:
        if isinstance(entry, pydyf.Dictionary):
            _settle(entry, part)
            if entry.get("S") in {"/TH", "/TD"}:
                _scope(pdf, entry)
    outline = tuple((one.number, _without(one, "Prev", "Next", "Parent"), 1 + max(int(one["Count"]), 0)) for one in top)
    apart = {0, 1, 2, root.number, tree.number, document.number, metadata.number, *(number for number, _, _ in outline)}
    if outlines is not None:
        apart.add(outlines.number)
    names = catalog.get("Names", {}).get("Dests", {}).get("Names", [])
    nums = tree["Nums"]
    return Leaves(
        objects={one.number: _split(one) for one in pdf.objects if one.number not in apart},
        kids=tuple(pdf.pages["Kids"][::3]),
        elements=document["K"].data,
        parents=tuple(
            (int(key) + part * STRIDE, _data(value)) for key, value in zip(nums[::2], nums[1::2], strict=True)
        ),
        outline=outline,
        places=tuple((_data(name), _data(at)) for name, at in zip(names[::2], names[1::2], strict=True)),
        catalog={key: _data(catalog[key]) for key in ("Lang", "OutputIntents", "ViewerPreferences", "MarkInfo")},
        info={key: _data(value) for key, value in pdf.info.items()},
        metadata=b"".join(metadata.stream),
        roots=(root.number, document.number, outlines.number if outlines is not None else 0),
    )


def _settle(entry: Any, part: int) -> None:
    """Structure keys that no other part has, and links into other parts as links within the report."""
    import pydyf

    for key in ("StructParents", "StructParent"):
        if key in entry:
            entry[key] = int(entry[key]) + part * STRIDE
    if entry.get("Subtype") != "/Link":
        return
    target = getattr(entry["A"].get("URI"), "string", "") if "A" in entry else ""
    if target.startswith(ELSEWHERE):
        del entry["A"]
        entry["Dest"] = pydyf.String(target.removeprefix(ELSEWHERE))
    if "Dest" in entry:
        entry["Contents"] = pydyf.String(f"To {entry['Dest'].string.replace('-', ' ')}")  # read aloud


def _scope(pdf: Any, cell: Any) -> None:
    """Which way a head of a table points, in place of names of cells: those hold in one part only (ISO 14289-1, 7.5)."""
    cell.pop("ID", None)
    attributes = cell["A"]
    attributes.pop("Headers", None)
    if cell["S"] == "/TH":
        group = _at(pdf, _at(pdf, cell["P"])["P"])
        attributes["Scope"] = "/Column" if group["S"] == "/THead" else "/Row"


def _at(pdf: Any, reference: bytes) -> Any:
    return pdf.objects[int(reference.split()[0])]


def _chain(pdf: Any, outlines: Any) -> list[Any]:
    found = [_at(pdf, outlines["First"])]
    while "Next" in found[-1]:
        found.append(_at(pdf, found[-1]["Next"]))
    return found


def _without(entry: Any, *keys: str) -> bytes:
    import pydyf

    return bytes(pydyf.Dictionary({key: value for key, value in entry.items() if key not in keys}).data)


def _split(entry: Any) -> tuple[bytes, bytes]:
    """A stream's compressed bytes apart, so that no number in them is taken for a reference."""
    import pydyf

    data = bytes(entry.data)
    if not isinstance(entry, pydyf.Stream):
        return data, b""
    head, keyword, rest = data.partition(b"\nstream\n")
    return head, keyword + rest


def _data(value: Any) -> bytes:
    import pydyf

    return bytes(pydyf._to_bytes(value))
