"""A slice of an image with the outlines of the reference and of the prediction."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

from validate.report.figures.canvas import Canvas, Figure

SIDE = 150.0


def outline(name: str, picture: Mapping[str, Any], *, description: str) -> Figure:
    """Pixels in their true proportions; the reference is drawn whole, the prediction dashed."""
    rows, columns = int(picture["rows"]), int(picture["columns"])
    height, width = picture["spacing"][0] * rows, picture["spacing"][1] * columns
    scale = SIDE / max(height, width)
    canvas = Canvas(SIDE, height * scale)
    canvas.raster((0, 0), (width * scale, height * scale), _png(picture, rows, columns))
    steps = picture["spacing"][1] * scale, picture["spacing"][0] * scale
    whole, drawn = (_scaled(picture[side], steps) for side in ("reference", "prediction"))
    canvas.strokes(whole, "ink", width=2.2)  # so that white is seen on white
    canvas.strokes(whole, "paper", width=1.0)
    canvas.strokes(drawn, "fail", width=1.2, dash="2.4 1.4")
    return canvas.figure(name, "Slice with both outlines", description)


def _scaled(borders: Sequence[Sequence[int]], steps: tuple[float, float]) -> list[tuple[float, float, float, float]]:
    return [(x * steps[0], y * steps[1], across * steps[0], down * steps[1]) for x, y, across, down in borders]


def _png(picture: Mapping[str, Any], rows: int, columns: int) -> bytes:
    from PIL import Image

    drawn = io.BytesIO()
    Image.frombytes("L", (columns, rows), base64.b64decode(picture["pixels"])).save(drawn, format="PNG", optimize=False)
    return drawn.getvalue()
