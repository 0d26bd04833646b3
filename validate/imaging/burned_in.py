"""Text that is burned into the pixels of an image, looked for where it sits: along the borders.

Letters drawn by a machine have one value, at the end of the scale or apart from all around it; a line of them is a row of small
shapes of one height on one base line. Anatomy, noise and the single lead letter of a radiographer are not. No text is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy
from numpy.typing import NDArray

BAND = 0.2  # of height and width: where scanners write
LEAST_GLYPHS = 4  # in a line; a side marker has one or two
SMALLEST, LARGEST = 5, 80  # pixels of height of a letter
MOST_SHAPES = 4000  # more are noise
MOST_LIT = 0.4  # of a band: letters cover less
STEEP = 0.3  # of the scale, between a letter's pixels and what lies around it
FINEST = 1024  # pixels of the longer side; larger images are looked at in pieces of their own resolution


@dataclass(frozen=True, slots=True)
class TextLine:
    """Where a line of text seems to be: rows and columns of its box, and how many letters."""

    top: int
    left: int
    bottom: int
    right: int
    glyphs: int


def text_lines(frame: NDArray[np.generic]) -> tuple[TextLine, ...]:
    """Lines of what looks like burned-in text in the outer fifth of a frame, each once. Empty where there are none.

    frame : (y, x), or (y, x, 3) in colour, any type
    """
    grey = np.asarray(frame, dtype=np.float32)
    if grey.ndim == 3:
        grey = grey.max(axis=2)
    if grey.ndim != 2 or min(grey.shape) < 4 * SMALLEST or not np.isfinite(grey).all():
        return ()
    low, high = float(grey.min()), float(grey.max())
    if high <= low:
        return ()
    scaled = (grey - low) / (high - low)
    height, width = scaled.shape
    down, across = int(height * BAND), int(width * BAND)
    bands = (
        (0, down, 0, width), (height - down, height, 0, width),
        (0, height, 0, across), (0, height, width - across, width),
    )  # fmt: skip
    found: set[TextLine] = set()
    for top, bottom, left, right in bands:
        part = scaled[top:bottom, left:right]
        for lit in _drawn(part):
            found |= {
                TextLine(line.top + top, line.left + left, line.bottom + top, line.right + left, line.glyphs)
                for line in _lines(lit)
            }
    return tuple(sorted(found, key=lambda line: (line.top, line.left, line.bottom, line.right)))


def _drawn(part: NDArray[np.float32]) -> list[NDArray[np.bool_]]:
    """Pixels that may be letters: brightest or darkest of the scale, and steep against what is around them."""
    found = []
    wide = 2 * (min(LARGEST, *part.shape) // 4) + 1
    for turned in (part, 1 - part):
        background = scipy.ndimage.minimum_filter(turned, size=wide, mode="nearest")
        bright = turned > 0.7
        lit = bright & (turned - background > STEEP)
        if 0 < lit.mean() < MOST_LIT:
            found.append(lit)
    return found


def _lines(lit: NDArray[np.bool_]) -> list[TextLine]:
    labels, count = scipy.ndimage.label(lit, structure=np.ones((3, 3), dtype=np.int8))
    if not LEAST_GLYPHS <= count <= MOST_SHAPES:
        return []
    shapes = []
    areas = np.bincount(labels.ravel())
    for number, place in enumerate(scipy.ndimage.find_objects(labels), start=1):
        rows, columns = place
        tall, broad = rows.stop - rows.start, columns.stop - columns.start
        filled = areas[number] / (tall * broad)
        touches = rows.start == 0 or columns.start == 0 or rows.stop == lit.shape[0] or columns.stop == lit.shape[1]
        if SMALLEST <= tall <= LARGEST and broad <= 1.5 * tall and 0.15 <= filled <= 0.9 and not touches:
            shapes.append((rows.start, columns.start, rows.stop, columns.stop))
    return _rows_of(shapes)


def _rows_of(shapes: list[tuple[int, int, int, int]]) -> list[TextLine]:
    """Shapes in a row: of about one height, ending on about one base line, no further apart than words are."""
    shapes.sort(key=lambda shape: (shape[1], shape[0]))
    lines: list[list[tuple[int, int, int, int]]] = []
    for shape in shapes:
        for line in lines:
            last = line[-1]
            tall = max(last[2] - last[0], shape[2] - shape[0])
            level = abs(last[2] - shape[2]) <= 0.2 * tall + 1
            alike = min(last[2] - last[0], shape[2] - shape[0]) >= 0.55 * tall
            if level and alike and -1 <= shape[1] - last[3] <= 1.6 * tall:
                line.append(shape)
                break
        else:
            lines.append([shape])
    return [
        TextLine(min(s[0] for s in line), line[0][1], max(s[2] for s in line), line[-1][3], len(line))
        for line in lines
        if len(line) >= LEAST_GLYPHS and _varied(line)
    ]


def _varied(line: list[tuple[int, int, int, int]]) -> bool:
    """Whether it is writing: the ticks of a scale are equal shapes at equal steps, and narrow."""
    widths = [shape[3] - shape[1] for shape in line]
    steps = [after[1] - before[1] for before, after in pairwise(line)]
    tallest = max(shape[2] - shape[0] for shape in line)
    return not (max(widths) - min(widths) <= 1 and max(steps) - min(steps) <= 1) and max(widths) >= 0.3 * tallest
