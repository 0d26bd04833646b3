"""Where a mask's surface lies: surface elements between voxels, each with its area, or the outermost voxels, each one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from validate.stats.compiled import compiled
from validate.stats.masks.runs import Runs
from validate.stats.masks.surfels import contour_lengths, surfel_areas

Boundary = Literal["surfel", "voxel"]
FAR = np.int32(2**31 - 1)


@dataclass(frozen=True, slots=True)
class Border:
    """Points on a grid of rows, in the order of the rows and along each.

    rows : (z, y) of the grid      first : (z·y + 1,) int64, row r's points are first[r] … first[r+1]-1
    x : int32, its place along the row      weight : float64, mm² (mm in a plane) for surface elements, 1 for voxels
    """

    rows: tuple[int, int]
    first: NDArray[np.int64]
    x: NDArray[np.int32]
    weight: NDArray[np.float64]

    @property
    def size(self) -> int:
        """How many points."""
        return int(self.x.size)


def border_of(mask: Runs, *, boundary: Boundary, spacing: tuple[float, float, float]) -> Border:
    """Boundary "surfel": points stand at the corners where voxels meet, on a grid one longer along each axis, wherever the
    voxels around are not all alike; weighted by the area that passes there (surfels.py).
    boundary "voxel": inside voxels with a neighbour outside across a face (an edge, in a plane); beyond the image is outside.

    spacing : (z, y, x) in mm; of a plane's, z is not used.
    """
    depth, height, _ = mask.shape
    if boundary == "voxel":
        rows = (depth, height)
        neighbours = 2 if mask.planar else 4
        kernel = _voxel_points
        counts = np.zeros(depth * height, np.int64)
    else:
        rows = (1 if mask.planar else depth + 1, height + 1)
        neighbours = 2 if mask.planar else 4
        kernel = _surfel_points
        counts = np.zeros(rows[0] * rows[1], np.int64)
    nothing = (np.empty(0, np.int32), np.empty(0, np.uint8))
    kernel(mask.first, mask.begin, mask.end, depth, height, neighbours, counts, True, *nothing)
    first = np.concatenate(([0], np.cumsum(counts)))
    x, code = np.empty(first[-1], np.int32), np.empty(first[-1], np.uint8)
    kernel(mask.first, mask.begin, mask.end, depth, height, neighbours, first, False, x, code)
    if boundary == "voxel":
        return Border(rows, first, x, np.ones(x.size))
    weights = contour_lengths(spacing[1:]) if mask.planar else surfel_areas(spacing)
    return Border(rows, first, x, weights[code])


@compiled
def _surfel_points(
    first: NDArray[np.int64],
    begin: NDArray[np.int32],
    end: NDArray[np.int32],
    depth: int,
    height: int,
    around: int,
    places: NDArray[np.int64],
    counting: bool,
    x: NDArray[np.int32],
    code: NDArray[np.uint8],
) -> None:
    """For each row of corners the four (two, in a plane) voxel rows that meet there, bit 0 behind in z and y."""
    three = around == 4
    now, stop = np.empty(4, np.int64), np.empty(4, np.int64)
    inside = np.zeros(4, np.bool_)
    full = (1 << around) - 1
    layers = depth + 1 if three else 1
    for layer in range(layers):
        for line in range(height + 1):
            row = layer * (height + 1) + line
            some = False
            for bit in range(around):
                z = layer - (bit >> 1) if three else 0
                y = line - (bit & 1)
                now[bit], stop[bit], inside[bit] = 0, 0, False
                if 0 <= z < depth and 0 <= y < height:
                    now[bit], stop[bit] = first[z * height + y], first[z * height + y + 1]
                    some = some or now[bit] < stop[bit]
            place = np.int64(0) if counting else places[row]
            if some:
                before, since = 0, 0
                while True:
                    following = FAR
                    for bit in range(around):
                        if now[bit] < stop[bit]:
                            following = min(following, end[now[bit]] if inside[bit] else begin[now[bit]])
                    if 0 < before < full:  # the same four voxels on both sides, all along
                        for corner in range(since + 1, following):
                            if not counting:
                                x[place] = corner
                                code[place] = _both(before, before, around)
                            place += 1
                    if following == FAR:
                        break
                    after = before
                    for bit in range(around):
                        if now[bit] < stop[bit]:
                            if inside[bit]:
                                if end[now[bit]] == following:
                                    inside[bit] = False
                                    after &= ~(1 << bit)
                                    now[bit] += 1
                            elif begin[now[bit]] == following:
                                inside[bit] = True
                                after |= 1 << bit
                    if not counting:
                        x[place] = following
                        code[place] = _both(before, after, around)
                    place += 1
                    before, since = after, int(following)
            if counting:
                places[row] = place


@compiled
def _both(before: int, after: int, around: int) -> int:
    """The code of the corner between two columns: along x the even bits lie behind, the odd ones before."""
    found = 0
    for bit in range(around):
        found |= ((after >> bit) & 1) << (2 * bit)
        found |= ((before >> bit) & 1) << (2 * bit + 1)
    return found


@compiled
def _voxel_points(
    first: NDArray[np.int64],
    begin: NDArray[np.int32],
    end: NDArray[np.int32],
    depth: int,
    height: int,
    around: int,
    places: NDArray[np.int64],
    counting: bool,
    x: NDArray[np.int32],
    code: NDArray[np.uint8],
) -> None:
    """Of each run its first and last voxel, and those between that lack a neighbour in another row."""
    now, stop = np.empty(4, np.int64), np.empty(4, np.int64)
    for z in range(depth):
        for y in range(height):
            row = z * height + y
            place = np.int64(0) if counting else places[row]
            if first[row] < first[row + 1]:
                for side in range(around):
                    other_z = z + (0 if side < 2 else (1 if side == 2 else -1))
                    other_y = y + ((1 if side == 0 else -1) if side < 2 else 0)
                    now[side], stop[side] = 0, 0
                    if 0 <= other_z < depth and 0 <= other_y < height:
                        other = other_z * height + other_y
                        now[side], stop[side] = first[other], first[other + 1]
                for run in range(first[row], first[row + 1]):
                    position = begin[run]
                    while position < end[run]:
                        enclosed, until = True, end[run]
                        for side in range(around):
                            while now[side] < stop[side] and end[now[side]] <= position:
                                now[side] += 1
                            if now[side] == stop[side] or begin[now[side]] > position:
                                enclosed = False
                            if now[side] < stop[side]:  # nothing changes before this row's next change
                                later = begin[now[side]] > position
                                until = min(until, begin[now[side]] if later else end[now[side]])
                        for voxel in range(position, until):
                            if not enclosed or voxel == begin[run] or voxel == end[run] - 1:
                                if not counting:
                                    x[place] = voxel
                                    code[place] = 0
                                place += 1
                        position = until
            if counting:
                places[row] = place
