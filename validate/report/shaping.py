"""Words as rows of glyphs, each word shaped once: text for a PDF page without a layout engine around every line of it.

A report repeats its words and numbers thousands of times. Pango shapes each at one large size, where nothing is rounded to a
pixel, and the result is scaled. Text that is not simple (other directions, combining marks, glyphs that are missing or
pictures) is not guessed at: `Unplain` sends the caller to the typesetter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

LARGE = 1000  # CSS pixels
SPACES = re.compile(r"( +)")
# Letters of Latin, Greek and Cyrillic, and signs: each stands for itself, from left to right.
SIMPLE = re.compile(
    r"[\x20-\x7e\xa0-\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u2046\u20a0-\u20bf\u2100-\u23ff\u2460-\u25ff]*"
)


class Unplain(Exception):
    """Text that only the typesetter can set."""


@dataclass(frozen=True, slots=True)
class Glyph:
    """number : in its font    width : of the font itself    kerning : to take away    text : what it stands for

    Widths in thousandths of the size."""

    number: int
    width: int
    kerning: int
    text: str


@dataclass(frozen=True, slots=True)
class Run:
    """Glyphs of one font. font : of Pango; alive as long as its map."""

    font: Any
    glyphs: tuple[Glyph, ...]


@dataclass(frozen=True, slots=True)
class Word:
    """width : in sizes"""

    runs: tuple[Run, ...]
    width: float


@dataclass(slots=True)
class Shaper:
    """Words in one style, shaped once each. style : of WeasyPrint; its size does not matter"""

    style: Any
    _layout: Any = None
    _first: Any = None
    _words: dict[str, Word] = field(default_factory=dict)
    _glyphs: dict[Any, dict[tuple[int, int, bytes], Glyph]] = field(default_factory=dict)

    def words(self, text: str) -> Sequence[Word]:
        """The text word by word, spaces between. Raises Unplain."""
        return [self._word(part) for part in SPACES.split(text) if part]

    def first(self, word: Word) -> bool:
        """Whether all of it is set in the first font of the style."""
        if self._first is None:
            self._first = self._shaped("0").runs[0].font
        return len(word.runs) == 1 and word.runs[0].font == self._first

    def _word(self, text: str) -> Word:
        if text not in self._words:
            if SIMPLE.fullmatch(text) is None:
                raise Unplain(text)
            self._words[text] = self._shaped(text)
        return self._words[text]

    def _shaped(self, text: str) -> Word:
        from weasyprint.text.ffi import ffi, pango
        from weasyprint.text.line_break import Layout

        if self._layout is None:
            style = _Style(self.style)
            style["font_size"] = LARGE
            style.font_config = self.style.font_config
            self._layout = Layout(style)
        layout = self._layout.layout
        encoded = text.encode()
        pango.pango_layout_set_text(layout, ffi.new("char[]", encoded), -1)
        line = pango.pango_layout_get_line_readonly(layout, 0)
        runs, width = [], 0
        item = line.runs
        while item != ffi.NULL:
            run = item.data
            glyphs = tuple(_glyphs(run, encoded, self._glyphs.setdefault(run.item.analysis.font, {})))
            width += sum(glyph.width - glyph.kerning for glyph in glyphs)
            runs.append(Run(run.item.analysis.font, glyphs))
            item = item.next
        return Word(tuple(runs), width / 1000)


class _Style(dict[str, Any]):
    """As Pango's layout of WeasyPrint asks for it."""

    font_config: Any


def _glyphs(run: Any, encoded: bytes, known: dict[tuple[int, int, bytes], Glyph]) -> Iterator[Glyph]:
    """Glyphs of one run.    known : those of its font by number, advance in Pango's units, and the text they stand for"""
    from weasyprint.text.ffi import pango

    string, item = run.glyphs, run.item
    turned, offset, unknown = item.analysis.level % 2, item.offset, pango.PANGO_GLYPH_UNKNOWN_FLAG
    starts = [*string.log_clusters[0 : string.num_glyphs], item.length]
    for place in range(string.num_glyphs):
        one = string.glyphs[place]
        number, geometry = one.glyph, one.geometry
        if number == pango.PANGO_GLYPH_EMPTY or number & unknown or turned or geometry.x_offset or geometry.y_offset:
            raise Unplain(encoded.decode())
        key = (number, geometry.width, encoded[offset + starts[place] : offset + starts[place + 1]])
        if key not in known:
            known[key] = _glyph(item.analysis.font, *key)
        yield known[key]


