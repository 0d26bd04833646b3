"""Every number printed in the PDF, matched with the sealed value at its address (`file#/json-pointer`), never by its value.

report/printed.json says of each run of text in the PDF which part of it was printed from where. Here the PDF is read again: its
runs must be those that were written down, in their order, and each part must be what the sealed value at its address rounds to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

from validate.errors import EvidenceError
from validate.evidence.derived import made_by
from validate.evidence.manifest import AUDIT, REPORT
from validate.evidence.own_words import foreign
from validate.evidence.pdf_parts import part_differences
from validate.evidence.pdf_text import Page, pages_of
from validate.evidence.printed_value import DIGITS, OWN, SealedValues
from validate.evidence.seal import read_document
from validate.provenance.audit import read_events

PDF, HTML, PRINTED = f"{REPORT}report.pdf", f"{REPORT}report.html", f"{REPORT}printed.json"
PAGE = re.compile(r"page (\d+) of (\d+)")
MARK = re.compile(r"(\d{1,2})(\s?)")  # of a footnote: in the text, and with a space before the note itself
ADDRESSED = re.compile(r'<t?span data-address="([^"]*)"[^>]*>([^<]*)</t?span>')
MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Printed:
    """numbers : printed numbers that were matched      differences : in words, each with page and address

    words : with digits in them, which have no address and stand in no phrase of this program: held against the page that is made again
    """

    numbers: int
    differences: tuple[str, ...]
    words: tuple[str, ...] = ()


def check_printed(folder: Path) -> Printed:
    """Nothing for a run without a report. Raises EvidenceError where it, or what was written down of it, can't be read."""
    sealed, told, numbers = SealedValues(folder), list[str](), 0
    words: tuple[str, ...] = ()
    try:
        if (folder / PDF).is_file():
            document = read_document(folder, PRINTED)
            pages = [_WrittenPage(page) for page in document["pages"]]
            sealed.pages = len(pages)
            content = (folder / PDF).read_bytes()
            told += _set_otherwise(pages_of(content), pages)
            told += [f"{PDF}: {words}" for words in part_differences(folder, content)]
            known = set[tuple[str, str]]()  # what a running head prints wrong is named on its first page
            told += [problem for n, page in enumerate(pages, 1) for problem in page.misfits(n, sealed, known)]
            if made_by(folder) is None:  # another version has other words
                told += _unaddressed(pages)
                words = tuple(_foreign(folder, document["words"]))
            told += _not_printed(folder, {address for page in pages for _, address in page.addressed})
            numbers = sum(page.numbers for page in pages)
        if (folder / HTML).is_file():
            told += _misfits_on_screen((folder / HTML).read_text(encoding="utf-8"), sealed)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EvidenceError(f"{PRINTED}: can't be held against the report: {type(error).__name__}: {error}") from error
    if len(told) > MOST_NAMED:
        told = [*told[:MOST_NAMED], f"{REPORT}: … and {len(told) - MOST_NAMED} more places differ"]
    return Printed(numbers, tuple(told), words)


def fits(folder: Path, text: str, address: str) -> bool:
    """Whether a printed text is what lies at this address of a run folder."""
    return SealedValues(folder).fits(text, address)


def _misfits_on_screen(html: str, sealed: SealedValues) -> Iterator[str]:
    for address, text in ADDRESSED.findall(html):
        where, words = unescape(address), unescape(text)
        if not sealed.fits(words, where):
            yield f"{HTML}: prints {words.strip()!r}, which is not what lies at {where}"


class _WrittenPage:
    """What addresses.json says of one page."""

    def __init__(self, page: Mapping[str, Any]) -> None:
        self.runs: list[list[Any]] = [list(run) for run in page["runs"]]
        self.drawings: list[list[Any]] = [list(one) for one in page["drawings"]]
        self.addressed: list[tuple[str, str]] = [
            (str(piece[0]), str(piece[1]))
            for run in (*self.runs, *self.drawings)
            for piece in run
            if not isinstance(piece, str)
        ]

    @property
    def numbers(self) -> int:
        return sum(1 for text, address in self.addressed if DIGITS.search(text) and not address.startswith(OWN))

    def misfits(self, number: int, sealed: SealedValues, known: set[tuple[str, str]]) -> Iterator[str]:
        for run in self.runs:
            said = PAGE.fullmatch(_words(run))
            if said is not None and (int(said[1]), int(said[2])) != (number, sealed.pages):
                yield f"{PDF}: page {number} of {sealed.pages} calls itself {said[0]!r}"
        for text, address in self.addressed:
            if (text, address) not in known and not sealed.fits(text, address):
                known.add((text, address))
                yield f"{PDF}: page {number} prints {text.strip()!r}, which is not what lies at {address}"


