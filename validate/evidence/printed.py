"""Every number printed in the PDF, matched with the sealed value at its address (`file#/json-pointer`), never by its value.

report/printed.json says of each run of text in the PDF which part of it was printed from where. Here the PDF is read again: its
runs must be those that were written down, in their order, and each part must be what the sealed value at its address rounds to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import yaml

from validate.canonical import file_digest
from validate.errors import EvidenceError
from validate.evidence.manifest import MANIFEST, REPORT
from validate.evidence.pdf_parts import part_differences
from validate.evidence.pdf_text import Page, pages_of
from validate.evidence.seal import read_document

PDF, HTML, PRINTED = f"{REPORT}report.pdf", f"{REPORT}report.html", f"{REPORT}printed.json"
NUMBER = re.compile(r"[<>≤≥=~]?\s*[+−-]?\s*[\d,]*\.?\d+\s*%?")
PAGE = re.compile(r"page (\d+) of (\d+)")
DIGITS = re.compile(r"\d+")
ADDRESSED = re.compile(r'<t?span data-address="([^"]*)"[^>]*>([^<]*)</t?span>')
WORD = re.compile(r"\s*[A-Za-z]+$")  # a unit after a number
GIBIBYTE = 1 / 2**30
SCALES = (1.0, 100.0, 1000.0, GIBIBYTE)  # as it stands, in percent or points, per thousand, of memory
HALF = 0.5000001  # of the last place shown
MOST_NAMED = 10
# How a verdict's words begin, of what was decided and of what would be.
OUTCOMES = {
    "PASS": ("pass", "met", "would be met"),
    "FAIL": ("fail", "missed", "would be missed"),
    "INCONCLUSIVE": ("inconclusive", "undecided"),
}


@dataclass(frozen=True, slots=True)
class Printed:
    """numbers : printed numbers that were matched      differences : in words, each with page and address"""

    numbers: int
    differences: tuple[str, ...]


def check_printed(folder: Path) -> Printed:
    """Nothing for a run without a report. Raises EvidenceError where it, or what was written down of it, can't be read."""
    sealed, told, numbers = _Sealed(folder), list[str](), 0
    try:
        if (folder / PDF).is_file():
            pages = [_WrittenPage(page) for page in read_document(folder, PRINTED)["pages"]]
            sealed.pages = len(pages)
            content = (folder / PDF).read_bytes()
            told += _set_otherwise(pages_of(content), pages)
            told += [f"{PDF}: {words}" for words in part_differences(folder, content)]
            known = set[tuple[str, str]]()  # what a running head prints wrong is named on its first page
            told += [problem for n, page in enumerate(pages, 1) for problem in page.misfits(n, sealed, known)]
            told += _not_printed(folder, {address for page in pages for _, address in page.addressed})
            numbers = sum(page.numbers for page in pages)
        if (folder / HTML).is_file():
            told += _misfits_on_screen((folder / HTML).read_text(encoding="utf-8"), sealed)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EvidenceError(f"{PRINTED}: can't be held against the report: {type(error).__name__}: {error}") from error
    if len(told) > MOST_NAMED:
        told = [*told[:MOST_NAMED], f"{REPORT}: … and {len(told) - MOST_NAMED} more places differ"]
    return Printed(numbers, tuple(told))


def fits(folder: Path, text: str, address: str) -> bool:
    """Whether a printed text is what lies at this address of a run folder."""
    return _Sealed(folder).fits(text, address)


def _misfits_on_screen(html: str, sealed: _Sealed) -> Iterator[str]:
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
        return sum(1 for text, _ in self.addressed if DIGITS.search(text))

    def misfits(self, number: int, sealed: _Sealed, known: set[tuple[str, str]]) -> Iterator[str]:
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


class _Sealed:
    """Values of the sealed files by their address."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._documents, self.pages = folder, dict[str, Any](), 0

    def fits(self, text: str, address: str) -> bool:
        """Whether a printed text is what lies there: a number rounded to the places shown, a word or date with the same digits."""
        file, _, pointer = address.partition("#")
        if file == MANIFEST and not pointer:
            return _plain(text) in file_digest(self._folder / MANIFEST)
        try:
            value = self._at(file, pointer)
        except (KeyError, IndexError, ValueError, TypeError, OSError, yaml.YAMLError):
            return False
        if not DIGITS.search(text):
            return _says(text, value) if pointer.endswith("/outcome") else True
        return _holds(text.replace("\u2060", "").strip(), value)

    def _at(self, file: str, pointer: str) -> Any:
        if file not in self._documents:
            content = (self._folder / file).read_text(encoding="utf-8")
            if file.endswith(".jsonl"):
                self._documents[file] = [json.loads(line) for line in content.splitlines()]
            else:
                self._documents[file] = yaml.safe_load(content) if file.endswith(".yaml") else json.loads(content)
        value = self._documents[file]
        for escaped in pointer.split("/")[1:]:
            if value is None:
                return None  # below what is not there, such as an interval, only words can be printed
            step = escaped.replace("~1", "/").replace("~0", "~")
            # A member that is not there is none: that a reason is missing can be printed, and no number can.
            value = value[int(step)] if isinstance(value, list) else {step: None, **value}[step]
        return value


def _says(text: str, value: Any) -> bool:
    """No other verdict than the sealed one; where there is none, no word of any."""
    said = text.strip().casefold()
    return not any(said.startswith(words) for outcome, words in OUTCOMES.items() if outcome != value)


def _holds(text: str, value: Any) -> bool:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return any(_holds(text, one) for one in inner)
    number = WORD.sub("", text)
    if isinstance(value, int | float) and not isinstance(value, bool) and NUMBER.fullmatch(number):
        return _rounded(number, float(value))
    if isinstance(value, str) and not DIGITS.search(value):
        return NUMBER.fullmatch(number) is None  # words for a code, such as the name of a metric on grade 2 or above
    told, asked = _plain(str(value)), _plain(text)
    return asked in told or _numbers(text) <= _numbers(str(value))


def _rounded(text: str, value: float) -> bool:
    shown = re.sub(r"[,=~\s]", "", text).replace("−", "-")
    percent = shown.endswith("%")
    shown = shown.rstrip("%")
    if shown[0] in "<>≤≥":
        bound, scaled = float(shown[1:]), value * (100 if percent else 1)
        return scaled <= bound if shown[0] in "<≤" else scaled >= bound
    places = len(shown.partition(".")[2])
    scales = (100.0,) if percent else SCALES
    return any(abs(float(shown) - value * scale) <= HALF * 10**-places for scale in scales)


def _plain(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def _numbers(text: str) -> set[str]:
    return {found.lstrip("0") for found in DIGITS.findall(text)}
