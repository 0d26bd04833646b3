"""What stands on the page: text in pieces, each piece that came from the evidence with its address."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup, escape


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text. address : where its value lies; None for words of the report itself."""

    text: str
    address: str | None = None

    def markup(self, element: str) -> Markup:
        if self.address is None:
            return escape(self.text)
        address, text = escape(self.address), escape(self.text)
        return Markup(f'<{element} data-address="{address}">{text}</{element}>')  # noqa: S704 (both are escaped)


@dataclass(frozen=True, slots=True)
class Printed:
    """Text ready for the page. absent : it says in words why there is no number."""

    pieces: tuple[Piece, ...] = ()
    absent: bool = False

    def __str__(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    def __html__(self) -> str:
        inner = self.markup("span")
        return str(Markup('<span class="absent">{}</span>').format(inner) if self.absent else inner)

    def __add__(self, other: Printed | str) -> Printed:
        return Printed(self.pieces + printed(other).pieces, self.absent)

    def __radd__(self, other: str) -> Printed:
        return printed(other) + self

    def __bool__(self) -> bool:
        return any(piece.text for piece in self.pieces)

    def __getitem__(self, part: slice) -> Printed:
        """Some of its letters, each from where it was."""
        pieces, at = list[Piece](), 0
        first, last, _ = part.indices(len(str(self)))
        for piece in self.pieces:
            kept = piece.text[max(first - at, 0) : max(last - at, 0)]
            pieces += [Piece(kept, piece.address)] if kept else []
            at += len(piece.text)
        return Printed(tuple(pieces), self.absent)

    def markup(self, element: str) -> Markup:
        """The pieces as `element`s that carry their address: span in HTML, tspan in SVG."""
        return Markup("".join([piece.markup(element) for piece in self.pieces]))  # noqa: S704 (each piece is escaped)


def printed(content: Printed | str, address: str | None = None) -> Printed:
    """Words, or a value's text with its address."""
    return content if isinstance(content, Printed) else Printed((Piece(content, address),))


def joined(parts: Iterable[Printed | str], between: str) -> Printed:
    """The parts in a row, like str.join; empty parts are left out."""
    pieces: list[Piece] = []
    for part in parts:
        if part:
            pieces += [Piece(between)] if pieces else []
            pieces += printed(part).pieces
    return Printed(tuple(pieces))
