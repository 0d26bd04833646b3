"""The house style of every figure, and the few strokes that all of them are made of.

One unit is one point on A4 paper when the figure is as wide as the text (493 units). Colours are never the only
sign: marks differ in shape or fill too, so that a figure reads in grey and to the colour-blind. Presentation
attributes make the SVG stand alone; the classes let a screen in dark mode repaint it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup, escape

from validate.report.printed import Printed, printed

Tone = Literal["ink", "grey", "faint", "hair", "paper", "accent", "pass", "fail", "inconclusive", "band"]
Anchor = Literal["start", "middle", "end"]
Words = Printed | str
COLOURS: dict[Tone, str] = {
    "ink": "#1b1f24",
    "grey": "#5b6570",
    "faint": "#98a1aa",
    "hair": "#d5dae0",
    "paper": "#ffffff",
    "accent": "#0b5d6b",
    "pass": "#1a7f4b",
    "fail": "#b3261e",
    "inconclusive": "#9a6700",
    "band": "#dbe9eb",
}
AXES, FIGURE = "report/addresses.json#/axes/", "\x00"  # where the ticks of a figure lie, and its name while it is drawn
WIDTH = 493.0
HALF = 236.0
# Advance widths of Inter in thousandths of the size; enough to know what fits, digits being tabular.
NARROW = dict.fromkeys("iljI.,:;'|!()[]/ftr-–· ", 330)
WIDE = dict.fromkeys("mwMW@%—", 900)


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawn figure. description : what a reader who can't see it is told."""

    name: str
    svg: Markup
    title: str
    description: str

    def __html__(self) -> str:
        return str(self.svg)


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight map from data to the page."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def clipped(self, value: float) -> float:
        """The place on the page, kept inside the frame."""
        return self(min(max(value, min(self.low, self.high)), max(self.low, self.high)))


