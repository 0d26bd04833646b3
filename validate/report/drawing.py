"""Figures of ours on a PDF page, without an engine for SVG at large: the few strokes that report/figures/canvas.py makes.

A figure that holds anything else (an image, a house's own logo, a script that is not simple) is drawn by WeasyPrint as before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from validate.report.shaping import Setter, Shaper, Unplain, Word, kept, number

NAMESPACE = "{http://www.w3.org/2000/svg}"
GROUPS, SILENT = {"g"}, {"title", "desc"}
KNOWN = {
    "svg": {"data-figure", "viewBox", "role", "aria-labelledby", "font-family"},
    "g": {"data-group"}, "title": {"id"}, "desc": {"id"}, "tspan": set[str](),
    "path": {"class", "d", "stroke", "stroke-width", "fill", "stroke-linejoin", "stroke-linecap", "stroke-dasharray"},
    "rect": {"class", "x", "y", "width", "height", "rx", "fill", "stroke", "stroke-width"},
    "circle": {"class", "cx", "cy", "r", "fill", "stroke", "stroke-width"},
    "text": {"class", "x", "y", "font-size", "font-weight", "text-anchor", "fill", "transform"},
}  # fmt: skip
STEP = re.compile(r"([A-Za-z])([^A-Za-z]*)")
NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)")
TURNED = re.compile(r"rotate\(-90 [-\d. ]+\)")
ROUND = 0.5522847498  # of a radius: how far the handles of a quarter of a circle reach
FAMILY = ("Inter", "DejaVu Sans", "sans-serif")
ANCHORS = {"start": 0.0, "middle": 0.5, "end": 1.0}


def draw_directly() -> None:
    """From now on, in this process, WeasyPrint has figures of ours drawn here."""
    from weasyprint import images

    if getattr(images.SVGImage, "ours", False):
        return
    engine = images.SVGImage

    def image(tree: Any, base_url: Any, url_fetcher: Any, context: Any) -> Any:
        if context is None or not _known(tree):
            return engine(tree, base_url, url_fetcher, context)
        return Drawing(tree, lambda: engine(tree, base_url, url_fetcher, context), context.font_config)

    image.ours = True  # type: ignore[attr-defined]
    images.SVGImage = image


def _known(tree: Any) -> bool:
    """Whether it is a figure of ours, which says so; a logo of a few rectangles is not, though it holds nothing else."""
    ours = tree.tag == f"{NAMESPACE}svg" and "data-figure" in tree.attrib
    return ours and all(_name(node) in KNOWN and node.attrib.keys() <= KNOWN[_name(node)] for node in tree.iter())


def _name(node: Any) -> str:
    return str(node.tag).removeprefix(NAMESPACE)


@dataclass(frozen=True, slots=True)
class _Text:
    """x, y : where it begins, in units of the drawing"""

    words: list[Word]
    x: float
    y: float
    size: float
    fill: str
    turned: bool


class Drawing:
    """A figure as WeasyPrint takes an image. engine : makes the image that draws what is not simple"""

    def __init__(self, tree: Any, engine: Callable[[], Any], fonts: Any) -> None:
        self._tree, self._engine, self._fonts = tree, engine, fonts
        self._box = [float(part) for part in tree.attrib["viewBox"].split()]

    def get_intrinsic_size(self, _resolution: Any, _font_size: Any) -> tuple[None, None, float]:
        return None, None, self._box[2] / self._box[3]

    def draw(self, stream: Any, width: float, height: float, style: Any) -> None:
        shapers = kept(self._fonts, "shapers", dict)
        setter = kept(self._fonts, "setter", Setter, stream._fonts)
        try:
            parts = list(self._parts(stream, shapers, setter))
        except Unplain:
            self._engine().draw(stream, width, height, style)
            return
        left, top, wide, high = self._box
        scale = min(width / wide, height / high)
        across, down = (width - wide * scale) / 2 - left * scale, (height - high * scale) / 2 - top * scale
        stream.push_state()
        stream.rectangle(0, 0, width, height)
        stream.clip()
        stream.end()
        stream.transform(a=scale, d=scale, e=across, f=down)
        stream.stream.append(b"4 M")
        for part in parts:
            stream.stream.append(part if isinstance(part, bytes) else _shown(part, setter, stream))
        stream.pop_state()

    def _parts(self, stream: Any, shapers: dict[Any, Shaper], setter: Setter) -> Iterator[bytes | _Text]:
        """Strokes and texts in the order in which they lie on each other."""
        for node in self._tree.iter():
            name = _name(node)
            if name == "text":
                text = _text(node, shapers, self._fonts)
                setter.checked(stream, text.words)
                yield text
            elif name in STROKES and (operators := STROKES[name](node.attrib)):
                yield _painted(node.attrib, operators)


def _text(node: Any, shapers: dict[Any, Shaper], fonts: Any) -> _Text:
    given = node.attrib
    weight, size = int(given["font-weight"]), float(given["font-size"])
    if weight not in shapers:
        shapers[weight] = Shaper(_style(weight, fonts))
    if any(len(child) for child in node):
        raise Unplain("text within text")
    content = " ".join(part for part in re.split("[ \t\r\n]+", "".join(node.itertext())) if part)
    words = list(shapers[weight].words(content))
    back = sum(word.width for word in words) * size * ANCHORS[given["text-anchor"]]
    x, y = float(given["x"]), float(given["y"])
    turned = "transform" in given
    if turned and TURNED.fullmatch(given["transform"]) is None:
        raise Unplain("text at an angle")
    return _Text(words, x if turned else x - back, y + back if turned else y, size, given["fill"], turned)


def _style(weight: int, fonts: Any) -> Any:
    from weasyprint.css.properties import INITIAL_VALUES
    from weasyprint.svg.text import Style

    style = Style()
    style.update(INITIAL_VALUES)
    style.font_config = fonts
    style |= {"font_family": list(FAMILY), "font_weight": weight}
    return style


def _shown(text: _Text, setter: Setter, stream: Any) -> bytes:
    """Upright letters on a page whose y runs down; turned ones read from below."""
    matrix = b"0 -1 -1 0" if text.turned else b"1 0 0 -1"
    place = number(text.x) + b" " + number(text.y)
    operators = setter.operators(stream, text.words, text.size)
    return b"BT\n%s rg\n%s %s Tm\n%s\nET" % (_colour(text.fill), matrix, place, operators) if operators else b""


def _colour(name: str) -> bytes:
    if re.fullmatch("#[0-9a-fA-F]{6}", name) is None:
        raise Unplain(f"colour {name}")
    return b" ".join(number(int(name[at : at + 2], 16) / 255) for at in (1, 3, 5))


def _painted(given: Any, operators: bytes) -> bytes:
    fill, stroke = given.get("fill", "none"), given.get("stroke", "none")
    state = [b"q"]
    if fill != "none":
        state.append(_colour(fill) + b" rg")
    if stroke != "none":
        state += [_colour(stroke) + b" RG", number(float(given["stroke-width"])) + b" w"]
    if "stroke-dasharray" in given:
        state.append(
            b"[" + b" ".join(number(float(one)) for one in NUMBER.findall(given["stroke-dasharray"])) + b"] 0 d"
        )
    if given.get("stroke-linejoin") == "round":
        state.append(b"1 j")
    if given.get("stroke-linecap") == "round":
        state.append(b"1 J")
    paint = {(True, True): b"B", (True, False): b"f", (False, True): b"S"}.get((fill != "none", stroke != "none"), b"n")
    return b"\n".join([*state, operators, paint, b"Q"])


def _rectangle(given: Any) -> bytes:
    x, y, width, height = (float(given[name]) for name in ("x", "y", "width", "height"))
    if width <= 0 or height <= 0:
        return b""
    if "rx" not in given:
        return b" ".join(number(value) for value in (x, y, width, height)) + b" re"
    radius = min(float(given["rx"]), width / 2, height / 2)
    short = radius * (1 - ROUND)
    right, bottom = x + width, y + height
    steps: list[tuple[bytes, tuple[float, ...]]] = [
        (b"m", (x + radius, y)), (b"l", (right - radius, y)),
        (b"c", (right - short, y, right, y + short, right, y + radius)), (b"l", (right, bottom - radius)),
        (b"c", (right, bottom - short, right - short, bottom, right - radius, bottom)), (b"l", (x + radius, bottom)),
        (b"c", (x + short, bottom, x, bottom - short, x, bottom - radius)), (b"l", (x, y + radius)),
        (b"c", (x, y + short, x + short, y, x + radius, y)), (b"h", ()),
    ]  # fmt: skip
    return b"\n".join(_step(*step) for step in steps)


def _circle(given: Any) -> bytes:
    x, y, radius = (float(given[name]) for name in ("cx", "cy", "r"))
    if not radius:
        return b""
    return b"\n".join(_step(*step) for step in _round(x - radius, y, x, y, radius))


def _round(at_x: float, at_y: float, x: float, y: float, radius: float) -> list[tuple[bytes, tuple[float, ...]]]:
    """A whole circle about (x, y), from its leftmost point."""
    reach = radius * ROUND
    return [
        (b"m", (at_x, at_y)),
        (b"c", (x - radius, y - reach, x - reach, y - radius, x, y - radius)),
        (b"c", (x + reach, y - radius, x + radius, y - reach, x + radius, y)),
        (b"c", (x + radius, y + reach, x + reach, y + radius, x, y + radius)),
        (b"c", (x - reach, y + radius, x - radius, y + reach, x - radius, y)), (b"h", ()),
    ]  # fmt: skip


def _path(given: Any) -> bytes:
    """Straight lines, and the ring of two half circles that an icon is."""
    steps: list[bytes] = []
    x = y = start_x = start_y = 0.0
    for letter, text in STEP.findall(given["d"]):
        values = [float(one) for one in NUMBER.findall(text)]
        if letter in "Zz":
            steps.append(b"h")
            x, y = start_x, start_y
        elif letter in "Mm" and len(values) == 2:
            x, y = (values[0], values[1]) if letter == "M" else (x + values[0], y + values[1])
            start_x, start_y = x, y
            steps.append(_step(b"m", (x, y)))
        elif letter in "LlHhVv":
            for end in _ends(letter, values, x, y):
                steps.append(_step(b"l", end))
                x, y = end
        elif letter == "a" and len(values) == 7 and _half_circle(values):
            steps += [_step(*step) for step in _half(values, x, y)]
            x += values[5]
        else:
            raise Unplain(f"path {letter}")
    return b"\n".join(steps)


def _ends(letter: str, values: list[float], x: float, y: float) -> Iterator[tuple[float, float]]:
    pairs = list(zip(values[::2], values[1::2], strict=True)) if letter in "Ll" else [(one, one) for one in values]
    for across, down in pairs:
        right, below = (x + across, y + down) if letter.islower() else (across, down)
        x, y = (x if letter in "Vv" else right), (y if letter in "Hh" else below)
        yield x, y


def _half_circle(values: list[float]) -> bool:
    return values[0] == values[1] and values[2:5] == [0, 1, 0] and values[6] == 0 and abs(values[5]) == 2 * values[0]


def _half(values: list[float], x: float, y: float) -> list[tuple[bytes, tuple[float, ...]]]:
    """The half circle from (x, y) against the clock: below it to the right, above it to the left."""
    radius = values[5] / 2
    reach, middle = radius * ROUND, x + radius
    return [
        (b"c", (x, y + reach, middle - reach, y + radius, middle, y + radius)),
        (b"c", (middle + reach, y + radius, x + 2 * radius, y + reach, x + 2 * radius, y)),
    ]


def _step(operator: bytes, values: tuple[float, ...]) -> bytes:
    return b" ".join([*(number(value) for value in values), operator])


STROKES: dict[str, Callable[[Any], bytes]] = {"path": _path, "rect": _rectangle, "circle": _circle}