def _glyph(font: Any, number: int, advance: int, text: bytes) -> Glyph:
    from weasyprint.text.ffi import FROM_UNITS, ffi, pango

    ink, logical = ffi.new("PangoRectangle *"), ffi.new("PangoRectangle *")
    pango.pango_font_get_glyph_extents(font, number, ink, logical)
    width = round(logical.width * FROM_UNITS * 1000 / LARGE)
    return Glyph(int(number), width, width - round(advance * FROM_UNITS * 1000 / LARGE), text.decode())


@dataclass(slots=True)
class Setter:
    """Sets words on the pages of one document. fonts : of that document, as WeasyPrint's streams know them"""

    _fonts: dict[Any, Any] = field(default_factory=dict)
    _known: dict[int, set[int]] = field(default_factory=dict)
    _rows: dict[int, list[tuple[Any, bytes]]] = field(default_factory=dict)
    _kept: list[Word] = field(default_factory=list)

    def checked(self, stream: Any, words: Sequence[Word]) -> None:
        """Raises Unplain where a font has pictures for glyphs."""
        for word in words:
            self._row(stream, word)

    def operators(self, stream: Any, words: Sequence[Word], size: float) -> bytes:
        """What shows the words, from where the text is."""
        shown: list[tuple[Any, bytes]] = []
        for word in words:
            for font, row in self._row(stream, word):
                if shown and shown[-1][0] is font:
                    shown[-1] = (font, shown[-1][1] + row)
                else:
                    shown.append((font, row))
        return b"\n".join(b"/%s %s Tf\n[%s] TJ" % (font.hash.encode(), number(size), row) for font, row in shown)

    def row(self, stream: Any, words: Sequence[Word]) -> tuple[Any, bytes]:
        """Words of one font: the font, and what is between the brackets of TJ."""
        parts = [self._row(stream, word)[0] for word in words]
        return parts[0][0], b"".join([row for _, row in parts])

    def _row(self, stream: Any, word: Word) -> list[tuple[Any, bytes]]:
        found = self._rows.get(id(word))
        if found is None:
            found = [(self._font(stream, run), _row(run.glyphs)) for run in word.runs]
            self._rows[id(word)] = found
            self._kept.append(word)
        return found

    def _font(self, stream: Any, run: Run) -> Any:
        font = self._fonts.get(run.font)
        if font is None:
            font, _ = stream.add_font(run.font)
            if font.bitmap or font.svg or font.png or font.colr:
                raise Unplain("a font of pictures")
            self._fonts[run.font] = font
        for glyph in run.glyphs:
            font.widths.setdefault(glyph.number, glyph.width)
            font.to_unicode.setdefault(glyph.number, glyph.text)
        return font


def _row(glyphs: Sequence[Glyph]) -> bytes:
    row = "<"
    for glyph in glyphs:
        row += f"{glyph.number:04x}"
        if glyph.kerning:
            row += f">{glyph.kerning}<"
    return f"{row}>".replace("<>", "").encode()


def kept(fonts: Any, name: str, make: Callable[[], Any], whose: Any = None) -> Any:
    """What is kept beside the fonts of a process; made anew for each document where it belongs to one."""
    found = fonts.__dict__.setdefault(f"_validate_{name}", (None, None))
    if found[1] is None or found[0] is not whose:
        found = (whose, make())
        setattr(fonts, f"_validate_{name}", found)
    return found[1]


def number(value: float) -> bytes:
    """As PDF writes it."""
    return (f"{value:.4f}".rstrip("0").rstrip(".") or "0").encode() if value else b"0"
