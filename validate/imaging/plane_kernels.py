"""The loops that preprocessing spends its time in, as machine code: the arithmetic of voi.py, resize.py and resample.py in their
order, so the same bits, in a fifth of the time.

Compiling takes a moment, so only who has many images to prepare opens them; until then numpy does it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.stats.compiled import compiled

BLOCK = 1024  # numbers in double precision that stay in a core's first cache

_open: list[bool] = []


def open_kernels() -> None:
    """Compile them, or read them from where they were kept. What numpy did so far is done here from now on."""
    image = np.zeros((1, 2, 2), np.float32)
    ramp(image.reshape(-1), image.reshape(-1).copy(), 0.0, 1.0, 0.5)
    places, weights = np.zeros((2, 2), np.int64), np.full((2, 2), 0.5)
    banded(image, places, weights, places, weights, image.copy())
    ramped(image, (0.0, 1.0, 0.5), places, weights, places, weights, image.copy())
    layered(image[0], places, weights, 0, image[0, 0].copy())
    _open.append(True)


def serve(values: NDArray[Any]) -> bool:
    """Whether these are for machine code."""
    return bool(_open) and values.dtype == np.float32


@compiled
def ramp(values: Any, found: Any, middle: float, width: float, lift: float) -> None:
    """(x - middle) / width + lift, in [0, 1]; what is not a number stays none."""
    for place in range(values.size):
        grey = (values[place] - middle) / width + lift
        if grey < 0.0:
            grey = 0.0
        elif grey > 1.0:
            grey = 1.0
        found[place] = grey


@compiled
def weigh(row: Any, weight: float, low: Any, tap: int) -> None:
    """The row times its weight, the first one written over what there was, others added."""
    if tap == 0:
        for column in range(low.size):
            low[column] = row[column] * weight
    else:
        for column in range(low.size):
            low[column] += row[column] * weight


@compiled
def mixed(low: Any, across: Any, weights: Any, found: Any) -> None:
    """(x,) → (new x,)"""
    for column in range(found.size):
        total = low[across[0, column]] * weights[0, column]
        for tap in range(1, across.shape[0]):
            total += low[across[tap, column]] * weights[tap, column]
        found[column] = total


@compiled
def ramped(image: Any, shape: Any, down: Any, down_weights: Any, across: Any, across_weights: Any, found: Any) -> None:
    """`ramp` (its middle, width and lift) and then `banded`, a few rows at a time: the whole in between would not stay in a core's cache.

    down : of each new row neighbours, the last of which may come again
    """
    middle, width, lift = shape
    taps, columns = down.shape[0], image.shape[2]
    greys = np.empty((taps, columns), np.float32)
    held = np.empty(taps, np.int64)
    low = np.empty(columns, np.float64)
    for channel in range(image.shape[0]):
        held[:] = -1
        for row in range(found.shape[1]):
            for tap in range(taps):
                place = down[tap, row]
                if held[place % taps] != place:
                    ramp(image[channel, place], greys[place % taps], middle, width, lift)
                    held[place % taps] = place
            for tap in range(taps):
                weigh(greys[down[tap, row] % taps], down_weights[tap, row], low, tap)
            mixed(low, across, across_weights, found[channel, row])


@compiled
def banded(image: Any, down: Any, down_weights: Any, across: Any, across_weights: Any, found: Any) -> None:
    """(channel, y, x) → (channel, new y, new x): rows mixed first, then columns; places and weights (taps, new)."""
    low = np.empty(image.shape[2], np.float64)
    for channel in range(image.shape[0]):
        for row in range(found.shape[1]):
            for tap in range(down.shape[0]):
                weigh(image[channel, down[tap, row]], down_weights[tap, row], low, tap)
            mixed(low, across, across_weights, found[channel, row])


@compiled
def layered(slices: Any, places: Any, weights: Any, level: int, found: Any) -> None:
    """(slice, pixel) → (pixel,): the slice of the new volume at this level; places and weights (taps, new)."""
    low = np.empty(min(BLOCK, found.size), np.float64)
    for start in range(0, found.size, BLOCK):
        to = found[start : start + BLOCK]
        for tap in range(places.shape[0]):
            weigh(slices[places[tap, level], start : start + BLOCK], weights[tap, level], low[: to.size], tap)
        for pixel in range(to.size):
            to[pixel] = low[pixel]
