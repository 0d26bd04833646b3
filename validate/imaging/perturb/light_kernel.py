"""The arithmetic of light.py on a processor, as machine code: one look at each pixel, a second one only in rows that hold dark ones.

Powers of what is dark come from tables with straight lines between 4096 places, right to 10⁻⁷ of what the display shows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from validate.stats.compiled import compiled

PLACES = 4096
TOE, KNEE = np.float32(0.04045), np.float32(0.0031308)
OFFSET, SCALE, SLOPE = np.float32(0.055), np.float32(1.055), np.float32(12.92)
LEAST = np.float32(1e6)  # times the least that any file shows above black is brighter than white
ZERO, ONE = np.float32(0), np.float32(1)
EXPONENT, INVERSE = np.float32(2.4), np.float32(1 / 2.4)
DARK = 0.0906  # above ((TOE + OFFSET) / SCALE), the most whose power is asked for
MOST = 2.0  # of a root, from the table
OF_DARK = (np.linspace(0, DARK, PLACES + 1) ** 2.4).astype(np.float32)
OF_ROOT = (np.linspace(0, MOST, PLACES + 1) ** 2.4).astype(np.float32)
DARK_PLACES, ROOT_PLACES = np.float32(PLACES / DARK), np.float32(PLACES / MOST)
MOST_ROOT = np.float32(MOST)


@compiled
def relight(voxels: Any, black: Any, span: Any, root: Any) -> None:
    """(n, z, c, y, x) written over      black, span : (n,) the native value of black, and from it to white
    root : as voxels, or 1 along an axis where it is the same.
    """
    shown = np.empty(voxels.shape[4], np.float32)
    for n in range(voxels.shape[0]):
        for z in range(voxels.shape[1]):
            for c in range(voxels.shape[2]):
                by = root[min(n, root.shape[0] - 1), min(z, root.shape[1] - 1), min(c, root.shape[2] - 1)]
                for y in range(voxels.shape[3]):
                    row(voxels[n, z, c, y], shown, black[n], span[n], by[min(y, root.shape[3] - 1)])


@compiled
def row(values: Any, shown: Any, black: Any, span: Any, root: Any) -> None:
    """One row, written over      shown : room for as many."""
    dark, one = 0, root.size == 1
    only = root[0]
    if one:
        for x in range(values.size):
            shown[x] = min(max((values[x] - black) / span, ZERO), ONE)
            found = (shown[x] + OFFSET) * only - OFFSET
            dark += (shown[x] > ZERO) & (min(shown[x], found) <= TOE)
            values[x] = min(max(min(found, shown[x] * LEAST), ZERO), ONE) * span + black
    else:
        for x in range(values.size):
            shown[x] = min(max((values[x] - black) / span, ZERO), ONE)
            found = (shown[x] + OFFSET) * root[x] - OFFSET
            dark += (shown[x] > ZERO) & (min(shown[x], found) <= TOE)
            values[x] = min(max(min(found, shown[x] * LEAST), ZERO), ONE) * span + black
    if dark > 0:
        for x in range(values.size):
            by = only if one else root[x]
            if shown[x] > ZERO and min(shown[x], (shown[x] + OFFSET) * by - OFFSET) <= TOE:
                values[x] = min(of_dark(shown[x], by), ONE) * span + black


@compiled
def of_dark(shown: Any, root: Any) -> Any:
    """Of a pixel that the line concerns, before or after."""
    if shown > TOE:  # from the power into the line
        return SLOPE * between(OF_DARK, (shown + OFFSET) * root / SCALE * DARK_PLACES)
    by = between(OF_ROOT, root * ROOT_PLACES) if root < MOST_ROOT else root**EXPONENT
    found = shown * by
    if found > SLOPE * KNEE:  # from the line into the power
        found = SCALE * (found / SLOPE) ** INVERSE - OFFSET
    return found


@compiled
def between(table: Any, place: Any) -> Any:
    """What lies there on the line from one entry to the next."""
    first = int(place)
    return table[first] + (place - np.float32(first)) * (table[first + 1] - table[first])
