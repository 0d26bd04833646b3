"""From each point of one border the distance to the nearest point of another: exact, in mm.

Rows are looked at in the order of their distance until none left can hold a nearer point. Surfaces mostly lie close to each
other, so a few rows settle nearly all points; the others go through a k-d tree.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from validate.stats.compiled import compiled
from validate.stats.masks.borders import Border

MOST_ROWS = 128  # looked at before a point is left to the tree
SMALL = 4096  # points below which threads cost more than they bring
UNSETTLED = -1.0


def nearest_distances(
    border: Border, other: Border, *, spacing: tuple[float, float, float], workers: int = 0
) -> NDArray[np.float64]:
    """(border.size,) mm, in the border's order.      spacing : (z, y, x) in mm

    Both must lie on the same grid; raises ValueError where they do not, or where the other is empty.
    """
    if border.rows != other.rows:
        raise ValueError(f"borders on grids of {border.rows} and {other.rows} rows; expected the same")
    if not other.size:
        raise ValueError("there is no point to measure to: the other border is empty")
    offsets = _row_offsets(other.rows, spacing)
    distances = np.empty(border.size)
    arguments = (border.first, border.x, other.first, other.x, *other.rows, *offsets, spacing[2], distances)
    parts = 1 if border.size < SMALL else max(1, workers or os.cpu_count() or 1)
    edges = np.searchsorted(border.first, np.linspace(0, border.size, parts + 1)).tolist()
    edges[0], edges[-1] = 0, border.first.size - 1
    if parts == 1:
        _search(0, edges[-1], *arguments)
    else:
        with ThreadPoolExecutor(parts) as pool:
            list(pool.map(lambda part: _search(edges[part], edges[part + 1], *arguments), range(parts)))
    unsettled = np.flatnonzero(distances == UNSETTLED)
    if unsettled.size:
        tree = cKDTree(_points(other, spacing), balanced_tree=False, compact_nodes=False)
        distances[unsettled] = tree.query(_points(border, spacing)[unsettled], workers=parts)[0]
    return distances


def _row_offsets(
    rows: tuple[int, int], spacing: tuple[float, float, float]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], float]:
    """Steps in z and y to the nearest rows, the nearest first, their squared distances, and the first one left out."""
    reach = MOST_ROWS
    z, y = np.meshgrid(
        np.arange(-min(reach, rows[0] - 1), min(reach, rows[0] - 1) + 1),
        np.arange(-min(reach, rows[1] - 1), min(reach, rows[1] - 1) + 1),
        indexing="ij",
    )
    squared = ((z * spacing[0]) ** 2 + (y * spacing[1]) ** 2).ravel()
    order = np.argsort(squared, kind="stable")
    kept, beyond = order[:MOST_ROWS], order[MOST_ROWS : MOST_ROWS + 1]
    left_out = float(squared[beyond[0]]) if beyond.size else np.inf
    return z.ravel()[kept], y.ravel()[kept], squared[kept], left_out


def _points(border: Border, spacing: tuple[float, float, float]) -> NDArray[np.float64]:
    row = np.repeat(np.arange(border.first.size - 1), np.diff(border.first))
    z, y = np.divmod(row, border.rows[1])
    return np.column_stack([z * spacing[0], y * spacing[1], border.x * spacing[2]])


@compiled
def _search(
    start: int,
    stop: int,
    first: NDArray[np.int64],
    x: NDArray[np.int32],
    other_first: NDArray[np.int64],
    other_x: NDArray[np.int32],
    layers: int,
    lines: int,
    step_z: NDArray[np.int64],
    step_y: NDArray[np.int64],
    squared: NDArray[np.float64],
    left_out: float,
    width: float,
    distances: NDArray[np.float64],
) -> None:
    for row in range(start, stop):
        low, high = first[row], first[row + 1]
        if low == high:
            continue
        layer, line = row // lines, row % lines
        for place in range(low, high):
            distances[place] = np.inf
        settled = False
        for offset in range(squared.size):
            # A row serves all points of this one while any of them may still find a nearer point there.
            farthest = 0.0
            for place in range(low, high):
                farthest = max(farthest, distances[place])
            if farthest <= squared[offset]:
                settled = True
                break
            z, y = layer + step_z[offset], line + step_y[offset]
            if 0 <= z < layers and 0 <= y < lines:
                beginning, end = other_first[z * lines + y], other_first[z * lines + y + 1]
                if beginning < end:
                    _row_minimum(x, low, high, other_x, beginning, end, squared[offset], width, distances)
        for place in range(low, high):
            if settled or distances[place] <= left_out:
                distances[place] = np.sqrt(distances[place])
            else:
                distances[place] = -1.0


@compiled
def _row_minimum(
    x: NDArray[np.int32],
    low: int,
    high: int,
    other_x: NDArray[np.int32],
    beginning: int,
    end: int,
    apart: float,
    width: float,
    distances: NDArray[np.float64],
) -> None:
    """Both rows are sorted: one walk along them gives each point its nearest there."""
    near = beginning
    for place in range(low, high):
        here = x[place]
        while near + 1 < end and other_x[near + 1] <= here:
            near += 1
        gap = abs(other_x[near] - here)
        if near + 1 < end:
            gap = min(gap, abs(other_x[near + 1] - here))
        found = apart + (gap * width) ** 2
        distances[place] = min(distances[place], found)
