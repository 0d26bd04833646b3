"""The report on paper: WeasyPrint, without a clock, without a network, without a file but our own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from validate.errors import MissingLibrary

VARIANT = "pdf/ua-1"


@dataclass(frozen=True, slots=True)
class Attached:
    """A sealed file that travels inside the PDF."""

    path: Path
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Paper:
    """content : the PDF's bytes    pages : first and last page of each section, by its anchor    total : pages."""

    content: bytes
    pages: dict[str, tuple[int, int]]
    total: int


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
    return Paper(content, _section_pages(document), len(document.pages))


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


def _section_pages(document: Any) -> dict[str, tuple[int, int]]:
    """First and last page on which each section has a part."""
    pages: dict[str, tuple[int, int]] = {}
    for number, page in enumerate(document.pages, start=1):
        for name in page.anchors:
            if name.startswith("section-"):
                pages[name] = (pages.get(name, (number, number))[0], number)
    return pages
