"""A measure against severity, one small panel a cause, with its band, the tolerance, and how the image looks at each severity."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from validate.report.figures.canvas import WIDTH, Canvas, Figure, Scale, Tone, Words, fitted, ticks

COLUMNS, GAP = 3, 14.0
FEW = 4  # panels that stand two in a line, so that what is done to the images can be seen
HIGH, HEAD, FOOT, LABEL = 74.0, 27.0, 15.0, 9.0
LEFT = 26.0
TONES: dict[str, Tone] = {"holds": "pass", "breaks": "fail"}


@dataclass(frozen=True, slots=True)
class Point:
    """state : "holds", "breaks" or another; low, high : None where there are no limits"""

    severity: int
    value: float | None
    low: float | None = None
    high: float | None = None
    state: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """points : clean first, severity 0      said : under the title      pictures : {"rows", "columns", "pixels"} at each point, or none"""

    title: Words
    said: Words
    points: Sequence[Point]
    pictures: Sequence[Any] = field(default=())


def degradation(
    name: str, panels: Sequence[Panel], *, percent: bool, tolerance: float | None, lower_is_better: bool, title: str,
    description: str,
) -> Figure:  # fmt: skip
    """All panels on one scale. tolerance : drawn from the clean value, where one was fixed beforehand."""
    columns = 2 if len(panels) <= FEW else COLUMNS
    wide = (WIDTH - GAP * (columns - 1)) / columns
    strip = _strip(panels, wide)
    tall = HEAD + HIGH + FOOT + strip + GAP
    lines = -(-len(panels) // columns)
    canvas = Canvas(WIDTH, tall * lines)
    low, high = _range(panels, tolerance, lower_is_better=lower_is_better)
    for place, panel in enumerate(panels):
        corner = (place % columns * (wide + GAP), place // columns * tall)
        _panel(
            canvas, panel, corner, wide, (low, high), percent=percent,
            edge=_edge(panel, tolerance, lower_is_better=lower_is_better),
        )  # fmt: skip
        _pictures(canvas, panel, (corner[0], corner[1] + HEAD + HIGH + FOOT), wide)
    return canvas.figure(name, title, description)


def _range(panels: Sequence[Panel], tolerance: float | None, *, lower_is_better: bool) -> tuple[float, float]:
    known = [v for panel in panels for p in panel.points for v in (p.value, p.low, p.high) if v is not None]
    known += [e for p in panels if (e := _edge(p, tolerance, lower_is_better=lower_is_better)) is not None]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    room = max((high - low) * 0.06, 1e-3)
    return low - room, high + room


def _edge(panel: Panel, tolerance: float | None, *, lower_is_better: bool) -> float | None:
    clean = panel.points[0].value if panel.points else None
    if tolerance is None or clean is None:
        return None
    return clean + tolerance if lower_is_better else clean - tolerance


def _panel(
    canvas: Canvas, panel: Panel, corner: tuple[float, float], wide: float, span: tuple[float, float], *, percent: bool,
    edge: float | None,
) -> None:  # fmt: skip
    x0, y0 = corner
    last = max((p.severity for p in panel.points), default=1)
    x = Scale(0, max(last, 1), x0 + LEFT, x0 + wide - 4)
    y = Scale(span[0], span[1], y0 + HEAD + HIGH, y0 + HEAD)
    canvas.text((x0, y0 + 8), fitted(panel.title, 8, wide), size=8, weight=600)
    canvas.text((x0, y0 + 17), fitted(panel.said, 6.8, wide), size=6.8, tone="grey")
    for tick in ticks(span[0], span[1], most=4):
        canvas.line((x.start, y(tick)), (x.end, y(tick)))
        label = f"{tick:.0%}" if percent else f"{tick:.2f}"
        canvas.tick((x.start - 3, y(tick) + 2.2), tick, label.replace("-", "−"), size=6.6, anchor="end")
    if edge is not None:
        canvas.line((x.start, y.clipped(edge)), (x.end, y.clipped(edge)), "accent", width=0.9, dash="3 2")
    band = [(p.severity, p.low, p.high) for p in panel.points if p.low is not None and p.high is not None]
    if len(band) > 1:
        upper = [(x(s), y.clipped(h)) for s, _, h in band]
        lower = [(x(s), y.clipped(low)) for s, low, _ in reversed(band)]
        canvas.area([*upper, *lower])
    known = [(p, p.value) for p in panel.points if p.value is not None]
    if len(known) > 1:
        canvas.curve([(x(p.severity), y(v)) for p, v in known], "grey", width=1.1)
    for p, value in known:
        tone = TONES.get(p.state, "ink")
        canvas.disc((x(p.severity), y(value)), 2.3, tone, hollow=p.state not in TONES and p.severity > 0)
    for p in panel.points:
        canvas.tick((x(p.severity), y0 + HEAD + HIGH + 9), p.severity, str(p.severity), size=6.6)


def _side(panel: Panel, wide: float) -> float:
    return wide / max(len(panel.pictures), 1) - 1.5


def _strip(panels: Sequence[Panel], wide: float) -> float:
    """Height of the row of pictures, with the severity below each; 0 without any."""
    return max((_side(p, wide) * _shape(p) + LABEL for p in panels if p.pictures), default=0.0)


def _shape(panel: Panel) -> float:
    """Height of the tallest picture, by its longest side."""
    known = [(int(p["rows"]), int(p["columns"])) for p in panel.pictures if p is not None]
    return max((rows / max(rows, columns) for rows, columns in known), default=1.0)


def _pictures(canvas: Canvas, panel: Panel, corner: tuple[float, float], wide: float) -> None:
    side = _side(panel, wide)
    for place, picture in enumerate(panel.pictures):
        if picture is None:
            continue
        longest = max(int(picture["rows"]), int(picture["columns"]))
        size = side * int(picture["columns"]) / longest, side * int(picture["rows"]) / longest
        left = corner[0] + place * (side + 1.5)
        canvas.raster((left, corner[1]), size, _png(picture))
        if place < len(panel.points):
            severity = panel.points[place].severity
            below = (left, corner[1] + side * _shape(panel) + 7)
            if severity:
                said = str(fitted(f"severity {severity}", 6.6, side))
                canvas.tick(below, severity, said, size=6.6, anchor="start")
            else:
                canvas.text(below, fitted("as it is", 6.6, side), size=6.6, tone="grey")


def _png(picture: Any) -> bytes:
    from PIL import Image

    drawn = io.BytesIO()
    mode = "RGB" if picture.get("colour") else "L"
    size = (int(picture["columns"]), int(picture["rows"]))
    Image.frombytes(mode, size, base64.b64decode(picture["pixels"])).save(drawn, format="PNG", optimize=False)
    return drawn.getvalue()