def _words(run: Sequence[Any]) -> str:
    return "".join(piece if isinstance(piece, str) else str(piece[0]) for piece in run)


def _set_otherwise(pages: Sequence[Page], written: Sequence[_WrittenPage]) -> Iterator[str]:
    """Every run of the PDF that is not the one that was written down."""
    if len(pages) != len(written):
        yield f"{PDF}: has {len(pages)} pages, {PRINTED} tells of {len(written)}"
        return
    for number, (page, told) in enumerate(zip(pages, written, strict=True), 1):
        parts = ((list(page.text), told.runs), (["".join(one) for one in page.drawings], told.drawings))
        for found, wanted in parts:
            if len(found) != len(wanted):
                yield f"{PDF}: page {number} has {len(found)} runs of text or drawings, {PRINTED} tells of {len(wanted)}"
                continue
            for text, run in zip(found, wanted, strict=True):
                if text != _words(run):
                    yield from _named(number, text, run)


def _named(number: int, text: str, run: Sequence[Any]) -> Iterator[str]:
    addresses = [str(piece[1]) for piece in run if not isinstance(piece, str)]
    at = f", from {', '.join(addresses[:3])}" if addresses else ""
    yield f"{PDF}: page {number} prints {text[:80]!r}, written as {_words(run)[:80]!r}{at}"


def _unaddressed(pages: Sequence[_WrittenPage]) -> Iterator[str]:
    """Every number without an address that is neither the page's own nor the mark of a footnote, which count from one on."""
    marks: dict[str, int] = {}
    for number, page in enumerate(pages, 1):
        for run in (*page.runs, *page.drawings):
            bare = [piece for piece in run if isinstance(piece, str) and DIGITS.search(piece)]
            if not bare or PAGE.fullmatch(_words(run)):
                continue
            mark = MARK.fullmatch(_words(run)) if run in page.runs else None
            if mark is None or int(mark[1]) not in {1, marks.get(mark[2], 0) + 1}:
                yield f"{PDF}: page {number} prints {bare[0].strip()[:80]!r}, a number without an address"
            else:
                marks[mark[2]] = int(mark[1])


def _foreign(folder: Path, words: Sequence[str]) -> Iterator[str]:
    """Words with digits that are said to be the report's own, and are none of this program or of the house style beside them."""
    house = folder / "house"
    set_in = [event["data"].get("house") for event in read_events(folder / AUDIT) if event["type"] == "reported"]
    if any(set_in) and not house.is_dir():
        return  # set in a house style that is not part of the evidence
    own = sorted(path for path in house.rglob("*") if path.suffix in {".yaml", ".j2"})
    yield from foreign(words, own)


def _not_printed(folder: Path, printed: set[str]) -> Iterator[str]:
    """What a report may not leave out: the verdict, and the estimate and outcome of each criterion."""
    verdict = read_document(folder, "verdict.json")
    estimates = read_document(folder, "estimates.json")["estimates"]
    places = {one["id"]: place for place, one in enumerate(estimates) if one["value"] is not None}
    asked = ["verdict.json#/outcome"] if verdict.get("outcome") and not verdict.get("exploratory") else []
    for index, criterion in enumerate(verdict.get("criteria") or ()):
        asked.append(f"verdict.json#/criteria/{index}/outcome")
        decisive = (criterion.get("estimates") or ())[:1]
        asked += [f"estimates.json#/estimates/{places[name]}/value" for name in decisive if name in places]
    yield from (f"{PDF}: does not print what lies at {address}" for address in asked if address not in printed)
