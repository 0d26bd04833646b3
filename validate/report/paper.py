"""Which printed run of the PDF came from which sealed value: the PDF's own text, read back and laid over the words it was set from.

What is written down is in the PDF's order, run by run, so that a verifier compares it with the PDF exactly and needs neither the
templates nor a typesetter (evidence/printed.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from html.parser import HTMLParser
from itertools import takewhile
from typing import Any

from validate.evidence.letters import letters as plain
from validate.evidence.pdf_text import Page, pages_of
from validate.report.names import Names
from validate.report.set_text import NUMBER, Piece, SetText, cut, joined, owners

UNSEEN = {"style", "script", "title", "desc", "head"}
PAGE = re.compile(r"page \d+ of \d+")
SHORTEST_MARGIN = 12  # letters of a running head that is broken into two lines
FEWEST_FOLIOS = 3  # numbers of pages in a row that are those of the contents, and no words

OWN = "report/printed.json#/words/"  # of words with digits that are the report's own: a citation, a glossary's "95 of 100"

Folios = Mapping[str, tuple[str, str]]
NO_FOLIOS: Folios = {}
NO_NAMES: Mapping[str, str] = {}


def paper_document(
    parts: Sequence[str], pdf: bytes, folios: Folios = NO_FOLIOS, names: Mapping[str, str] = NO_NAMES
) -> dict[str, Any]:
    """report/printed.json: for each page of the PDF its runs outside of drawings, and its drawings; and own words that hold digits.

    Each run is in pieces: text, or [text, address]. A number that stands in none of the documents has the address UNKNOWN.

    parts : the documents that were set one after the other, their values still with their addresses
    folios : of each anchor in the contents the page that is printed there, with its address
    names : by name its address, of names.py
    """
    reader = _Pieces(folios, names)
    for html in parts:
        reader.feed(html)
    reader.close()
    pages = pages_of(pdf)
    text, drawings = SetText(reader.text, reader.heads), list(reader.drawings)
    found: list[dict[str, Any]] = []
    for page in pages:
        count = len(page.text) - _margins(page, reader.running)
        letters = [plain(run) for run in page.text[:count]]
        runs: list[Any] = list(reader.of_contents(letters))
        runs += text.repeated(page.text[len(runs) :], letters[len(runs) :])
        again = len(runs)
        runs += [text.pieces(page.text[n], joined(letters[n + 1 :])) for n in range(again, count)]
        runs += [reader.in_margin(run) for run in page.text[count:]]
        found.append({"runs": runs, "drawings": [_drawing(one, drawings) for one in page.drawings]})
    return {"schema_version": "1", "pages": found, "words": list(reader.own)}


def _margins(page: Page, running: Sequence[str]) -> int:
    """How many of the last runs of a page stand in its margins: running heads, and which page it is."""
    count = 0
    for run in reversed(page.text):
        letters = plain(run)
        part = len(letters) >= SHORTEST_MARGIN and any(letters in line for line in running)
        if letters not in running and not part and PAGE.fullmatch(run) is None:
            break
        count += 1
    return count


class _Pieces(HTMLParser):
    """The words of the document in reading order, drawings apart."""

    def __init__(self, folios: Folios = NO_FOLIOS, names: Mapping[str, str] = NO_NAMES) -> None:
        super().__init__(convert_charrefs=True)
        self._names = Names(names)
        self.own: dict[str, int] = {}
        self._folios, self._folio = folios, ""
        self._heads: list[list[Piece]] = []
        self.contents: list[Piece] = []  # the numbers of pages in the table of contents, which are set before its words
        self.text: list[Piece] = []
        self.drawings: list[list[Piece]] = []
        self.running: list[str] = []
        self.heads: list[list[Piece]] = []  # of tables, which a page may repeat
        self._unseen = 0
        self._head = False
        self._drawing = False
        self._addresses: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in UNSEEN
        if tag == "body":
            self.running = [plain(value or "") for name, value in attrs if name.startswith("data-running")]
            heads = json.loads(dict(attrs).get("data-pieces") or "[]")
            self._heads = [
                [piece for text, at in head for piece in ([(text, at)] if at else self._placed(text))] for head in heads
            ]
        if tag == "thead":
            self._head = True
            self.heads.append([])
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
            place = self.drawings[-1] if self._drawing else self.text
            pieces = [(data, address)] if address is not None else self._placed(data)
            place += pieces
            if self._head:
                self.heads[-1] += pieces

    def _placed(self, data: str) -> list[Piece]:
        """Words without an address: names in them by where they stand in the evidence, other digits as words of the report."""
        return [
            (text, address if address is not None or not NUMBER.search(text) else self._own(text))
            for text, address in self._names.pieces(data)
        ]

    def _own(self, text: str) -> str:
        return f"{OWN}{self.own.setdefault(' '.join(text.split()), len(self.own))}"

    def of_contents(self, letters: Sequence[str]) -> Iterator[list[Any]]:
        """The numbers of pages with which a page of contents begins, each with its address."""
        count = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1][0], zip(letters, self.contents, strict=False)))
        if count >= min(FEWEST_FOLIOS, len(self.contents)):
            yield from ([[text, address]] for text, address in self.contents[:count])
            del self.contents[:count]

    def in_margin(self, run: str) -> list[Any]:
        """A running head, whole or a line of it, cut where addresses begin and end."""
        letters = plain(run)
        for head in self._heads:
            parts = [plain(text) for text, _ in head]
            start = "".join(parts).find(letters)
            if start >= 0:
                return list(cut(run, owners(head)[start:]))
        return [run]


def _drawing(runs: Sequence[str], drawings: list[list[Piece]]) -> list[Any]:
    """A drawing of the PDF by the first of the document's, not taken yet, that has the same letters."""
    drawn = "".join(runs)
    for index, pieces in enumerate(drawings):
        parts = [plain(text) for text, _ in pieces]
        if "".join(parts) == plain(drawn):
            del drawings[index]
            addresses = [address for part, (_, address) in zip(parts, pieces, strict=True) for _ in part]
            return list(cut(drawn, addresses))
    return [drawn]


def own_words(html: str, names: Mapping[str, str] = NO_NAMES) -> list[str]:
    """What stands on a page with digits and without an address: the report's own words, if anything (evidence/own_words.py).

    names : by name its address, of names.py
    """
    reader = _Pieces(names=names)
    reader.feed(html)
    reader.close()
    return list(reader.own)


def unplaced(parts: Sequence[str], paper: Mapping[str, Any]) -> list[str]:
    """Addresses of printed values that no run of the PDF was found for."""
    reader = _Pieces()
    for html in parts:
        reader.feed(html)
    asked = {a for part in (reader.text, *reader.drawings) for text, a in part if a is not None and plain(text)}
    there = {
        piece[1]
        for page in paper["pages"]
        for run in (*page["runs"], *page["drawings"])
        for piece in run
        if not isinstance(piece, str)
    }
    return sorted(asked - there)