class Canvas:
    """An SVG being drawn."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._parts: list[str] = []
        self._ticks = 0

    def open_group(self, name: str) -> None:
        """What is drawn until `close_group` belongs to this group: a screen can put it aside."""
        self._add('<g data-group="{}">', name)

    def close_group(self) -> None:
        self._parts.append("</g>")

    def line(
        self, start: tuple[float, float], end: tuple[float, float], tone: Tone = "hair", *, width: float = 0.6,
        dash: str = "",
    ) -> None:  # fmt: skip
        dashes = Markup(' stroke-dasharray="{}"').format(dash) if dash else ""
        self._add(
            '<path class="s-{}" d="M{} {}L{} {}" stroke="{}" stroke-width="{}" fill="none"{}/>',
            tone, _n(start[0]), _n(start[1]), _n(end[0]), _n(end[1]), COLOURS[tone], width, dashes,
        )  # fmt: skip

    def curve(
        self, points: Sequence[tuple[float, float]], tone: Tone = "ink", *, width: float = 1.4, dash: str = ""
    ) -> None:
        dashes = Markup(' stroke-dasharray="{}"').format(dash) if dash else ""
        self._add(
            '<path class="s-{}" d="{}" stroke="{}" stroke-width="{}" fill="none" stroke-linejoin="round"{}/>',
            tone, _path(points), COLOURS[tone], width, dashes,
        )  # fmt: skip

    def area(self, points: Sequence[tuple[float, float]], tone: Tone = "band") -> None:
        self._add('<path class="f-{}" d="{}Z" fill="{}"/>', tone, _path(points), COLOURS[tone])

    def bars(self, boxes: Iterable[tuple[float, float, float, float]], tone: Tone) -> None:
        """Filled boxes (x, y, width, height) of one tone, as a single path."""
        d = "".join(f"M{_n(x)} {_n(y)}h{_n(w)}v{_n(h)}h{_n(-w)}Z" for x, y, w, h in boxes if w > 0 and h > 0)
        if d:
            self._add('<path class="f-{}" d="{}" fill="{}"/>', tone, d, COLOURS[tone])

    def box(self, corner: tuple[float, float], size: tuple[float, float], tone: Tone = "hair") -> None:
        """A rounded frame on paper."""
        self._add(
            '<rect class="f-paper s-{}" x="{}" y="{}" width="{}" height="{}" rx="3" fill="#ffffff" stroke="{}" '
            'stroke-width="0.8"/>',
            tone, _n(corner[0]), _n(corner[1]), _n(size[0]), _n(size[1]), COLOURS[tone],
        )  # fmt: skip

    def shade(self, corner: tuple[float, float], size: tuple[float, float], colour: str) -> None:
        """A filled cell of a heat map, with a hairline of paper around it."""
        self._add(
            '<rect x="{}" y="{}" width="{}" height="{}" fill="{}" stroke="#ffffff" stroke-width="0.8"/>',
            _n(corner[0]), _n(corner[1]), _n(size[0]), _n(size[1]), colour,
        )  # fmt: skip

    def outline(self, corner: tuple[float, float], size: tuple[float, float], tone: Tone = "accent") -> None:
        """A frame without a filling."""
        self._add(
            '<rect class="s-{}" x="{}" y="{}" width="{}" height="{}" fill="none" stroke="{}" stroke-width="1"/>',
            tone, _n(corner[0] + 0.7), _n(corner[1] + 0.7), _n(size[0] - 1.4), _n(size[1] - 1.4), COLOURS[tone],
        )  # fmt: skip

    def disc(self, centre: tuple[float, float], radius: float, tone: Tone, *, hollow: bool = False) -> None:
        fill: Tone = "paper" if hollow else tone
        self._add(
            '<circle class="f-{} s-{}" cx="{}" cy="{}" r="{}" fill="{}" stroke="{}" stroke-width="1.2"/>',
            fill, tone, _n(centre[0]), _n(centre[1]), radius, COLOURS[fill], COLOURS[tone],
        )  # fmt: skip

    def marks(self, centres: Iterable[tuple[float, float]], shape: str, tone: Tone, *, width: float) -> None:
        """One SVG sub-path drawn at every centre, as a single stroked path: a thousand icons, one element."""
        d = "".join(f"M{_n(x)} {_n(y)}{shape}" for x, y in centres)
        if d:
            self._add(
                '<path class="s-{}" d="{}" stroke="{}" stroke-width="{}" stroke-linecap="round" fill="none"/>',
                tone, d, COLOURS[tone], width,
            )  # fmt: skip

    def raster(self, corner: tuple[float, float], size: tuple[float, float], png: bytes) -> None:
        """An image, its pixels kept sharp."""
        self._add(
            '<image x="{}" y="{}" width="{}" height="{}" preserveAspectRatio="none" style="image-rendering: pixelated" '
            'href="data:image/png;base64,{}"/>',
            _n(corner[0]), _n(corner[1]), _n(size[0]), _n(size[1]), base64.b64encode(png).decode(),
        )  # fmt: skip

    def strokes(
        self, parts: Iterable[tuple[float, float, float, float]], tone: Tone, *, width: float, dash: str = ""
    ) -> None:
        """Straight pieces (x, y, across, down) of one tone, as a single path."""
        dashes = Markup(' stroke-dasharray="{}"').format(dash) if dash else ""
        d = "".join(f"M{_n(x)} {_n(y)}l{_n(across)} {_n(down)}" for x, y, across, down in parts)
        if d:
            self._add('<path d="{}" stroke="{}" stroke-width="{}" fill="none"{}/>', d, COLOURS[tone], width, dashes)

    def text(
        self, at: tuple[float, float], content: Printed | str, *, size: float = 8, tone: Tone = "ink",
        anchor: Anchor = "start", weight: int = 400, turned: bool = False, shaded: bool = False,
    ) -> None:  # fmt: skip
        """Words of one size and tone.

        shaded : on a cell of `shade`, whose colour is the same by day and by night, so the letters' is too
        """
        turn = Markup(' transform="rotate(-90 {} {})"').format(_n(at[0]), _n(at[1])) if turned else ""
        self._add(
            '<text class="{}" x="{}" y="{}" font-size="{}" font-weight="{}" text-anchor="{}" fill="{}"{}>{}</text>',
            "cell" if shaded else f"f-{tone}", _n(at[0]), _n(at[1]), size, weight, anchor, COLOURS[tone], turn, _drawn(content),
        )  # fmt: skip

    def tick(
        self, at: tuple[float, float], value: float, text: str, *, size: float = 7, anchor: Anchor = "middle"
    ) -> None:
        """A number at an axis. It lies among the figure's data, where it has its address (report/addresses.py)."""
        drawn = f'<tspan data-address="{AXES}{FIGURE}/{self._ticks}" data-tick="{value!r}">{escape(text)}</tspan>'
        self._ticks += 1
        self.text(at, Markup(drawn), size=size, tone="grey", anchor=anchor)  # noqa: S704 (escaped)

    def figure(self, name: str, title: str, description: str) -> Figure:
        """The finished drawing, with its title and description inside."""
        body = Markup("".join(self._parts).replace(f"{AXES}{FIGURE}/", f"{AXES}{name}/"))  # noqa: S704 (each part is escaped)
        svg = Markup(
            '<svg xmlns="http://www.w3.org/2000/svg" data-figure="{0}" viewBox="0 0 {1} {2}" role="img" '
            'aria-labelledby="{0}-title {0}-text" font-family="Inter, \'DejaVu Sans\', sans-serif">'
            '<title id="{0}-title">{3}</title><desc id="{0}-text">{4}</desc>{5}</svg>'
        ).format(name, _n(self.width), _n(self.height), title, description, body)
        return Figure(name, svg, title, description)

    def _add(self, template: str, *values: object) -> None:
        """Templates are literals of this file; what is put in them is escaped."""
        self._parts.append(
            template.format(*(value if isinstance(value, int | float) else escape(value) for value in values))
        )


def _drawn(content: Printed | str) -> Markup:
    """Text of a drawing, which breaks no lines and so needs no word joiner."""
    if isinstance(content, Markup):
        return content
    return printed(content).markup("tspan").replace("\u2060", "")


def text_width(text: Words, size: float) -> float:
    """About how wide a text is set in Inter, in units."""
    return sum(NARROW.get(c) or WIDE.get(c) or (1000 if ord(c) > 0x2E80 else 620) for c in str(text)) * size / 1000


def fitted(content: Words, size: float, room: float) -> Printed:
    """The text, or as much of it as fits with an ellipsis, what is left of it from where it was."""
    whole = printed(content)
    text = str(whole)
    if text_width(text, size) <= room:
        return whole
    while text and text_width(f"{text}…", size) > room:
        text = text[:-1]
    return whole[: len(text.rstrip())] + "…"


STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
FINE_STEPS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, *STEPS)


def ticks(low: float, high: float, *, most: int = 6, fine: bool = False) -> list[float]:
    """Round values from low to high, both included where they are round themselves.

    fine : as fine as it takes, for an axis whose numbers show every digit; else no finer than a hundredth
    """
    for step in FINE_STEPS if fine else STEPS:
        if (high - low) / step <= most:
            break
    first = round(low / step)
    return [round(k * step, 10) for k in range(first, round(high / step) + 1) if low - 1e-9 <= k * step <= high + 1e-9]


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points)


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"
