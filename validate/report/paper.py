"""Which printed run of the PDF came from which sealed value: the PDF's own text, read back and laid over the words it was set from.

What is written down is in the PDF's order, run by run, so that a verifier compares it with the PDF exactly and needs neither the
templates nor a typesetter (evidence/printed.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import takewhile
from typing import Any

from validate.evidence.pdf_text import Page, pages_of

UNSEEN = {"style", "script", "title", "desc", "head"}
IGNORED = {"\u2060", "\u00ad", "\u200b", "\ufeff"}
PAGE = re.compile(r"page \d+ of \d+")
WINDOW = 20_000  # characters that a block may be set ahead of its place
SHORTEST_MARGIN = 12  # letters of a running head that is broken into two lines
MARK = 2  # letters of the mark of a footnote
FEWEST_FOLIOS = 3  # numbers of pages in a row that are those of the contents, and no words
LOOK_AHEAD = 24  # characters that must agree before a block counts as set elsewhere

NUMBER = re.compile(r"\d")
UNKNOWN = ""  # the address of a number that is none of the report's words

Piece = tuple[str, str | None]  # text, address
Folios = Mapping[str, tuple[str, str]]
NO_FOLIOS: Folios = {}


def paper_document(parts: Sequence[str], pdf: bytes, folios: Folios = NO_FOLIOS) -> dict[str, Any]:
    """report/printed.json: for each page of the PDF its runs outside of drawings, and its drawings.

    Each run is in pieces: text, or [text, address]. A number that stands in none of the documents has the address UNKNOWN.

    parts : the documents that were set one after the other, their values still with their addresses
    folios : of each anchor in the contents the page that is printed there, with its address
    """
    reader = _Pieces(folios)
    for html in parts:
        reader.feed(html)
    reader.close()
    pages = pages_of(pdf)
    text, drawings = _Text(reader.text, reader.heads), list(reader.drawings)
    found: list[dict[str, Any]] = []
    for page in pages:
        count = len(page.text) - _margins(page, reader.running)
        letters = [_plain(run) for run in page.text[:count]]
        runs: list[Any] = list(reader.of_contents(letters))
        again = len(runs) + text.repeated(letters[len(runs) :])
        runs += [[run] for run in page.text[len(runs) : again]]
        runs += [text.pieces(page.text[n], _joined(letters[n + 1 :])) for n in range(again, count)]
        runs += [reader.in_margin(run) for run in page.text[count:]]
        found.append({"runs": runs, "drawings": [_drawing(one, drawings) for one in page.drawings]})
    return {"schema_version": "1", "pages": found}


def _margins(page: Page, running: Sequence[str]) -> int:
    """How many of the last runs of a page stand in its margins: running heads, and which page it is."""
    count = 0
    for run in reversed(page.text):
        letters = _plain(run)
        part = len(letters) >= SHORTEST_MARGIN and any(letters in line for line in running)
        if letters not in running and not part and PAGE.fullmatch(run) is None:
            break
        count += 1
    return count


class _Pieces(HTMLParser):
    """The words of the document in reading order, drawings apart."""

    def __init__(self, folios: Folios = NO_FOLIOS) -> None:
        super().__init__(convert_charrefs=True)
        self._folios, self._folio = folios, ""
        self._heads: list[list[Piece]] = []
        self.contents: list[Piece] = []  # the numbers of pages in the table of contents, which are set before its words
        self.text: list[Piece] = []
        self.drawings: list[list[Piece]] = []
        self.running: list[str] = []
        self.heads: list[str] = []  # of tables, which a page may repeat
        self._unseen = 0
        self._head = False
        self._drawing = False
        self._addresses: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in UNSEEN
        if tag == "body":
            self.running = [_plain(value or "") for name, value in attrs if name.startswith("data-running")]
            heads = json.loads(dict(attrs).get("data-pieces") or "[]")
            self._heads = [[(text, address) for text, address in head] for head in heads]
        if tag == "thead":
            self._head = True
            self.heads.append("")
        if tag == "svg":
            self._drawing = True
            self.drawings.append([])
        if tag in {"span", "tspan"}:
            self._folio = dict(attrs).get("data-folio") or ""
            self._addresses.append(dict(attrs).get("data-address"))

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in UNSEEN
        if tag == "thead":
            self._head = False
        if tag == "svg":
            self._drawing = False
        if tag in {"span", "tspan"} and self._addresses:
            self._folio = ""
            self._addresses.pop()

    def handle_data(self, data: str) -> None:
        if self._folio in self._folios:
            self.contents.append(self._folios[self._folio])
        elif not self._unseen:
            address = next((one for one in reversed(self._addresses) if one is not None), None)
            (self.drawings[-1] if self._drawing else self.text).append((data, address))
            if self._head:
                self.heads[-1] += _plain(data)

    def of_contents(self, letters: Sequence[str]) -> Iterator[list[Any]]:
        """The numbers of pages with which a page of contents begins, each with its address."""
        count = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1][0], zip(letters, self.contents, strict=False)))
        if count >= min(FEWEST_FOLIOS, len(self.contents)):
            yield from ([[text, address]] for text, address in self.contents[:count])
            del self.contents[:count]

    def in_margin(self, run: str) -> list[Any]:
        """A running head, whole or a line of it, cut where addresses begin and end."""
        letters = _plain(run)
        for head in self._heads:
            parts = [_plain(text) for text, _ in head]
            start = "".join(parts).find(letters)
            if start >= 0:
                owners = [address for part, (_, address) in zip(parts, head, strict=True) for _ in part]
                return list(_cut(run, owners[start:]))
        return [run]


def _plain(text: str) -> str:
    """As it is compared: without what a typesetter may add, drop, or write in capitals."""
    return text.translate(LETTERS)


class _Letters(dict[int, str]):
    """Each sign as it is compared, found once."""

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        lower = sign.lower()
        self[code] = "" if sign.isspace() or sign in IGNORED else lower if len(lower) == 1 else sign
        return self[code]


LETTERS = _Letters()


def _joined(following: Iterable[str]) -> str:
    """The beginning of what comes next."""
    text = ""
    for one in following:
        text += one
        if len(text) >= LOOK_AHEAD:
            break
    return text


@dataclass(slots=True)
class _Text:
    """The words outside of drawings as one line of letters, and how far the PDF has come in it."""

    source: Sequence[Piece]
    heads: Sequence[str]
    line: str = ""
    owner: list[int] = field(default_factory=list)  # piece of each letter
    place: int = 0
    passed: list[list[int]] = field(default_factory=list)  # [from, to): set later than where it stands

    def __post_init__(self) -> None:
        parts = [_plain(text) for text, _ in self.source]
        self.line = "".join(parts)
        self.owner = [index for index, part in enumerate(parts) for _ in part]

    def repeated(self, letters: Sequence[str]) -> int:
        """How many runs at the beginning of a page are the head of a table that goes on, and no words of their own."""
        for head in self.heads:
            text = ""
            for count, one in enumerate(letters, 1):
                text += one
                if not head.startswith(text):
                    break
                if text == head and not self.line.startswith(text + _joined(letters[count:]), self.place):
                    return count
        return 0

    def pieces(self, run: str, following: str) -> list[Any]:
        """A run of the PDF, cut where addresses begin and end; whole, and without one, where it is of the page and not of the text."""
        letters = _plain(run)
        start = self._found(letters, following)
        if start is None:
            of_the_page = len(letters) <= MARK or not NUMBER.search(letters)
            return [run] if of_the_page else [[run, UNKNOWN]]
        return list(_cut(run, [self.source[self.owner[start + n]][1] for n in range(len(_plain(run)))]))

    def _found(self, letters: str, following: str) -> int | None:
        if not letters or (len(letters) <= MARK and self._is_a_mark(letters, following)):
            return None
        if self.line.startswith(letters, self.place):
            self.place += len(letters)
            return self.place - len(letters)
        wanted = letters + following if len(letters) < LOOK_AHEAD else letters
        ahead = self.line.find(wanted, self.place, self.place + WINDOW) if len(wanted) >= LOOK_AHEAD else -1
        if ahead >= 0:
            self.passed.append([self.place, ahead])
            self.place = ahead + len(letters)
            return ahead
        return self._passed_by(letters, wanted)

    def _is_a_mark(self, letters: str, following: str) -> bool:
        """Whether a short run is the mark of a footnote: without it, what comes next goes on where the text stands."""
        return self.line.startswith(following, self.place) and not self.line.startswith(letters + following, self.place)

    def _passed_by(self, letters: str, wanted: str) -> int | None:
        """Where a block that is set late begins or goes on."""
        for gap in self.passed:
            start = gap[0] if self.line.startswith(letters, gap[0]) else self.line.find(wanted, gap[0], gap[1])
            if start < 0 or start + len(letters) > gap[1] or (start > gap[0] and len(wanted) < LOOK_AHEAD):
                continue
            if start > gap[0]:
                self.passed.append([gap[0], start])
            gap[0] = start + len(letters)
            return start
        return None


def _cut(run: str, addresses: Sequence[str | None]) -> Iterator[Any]:
    """Addresses : of each letter that counts"""
    if len(set(addresses)) == 1:
        yield run if addresses[0] is None else [run, addresses[0]]
        return
    text, current, at = "", None, 0
    for sign in run:
        if _plain(sign):
            if at and addresses[at] != current and text:
                yield text if current is None else [text, current]
                text = ""
            current = addresses[at]
            at += 1
        text += sign
    if text:
        yield text if current is None else [text, current]


def _drawing(runs: Sequence[str], drawings: list[list[Piece]]) -> list[Any]:
    """A drawing of the PDF by the first of the document's, not taken yet, that has the same letters."""
    drawn = "".join(runs)
    for index, pieces in enumerate(drawings):
        parts = [_plain(text) for text, _ in pieces]
        if "".join(parts) == _plain(drawn):
            del drawings[index]
            addresses = [address for part, (_, address) in zip(parts, pieces, strict=True) for _ in part]
            return list(_cut(drawn, addresses))
    return [drawn]


def unplaced(parts: Sequence[str], paper: Mapping[str, Any]) -> list[str]:
    """Addresses of printed values that no run of the PDF was found for."""
    reader = _Pieces()
    for html in parts:
        reader.feed(html)
    asked = {a for part in (reader.text, *reader.drawings) for text, a in part if a is not None and _plain(text)}
    there = {
        piece[1]
        for page in paper["pages"]
        for run in (*page["runs"], *page["drawings"])
        for piece in run
        if not isinstance(piece, str)
    }
    return sorted(asked - there)
