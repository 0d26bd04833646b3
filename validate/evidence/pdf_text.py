"""The text of a PDF as it was set, run by run in the order of its content, with drawings apart (ISO 32000-1, 9.4 and 14.6).

For reports of ours: strings of glyphs whose meaning stands in the font's ToUnicode table. What is drawn as lines is no text here.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from validate.errors import EvidenceError, MissingLibrary
from validate.evidence.pdf_parts import leaves
from validate.evidence.pdf_reader import opened_pdf

OPERATOR = re.compile(
    rb"/(?P<font>[^\s/\[\]<>()]+)\s+[-+.\d]+\s+Tf\b"
    rb"|\[(?P<row>[^\]]*)\]\s*TJ"
    rb"|(?P<one><[0-9A-Fa-f\s]*>)\s*Tj"
    rb"|/(?P<form>[^\s/\[\]<>()]+)\s+Do\b"
    rb"|/(?P<tag>\w+)\s*(?:<<.*?>>|/\w+)?\s*(?:BDC|BMC)\b"
    rb"|\b(?P<end>EMC)\b",
    re.DOTALL,
)
HEX = re.compile(rb"<([0-9A-Fa-f\s]*)>")
MAPPED = re.compile(rb"begin(bfchar|bfrange)(.*?)end\1", re.DOTALL)
FIGURE = "Figure"
DEEPEST = 20
NAME_LENGTH = 2  # bytes of a glyph's name

Glyphs = Mapping[int, str]
Known = dict[int, tuple[Any, Glyphs]]  # fonts that were read, kept so that no other gets their number


@dataclass(frozen=True, slots=True)
class Page:
    """text : runs outside of drawings      drawings : one list of runs a drawing; both in the order in which they are set"""

    text: tuple[str, ...]
    drawings: tuple[tuple[str, ...], ...]


def pages_of(content: bytes) -> list[Page]:
    """Every page of a PDF. Raises EvidenceError for what is no PDF that can be read."""
    try:
        known: Known = {}
        return [_page(page, known) for page in leaves(opened_pdf(content).root["/Pages"])]
    except MissingLibrary:
        raise
    except Exception as error:  # whatever a reader stumbles over in bytes that somebody has changed
        raise EvidenceError(f"its text can't be read: {type(error).__name__}: {error}") from error


def _page(page: Any, known: Known) -> Page:
    contents = page["/Contents"].get_object()
    parts = [part.get_object() for part in contents] if isinstance(contents, list) else [contents]
    resources = page["/Resources"].get_object()
    text: list[str] = []
    drawings: list[list[str]] = []
    _read(b"\n".join(part.data for part in parts), resources, _Place(text, drawings), known, 0)
    return Page(tuple(text), tuple(tuple(one) for one in drawings))


@dataclass(slots=True)
class _Place:
    """Where the next run goes: into the text, or the drawing that is open."""

    text: list[str]
    drawings: list[list[str]]
    open: int = 0  # marked contents within and with the drawing; 0 outside

    def begin(self, tag: str) -> None:
        if self.open or tag == FIGURE:
            if not self.open:
                self.drawings.append([])
            self.open += 1

    def end(self) -> None:
        self.open = max(self.open - 1, 0)

    def add(self, run: str) -> None:
        (self.drawings[-1] if self.open else self.text).append(run)


def _read(stream: bytes, resources: Any, place: _Place, known: Known, depth: int) -> None:
    if depth > DEEPEST:
        raise ValueError("forms are nested too deeply")
    fonts, forms = _part(resources, "/Font"), _part(resources, "/XObject")
    glyphs: Glyphs = {}
    named: dict[bytes, Glyphs] = {}
    for found in OPERATOR.finditer(stream):
        if (font := found["font"]) is not None:
            if font not in named:
                named[font] = _glyphs(fonts.get(f"/{font.decode()}"), known)
            glyphs = named[font]
        elif found["row"] is not None or found["one"] is not None:
            place.add(_words(HEX.findall(found["row"] or found["one"] or b""), glyphs))
        elif found["form"] is not None:
            form = forms[f"/{found['form'].decode()}"].get_object()
            if form.get("/Subtype") == "/Form":
                inner = form.get("/Resources")
                own = inner.get_object() if inner is not None else resources
                _read(form.data, own, place, known, depth + 1)
        elif found["tag"] is not None:
            place.begin(found["tag"].decode())
        else:
            place.end()


def _part(resources: Any, name: str) -> Any:
    part = resources.get(name)
    return {} if part is None else part.get_object()


def _words(names: Sequence[bytes], glyphs: Glyphs) -> str:
    """A row of strings, each of whole names of glyphs, is one run."""
    digits = b"".join(names)
    if digits.isalnum() and all(len(name) % (2 * NAME_LENGTH) == 0 for name in names):
        raw = bytes.fromhex(digits.decode())
    else:
        raw = b"".join(_whole(bytes.fromhex(name.decode())) for name in names)
    return "".join([glyphs.get(code, "\ufffd") for code in struct.unpack(f">{len(raw) // NAME_LENGTH}H", raw)])


def _whole(raw: bytes) -> bytes:
    """The last name filled up, where a byte of it is missing, as a number that is short by its first byte."""
    return raw if len(raw) % NAME_LENGTH == 0 else raw[:-1] + b"\0" + raw[-1:]


def _glyphs(font: Any, known: Known) -> Glyphs:
    """What each glyph of a font means."""
    if font is None:
        raise ValueError("a font is used that is not there")
    found = font.get_object()
    if id(found) not in known:
        known[id(found)] = found, dict(_mapped(found["/ToUnicode"].get_object().data))
    return known[id(found)][1]


def _mapped(table: bytes) -> Iterator[tuple[int, str]]:
    for kind, body in MAPPED.findall(table):
        names = [b"".join(name.split()) for name in HEX.findall(body)]
        step = 2 if kind == b"bfchar" else 3
        for at in range(0, len(names) - step + 1, step):
            first, last = int(names[at], 16), int(names[at + step - 2], 16)
            meaning = bytes.fromhex(names[at + step - 1].decode()).decode("utf-16-be")
            for code in range(first, min(last, first + 0xFFFF) + 1):
                yield code, meaning if code == first else meaning[:-1] + chr(ord(meaning[-1]) + code - first)
