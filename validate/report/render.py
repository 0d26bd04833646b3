"""A sealed run folder → report.pdf, report.html, model card, tables and addresses.json. Computes nothing."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from validate.canonical import canonical_json, pretty_json, write_atomically
from validate.errors import CommandError, EvidenceError
from validate.report.addresses import DRAWING, address_document, axes_document, folios, for_paper
from validate.report.binding import Attached
from validate.report.document import Document, declared, filled
from validate.report.house import FOLDER, PLAIN, House, read_house
from validate.report.model_card_files import card_markdown, card_xml
from validate.report.names import sealed_names
from validate.report.paper import paper_document
from validate.report.pdf import Paper, SetPages, bound, set_in_pages
from validate.report.press import Press, press
from validate.report.printed_table import PrintedTable, as_csv, as_parquet, cells, printed_tables
from validate.report.sealed import Node, Sealed, read_sealed
from validate.report.section import PROFILES, Profile
from validate.report.study import Study
from validate.report.table import LONGEST

FORMATS = ("pdf", "html", "card", "tables")
CARD = "model_card"
ATTACHED = (
    ("estimates.json", "Every number of this report, unrounded"),
    ("protocol.yaml", "The protocol as resolved"),
    ("evidence/manifest.json", "SHA-256 of every file the numbers rest on"),
)


def render(
    run_folder: Path, *, profile: str | None = None, formats: tuple[str, ...] = FORMATS, out: Path | None = None,
    house: Path | None = None, workers: int | None = None,
) -> tuple[Path, ...]:  # fmt: skip
    """Write the report into RUN/report, or `out`; equal evidence gives equal bytes. Returns the files written.

    addresses.json says of the PDF what data-address says in the HTML: which printed text is which sealed value; printed.json
    says it run by run, as the PDF itself reads. axes.json holds the ticks of the HTML's figures, addresses.json those of the PDF's.

    profile : acceptance, submission or comparison; the protocol's own unless given
    house : folder of a house style; that of the run folder, where it has one, unless given
    workers : processes that set the PDF, as many as there are cores unless given; the bytes are the same for any number
    Raises CommandError for an unknown profile or format or a house style that can't be used, EvidenceError for a run
    folder that is not whole, and MissingLibrary, after all else is written, where the PDF can't be made here.
    """
    if not formats or any(name not in FORMATS for name in formats):
        raise CommandError(f"report format: got {', '.join(formats) or 'none'}, expected some of {', '.join(FORMATS)}")
    if "pdf" not in formats:
        return tuple(_files(run_folder, profile, formats, out, house, None))
    # The press starts while the sections are filled, and sets pages while the other files are written.
    with closing(press(workers)) as at_work, ThreadPoolExecutor(1) as beside, _no_search_for_garbage():
        return tuple(_files(run_folder, profile, formats, out, house, (at_work, beside)))


@contextmanager
def _no_search_for_garbage() -> Iterator[None]:
    """A report makes millions of small objects that live until it is written; looking through them finds nothing."""
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()


def _files(
    run_folder: Path, profile: str | None, formats: tuple[str, ...], out: Path | None, house: Path | None,
    at_work: tuple[Press, Executor] | None,
) -> Iterator[Path]:  # fmt: skip
    study = _study(run_folder, profile, house)
    sealed = study.sealed
    folder = out if out is not None else run_folder / "report"
    document = _document(study)
    parts = document.on_paper() if at_work is not None else []
    pages = at_work[1].submit(set_in_pages, [for_paper(part) for part in parts], at_work[0]) if at_work else None
    html = document.on_screen()
    tables = printed_tables(html) if {"tables", "pdf"} & set(formats) else []
    if "html" in formats:
        yield from _write_screen(folder, html)
    if "card" in formats:
        yield from _write_cards(folder, study)
    if "tables" in formats:
        yield from _write_tables(folder / "tables", tables, sealed)
    if pages is not None:
        paper = _paper(study, pages.result(), tables)
        addresses = address_document(parts, paper.pages) | {"signatures": list(paper.places)}
        yield _write(folder / "report.pdf", paper.content)
        yield _write(folder / "addresses.json", pretty_json(addresses))
        yield _write_printed(folder, parts, paper.content, addresses, sealed)


def set_again(run_folder: Path, *, profiles: Mapping[str, str | None], out: Path) -> Iterator[Path]:
    """Page and figures, tables, cards, and what the sealed PDF prints from where, made once more; no PDF is set.

    profiles : of "html", "tables", "card" and "paper" in which profile each was set; what is not named is not made
    Which page a section begins on is taken from the sealed addresses.json, as are the places for signatures.
    """
    studies = {profile: _study(run_folder, profile, None) for profile in dict.fromkeys(profiles.values())}
    documents = {profile: _document(study) for profile, study in studies.items()}
    screens = {profiles[part]: "" for part in ("html", "tables") if part in profiles}
    screens = {profile: documents[profile].on_screen() for profile in screens}
    if "html" in profiles:
        yield from _write_screen(out, screens[profiles["html"]])
    if "tables" in profiles:
        sealed = studies[profiles["tables"]].sealed
        yield from _write_tables(out / "tables", printed_tables(screens[profiles["tables"]]), sealed)
    if "card" in profiles:
        yield from _write_cards(out, studies[profiles["card"]])
    pdf, placed = run_folder / "report/report.pdf", run_folder / "report/addresses.json"
    if "paper" in profiles and pdf.is_file() and placed.is_file():
        parts, told = documents[profiles["paper"]].on_paper(), json.loads(placed.read_text(encoding="utf-8"))
        pages = {one["id"]: tuple(one["pages"]) for one in told["sections"] if one["pages"]}
        addresses = address_document(parts, pages) | {"signatures": told["signatures"]}
        yield _write(out / "addresses.json", pretty_json(addresses))
        yield _write_printed(out, parts, pdf.read_bytes(), addresses, studies[profiles["paper"]].sealed)


def _study(run_folder: Path, profile: str | None, house: Path | None) -> Study:
    sealed = read_sealed(run_folder)
    return Study(sealed, _profile(profile or sealed.protocol["profile"].text), _house(run_folder, house))


def _document(study: Study) -> Document:
    task, style = study.protocol["task"].text, study.house or PLAIN
    profile = _profile(study.profile)
    every = declared(profile, style)
    mine = [one for one in every if one.tasks is None or task in one.tasks]
    ids = {one.id for one in mine}
    return filled(study, mine, style, elsewhere=[one for one in every if one.id not in ids])


def _write_screen(folder: Path, html: str) -> Iterator[Path]:
    yield _write(folder / "report.html", html.encode())
    yield _write(folder / "axes.json", pretty_json(axes_document(html)))
    yield from _write_figures(folder / "figures", html)


def _write_cards(folder: Path, study: Study) -> Iterator[Path]:
    for model, name in _cards(study):
        yield _write(folder / f"{name}.xml", card_xml(study, model))
        yield _write(folder / f"{name}.md", card_markdown(study, model))


def _write_printed(folder: Path, parts: list[str], pdf: bytes, addresses: Mapping[str, Any], sealed: Sealed) -> Path:
    told = paper_document(parts, pdf, folios(addresses), sealed_names(sealed))
    return _write(folder / "printed.json", canonical_json(told) + b"\n")


def _paper(study: Study, pages: SetPages, tables: list[PrintedTable]) -> Paper:
    sealed = study.sealed
    attached = [Attached(sealed.folder / relative, relative.rsplit("/", 1)[-1], words) for relative, words in ATTACHED]
    attached += [
        Attached(card_xml(study, model), f"{name}.xml", "Model card after the CHAI Applied Model Card schema")
        for model, name in _cards(study)
    ]
    attached += [
        Attached(as_csv(table), f"{table.name}.csv", "All rows of a table whose first are printed")
        for table in tables
        if table.printed_rows > LONGEST
    ]
    return bound(pages, identifier=bytes.fromhex(sealed.manifest_digest), created=_created(sealed), attached=attached)


def _cards(study: Study) -> list[tuple[Node, str]]:
    """Each model with the name of its card."""
    if len(study.models) == 1:
        return [(study.models[0], CARD)]
    return [(model, f"{CARD}-{study.key(model['id'].text)}") for model in study.models]


def _house(run_folder: Path, given: Path | None) -> House:
    if given is not None:
        return read_house(given)
    own = run_folder / FOLDER
    return read_house(own) if own.is_dir() else PLAIN


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
    return [_copy(folder / f"{name}.svg", drawing.encode()) for name, drawing in sorted(drawings.items())]


def _write_tables(folder: Path, tables: list[PrintedTable], sealed: Sealed) -> Iterator[Path]:
    """Each table as printed, and all their cells with addresses and unrounded values."""
    for table in tables:
        yield _copy(folder / f"{table.name}.csv", as_csv(table))
        yield _copy(folder / f"{table.name}.parquet", as_parquet(table))
    yield _copy(folder / "cells.parquet", cells(tables, sealed))


def _copy(path: Path, content: bytes) -> Path:
    """What can be made again from the report beside it, and so need not wait for the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    return partial.replace(path)


def _write(path: Path, content: bytes) -> Path:
    write_atomically(path, content)
    return path
