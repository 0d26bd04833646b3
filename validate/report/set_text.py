"""The words of a document as one line of letters, and which of them each run of the PDF is: blocks may be set ahead of their place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from validate.evidence.letters import letters as plain

WINDOW = 20_000  # characters that a block may be set ahead of its place
MARK = 2  # letters of the mark of a footnote
LOOK_AHEAD = 24  # characters that must agree before a block counts as set elsewhere
NUMBER = re.compile(r"\d")
UNKNOWN = ""  # the address of a number that is none of the report's words

Piece = tuple[str, str | None]  # text, address


def owners(pieces: Sequence[Piece]) -> list[str | None]:
    """The address of each letter that counts."""
    return [address for text, address in pieces for _ in plain(text)]


def joined(following: Iterable[str]) -> str:
    """The beginning of what comes next."""
    text = ""
    for one in following:
        text += one
        if len(text) >= LOOK_AHEAD:
            break
    return text


@dataclass(slots=True)
class SetText:
    """The words outside of drawings as one line of letters, and how far the PDF has come in it."""

    source: Sequence[Piece]
    heads: Sequence[Sequence[Piece]]
    line: str = ""
    owner: list[int] = field(default_factory=list)  # piece of each letter
    place: int = 0
    passed: list[list[int]] = field(default_factory=list)  # [from, to): set later than where it stands

    def __post_init__(self) -> None:
        parts = [plain(text) for text, _ in self.source]
        self.line = "".join(parts)
        self.owner = [index for index, part in enumerate(parts) for _ in part]

    def repeated(self, runs: Sequence[str], letters: Sequence[str]) -> Iterator[list[Any]]:
        """The runs at the beginning of a page that are the head of a table that goes on, and no words of their own."""
        for pieces in self.heads:
            head, text = "".join(plain(part) for part, _ in pieces), ""
            for count, one in enumerate(letters, 1):
                text += one
                if not head.startswith(text):
                    break
                if text == head and not self.line.startswith(text + joined(letters[count:]), self.place):
                    of_letters, place = owners(pieces), 0
                    for run, letters_of in zip(runs[:count], letters[:count], strict=True):
                        yield list(cut(run, of_letters[place : place + len(letters_of)] or [None]))
                        place += len(letters_of)
                    return

    def pieces(self, run: str, following: str) -> list[Any]:
        """A run of the PDF, cut where addresses begin and end; whole, and without one, where it is of the page and not of the text."""
        letters = plain(run)
        start = self._found(letters, following)
        if start is None:
            of_the_page = len(letters) <= MARK or not NUMBER.search(letters)
            return [run] if of_the_page else [[run, UNKNOWN]]
        return list(cut(run, [self.source[self.owner[start + n]][1] for n in range(len(plain(run)))]))

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


def cut(run: str, addresses: Sequence[str | None]) -> Iterator[Any]:
    """Addresses : of each letter that counts"""
    if len(set(addresses)) == 1:
        yield run if addresses[0] is None else [run, addresses[0]]
        return
    text, current, at = "", None, 0
    for sign in run:
        if plain(sign):
            if at and addresses[at] != current and text:
                yield text if current is None else [text, current]
                text = ""
            current = addresses[at]
            at += 1
        text += sign
    if text:
        yield text if current is None else [text, current]
