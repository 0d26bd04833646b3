"""A sealed run folder → report.pdf, report.html, figures and addresses.json. Computes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from validate.canonical import pretty_json, write_atomically
from validate.errors import CommandError, EvidenceError
from validate.report.addresses import DRAWING, address_document, for_paper
from validate.report.document import declared, html_document
from validate.report.pdf import Attached, Paper, set_in_pages
from validate.report.sealed import Sealed, read_sealed
from validate.report.section import PROFILES, Profile
from validate.report.study import Study

FORMATS = ("pdf", "html")
ATTACHED = (
    ("estimates.json", "Every number of this report, unrounded"),
    ("protocol.yaml", "The protocol as resolved"),
    ("evidence/manifest.json", "SHA-256 of every file the numbers rest on"),
)


def render(
    run_folder: Path, *, profile: str | None = None, formats: tuple[str, ...] = FORMATS, out: Path | None = None
) -> tuple[Path, ...]:
    """Write the report into RUN/report, or `out`; equal evidence gives equal bytes. Returns the files written.

    addresses.json says of the PDF what data-address says in the HTML: which printed text is which sealed value.

    profile : acceptance, submission or comparison; the protocol's own unless given
    Raises CommandError for an unknown profile or format, EvidenceError for a run folder that is not whole, and
    MissingLibrary, after the HTML is written, where the PDF can't be made here.
    """
    sealed = read_sealed(run_folder)
    chosen = _profile(profile or sealed.protocol["profile"].text)
    if not formats or any(name not in FORMATS for name in formats):
        raise CommandError(f"report format: got {', '.join(formats) or 'none'}, expected some of {', '.join(FORMATS)}")
    folder = out if out is not None else run_folder / "report"
    study = Study(sealed, chosen)
    task = study.protocol["task"].text
    sections = [one for one in declared(chosen) if one.tasks is None or task in one.tasks]
    written: list[Path] = []
    if "html" in formats:
        html = html_document(study, sections, screen=True)
        written += [_write(folder / "report.html", html.encode()), *_write_figures(folder / "figures", html)]
    if "pdf" in formats:
        html = html_document(study, sections, screen=False)
        paper = _paper(study, html)
        addresses = address_document(html, paper.pages) | {"signatures": list(paper.places)}
        written += [
            _write(folder / "report.pdf", paper.content),
            _write(folder / "addresses.json", pretty_json(addresses)),
        ]
    return tuple(written)


def _paper(study: Study, html: str) -> Paper:
    sealed = study.sealed
    attached = tuple(
        Attached(sealed.folder / relative, relative.rsplit("/", 1)[-1], words) for relative, words in ATTACHED
    )
    return set_in_pages(
        for_paper(html), identifier=bytes.fromhex(sealed.manifest_digest), created=_created(sealed), attached=attached
    )


def _created(sealed: Sealed) -> datetime:
    """The evidence's own time: the report has no clock."""
    stated = sealed.manifest["created"]
    try:
        moment = datetime.fromisoformat(stated.text)
    except ValueError:
        raise EvidenceError(
            f"{stated.address}: got {stated.text!r}, expected a time such as 2026-03-03T14:05:00Z"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _profile(name: str) -> Profile:
    for profile in PROFILES:
        if profile == name:
            return profile
    raise CommandError(f"report profile: got {name!r}, expected one of {', '.join(PROFILES)}")


def _write_figures(folder: Path, html: str) -> list[Path]:
    """Each figure as a file of its own, for slides and papers."""
    drawings = {}
    for found in DRAWING.finditer(html):
        drawing = found.group()
        name = drawing.split('data-figure="', 1)[1].split('"', 1)[0]
        if not name.startswith("key-"):
            drawings[name] = drawing
    return [_write(folder / f"{name}.svg", drawing.encode()) for name, drawing in sorted(drawings.items())]


def _write(path: Path, content: bytes) -> Path:
    write_atomically(path, content)
    return path
