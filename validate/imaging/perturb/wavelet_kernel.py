"""The irreversible wavelets of JPEG 2000 as machine code: ISO/IEC 15444-1 annexes E (quantisation) and F (9-7 lifting).

A plane is transformed level by level in its place: of each level what is smooth along y and x lies first. The signal is mirrored
about its first and last sample, and begins with an even one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from validate.stats.compiled import compiled

# table F.4
ALPHA, BETA = np.float32(-1.586134342059924), np.float32(-0.052980118572961)
GAMMA, DELTA = np.float32(0.882911075530934), np.float32(0.443506852043971)
K = np.float32(1.230174104914001)
ONE_BY_K = np.float32(1 / 1.230174104914001)
ROWS = 64  # of a band that tell its error
ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)


@compiled
def analysed(plane: Any, levels: int) -> None:
    """(y, x) samples → coefficients, written over."""
    rows, columns = plane.shape
    low, high = np.empty((columns + 1) // 2, np.float32), np.empty((columns + 1) // 2, np.float32)
    room = np.empty((rows, columns), np.float32)
    for _ in range(levels):
        for y in range(rows):
            split(plane[y], room[y], low, high, columns)
        if rows > 1:
            lift(room, rows, columns, ALPHA, 1)
            lift(room, rows, columns, BETA, 0)
            lift(room, rows, columns, GAMMA, 1)
            lift(room, rows, columns, DELTA, 0)
        half = (rows + 1) // 2
        for y in range(rows):
            to = plane[y // 2 + half * (y % 2)]
            by = ONE if rows == 1 else K if y % 2 else ONE_BY_K
            for x in range(columns):
                to[x] = room[y, x] * by
        rows, columns = half, (columns + 1) // 2


@compiled
def split(row: Any, found: Any, low: Any, high: Any, size: int) -> None:
    """One row, what is smooth of it first."""
    if size == 1:
        found[0] = row[0]
        return
    lows, highs = (size + 1) // 2, size // 2
    for x in range(highs):
        low[x], high[x] = row[2 * x], row[2 * x + 1]
    if lows > highs:
        low[highs] = row[size - 1]
    to_high(low, high, lows, highs, ALPHA)
    to_low(low, high, lows, highs, BETA)
    to_high(low, high, lows, highs, GAMMA)
    to_low(low, high, lows, highs, DELTA)
    for x in range(lows):
        found[x] = low[x] * ONE_BY_K
    for x in range(highs):
        found[lows + x] = high[x] * K


@compiled
def synthesised(plane: Any, levels: int) -> None:
    """The way back."""
    low, high = np.empty((plane.shape[1] + 1) // 2, np.float32), np.empty((plane.shape[1] + 1) // 2, np.float32)
    room = np.empty(plane.shape, np.float32)
    for level in range(levels - 1, -1, -1):
        rows, columns = plane.shape
        for _ in range(level):
            rows, columns = (rows + 1) // 2, (columns + 1) // 2
        half = (rows + 1) // 2
        for y in range(rows):
            of = plane[y // 2 + half * (y % 2)]
            by = ONE if rows == 1 else ONE_BY_K if y % 2 else K
            for x in range(columns):
                room[y, x] = of[x] * by
        if rows > 1:
            lift(room, rows, columns, -DELTA, 0)
            lift(room, rows, columns, -GAMMA, 1)
            lift(room, rows, columns, -BETA, 0)
            lift(room, rows, columns, -ALPHA, 1)
        for y in range(rows):
            join(room[y], plane[y], low, high, columns)


@compiled
def join(row: Any, found: Any, low: Any, high: Any, size: int) -> None:
    """One row from its two parts."""
    if size == 1:
        found[0] = row[0]
        return
    lows, highs = (size + 1) // 2, size // 2
    for x in range(lows):
        low[x] = row[x] * K
    for x in range(highs):
        high[x] = row[lows + x] * ONE_BY_K
    to_low(low, high, lows, highs, -DELTA)
    to_high(low, high, lows, highs, -GAMMA)
    to_low(low, high, lows, highs, -BETA)
    to_high(low, high, lows, highs, -ALPHA)
    for x in range(highs):
        found[2 * x], found[2 * x + 1] = low[x], high[x]
    if lows > highs:
        found[size - 1] = low[highs]


@compiled
def to_high(low: Any, high: Any, lows: int, highs: int, by: Any) -> None:
    """To each odd sample, some of the two beside it."""
    for x in range(lows - 1):
        high[x] += by * (low[x] + low[x + 1])
    if highs == lows:
        high[highs - 1] += by * (low[highs - 1] + low[highs - 1])


@compiled
def to_low(low: Any, high: Any, lows: int, highs: int, by: Any) -> None:
    """To each even sample, some of the two beside it."""
    low[0] += by * (high[0] + high[0])
    for x in range(1, highs):
        low[x] += by * (high[x - 1] + high[x])
    if lows > highs:
        low[highs] += by * (high[highs - 1] + high[highs - 1])


@compiled
def lift(room: Any, rows: int, columns: int, by: Any, first: int) -> None:
    """To every second row from `first`, some of the two beside it."""
    for y in range(first, rows, 2):
        above = room[y - 1] if y > 0 else room[1]
        below = room[y + 1] if y < rows - 1 else room[rows - 2]
        to = room[y]
        for x in range(columns):
            to[x] += by * (above[x] + below[x])


@compiled
def quantised(plane: Any, bands: Any, steps: Any, found: Any) -> None:
    """Equations E-1 and E-6, the middle of each interval: coefficients → what a decoder has of them.

    bands : (band, 4) first and last row, first and last column, the last not in it      steps : (band,) over 2⁻³¹ of any number
    """
    for band in range(bands.shape[0]):
        top, bottom, left, right = bands[band]
        step = steps[band]
        for y in range(top, bottom):
            given, to = plane[y, left:right], found[y, left:right]
            for x in range(given.size):
                whole = np.int32(given[x] / step)  # towards zero, whose interval is twice as wide
                to[x] = (np.float32(whole) + HALF * np.float32(np.int32(whole > 0) - np.int32(whole < 0))) * step


@compiled
def error(plane: Any, bands: Any, steps: Any, weights: Any) -> float:
    """The sum of the squares of what that changes, each band with its weight; of a band of many rows told by ROWS of them or more."""
    total = 0.0
    sums = np.empty(plane.shape[1], np.float32)
    for band in range(bands.shape[0]):
        top, bottom, left, right = bands[band]
        step = steps[band]
        some = sums[: right - left]
        some[:] = ZERO
        apart = max((bottom - top) // ROWS, 1)
        counted = 0
        for y in range(top + apart // 2, bottom, apart):
            given = plane[y, left:right]
            counted += 1
            for x in range(given.size):
                size = abs(given[x])
                whole = np.int32(size / step)
                gone = size - ((np.float32(whole) + HALF) * step if whole > 0 else ZERO)
                some[x] += gone * gone
        share = weights[band] * (bottom - top) / max(counted, 1)
        for x in range(some.size):
            total += some[x] * share
    return total


@compiled
def mixed(planes: Any, matrix: Any, found: Any) -> None:
    """(3, y, x) each sample's components times the matrix."""
    for y in range(planes.shape[1]):
        first, second, third = planes[0, y], planes[1, y], planes[2, y]
        for component in range(3):
            to = found[component, y]
            one, two, three = matrix[component, 0], matrix[component, 1], matrix[component, 2]
            for x in range(to.size):
                to[x] = one * first[x] + two * second[x] + three * third[x]


@compiled
def settled(planes: Any, original: Any, middle: Any, most: Any) -> float:
    """(component, y, x), about zero → whole numbers from 0 to `most`, written over. The mean square of how far off the original is."""
    total = 0.0
    sums = np.empty(planes.shape[2], np.float32)
    for component in range(planes.shape[0]):
        sums[:] = ZERO
        for y in range(planes.shape[1]):
            row, was = planes[component, y], original[component, y]
            for x in range(row.size):
                row[x] = min(max(np.rint(row[x] + middle), ZERO), most)
                gone = row[x] - was[x]
                sums[x] += gone * gone
        for x in range(sums.size):
            total += sums[x]
    return float(total / planes.size)
