"""The report on paper: WeasyPrint, without a clock, without a network, without a file but our own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from validate.errors import MissingLibrary

VARIANT = "pdf/ua-1"
SIGNATURE_ANCHOR = "signature-place-"
SIGNATURE_BOX = (221, 51)  # points: 78 by 18 mm, as in report.css
POINTS = 0.75  # in a CSS pixel


@dataclass(frozen=True, slots=True)
class Attached:
    """A sealed file that travels inside the PDF."""

    path: Path
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Paper:
    """content : the PDF's bytes    pages : first and last page of each section, by its anchor    total : pages

    places : empty places for signatures, {"page": from 1, "box": [left, bottom, right, top] in points from the page's corner}
    """

    content: bytes
    pages: dict[str, tuple[int, int]]
    total: int
    places: tuple[dict[str, Any], ...] = ()


def set_in_pages(html: str, *, identifier: bytes, created: datetime, attached: tuple[Attached, ...]) -> Paper:
    """Lay the document out; equal arguments give equal bytes on one machine.

    Raises MissingLibrary, naming the Debian package, where WeasyPrint or Pango is not there.
    """
    weasyprint = _weasyprint()
    fetcher = weasyprint.urls.URLFetcher(allowed_protocols={"data"})  # whatever a name in the evidence says
    document = weasyprint.HTML(string=html, url_fetcher=fetcher).render(pdf_variant=VARIANT, pdf_tags=True)
    content = document.write_pdf(
        attachments=[_attachment(weasyprint, file, created) for file in attached],
        pdf_variant=VARIANT, pdf_tags=True, pdf_identifier=identifier,
    )  # fmt: skip
    return Paper(content, _section_pages(document), len(document.pages), _signature_places(document))


def _weasyprint() -> Any:
    try:
        import weasyprint
    except (ImportError, OSError) as error:
        raise MissingLibrary(
            "Pango (libpangoft2-1.0-0)" if isinstance(error, OSError) else "weasyprint",
            "The PDF (the HTML report is written without it)",
            "apt-get install libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core, then `validate report RUN`",
        ) from error
    return weasyprint


def _attachment(weasyprint: Any, file: Attached, created: datetime) -> Any:
    moment = created.astimezone(UTC)
    return weasyprint.Attachment(
        file_obj=BytesIO(file.path.read_bytes()), name=file.name, description=file.description, created=moment,
        modified=moment, relationship="Data",
    )  # fmt: skip


def _signature_places(document: Any) -> tuple[dict[str, Any], ...]:
    """Where the boxes for signatures stand, by their anchors; as wide and high as the style sheet makes them."""
    found = {
        name: (number, page.height, *map(float, page.anchors[name][:2]))
        for number, page in enumerate(document.pages, start=1)
        for name in page.anchors
        if name.startswith(SIGNATURE_ANCHOR)
    }
    places = []
    for name in sorted(found):
        number, height, x, y = found[name]
        left, top = x * POINTS, (height - y) * POINTS
        box = [left, top - SIGNATURE_BOX[1], left + SIGNATURE_BOX[0], top]
        places.append({"page": number, "box": [round(side) for side in box]})
    return tuple(places)


def _section_pages(document: Any) -> dict[str, tuple[int, int]]:
    """First and last page on which each section has a part."""
    pages: dict[str, tuple[int, int]] = {}
    for number, page in enumerate(document.pages, start=1):
        for name in page.anchors:
            if name.startswith("section-"):
                pages[name] = (pages.get(name, (number, number))[0], number)
    return pages
