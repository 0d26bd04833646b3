"""The two loops that preprocessing spends its time in, as machine code: the arithmetic of voi.py and resize.py in their order, so
the same bits, in a fifth of the time.

Compiling takes a moment, so only who has many images to prepare opens them; until then numpy does it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.stats.compiled import compiled

_open: list[bool] = []


def open_kernels() -> None:
    """Compile them, or read them from where they were kept. What numpy did so far is done here from now on."""
    image = np.zeros((1, 2, 2), np.float32)
    ramp(image.reshape(-1), image.reshape(-1).copy(), 0.0, 1.0, 0.5)
    places, weights = np.zeros((2, 2), np.int64), np.full((2, 2), 0.5)
    banded(image, places, weights, places, weights, image.copy())
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
def banded(image: Any, down: Any, down_weights: Any, across: Any, across_weights: Any, found: Any) -> None:
    """(channel, y, x) → (channel, new y, new x): rows mixed first, then columns; places and weights (taps, new)."""
    low = np.empty(image.shape[2], np.float64)
    for channel in range(image.shape[0]):
        for row in range(found.shape[1]):
            some, weight = image[channel, down[0, row]], down_weights[0, row]
            for column in range(low.size):
                low[column] = some[column] * weight
            for tap in range(1, down.shape[0]):
                some, weight = image[channel, down[tap, row]], down_weights[tap, row]
                for column in range(low.size):
                    low[column] += some[column] * weight
            for column in range(found.shape[2]):
                mixed = low[across[0, column]] * across_weights[0, column]
                for tap in range(1, across.shape[0]):
                    mixed += low[across[tap, column]] * across_weights[tap, column]
                found[channel, row, column] = mixed
