"""Connected components of a mask, found run by run with union–find; numbered in the order of their first run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.stats.compiled import compiled
from validate.stats.masks.runs import Runs

CONNECTIVITIES = {False: (6, 18, 26), True: (4, 8)}


@dataclass(frozen=True, slots=True)
class Components:
    """of_run : (runs,) int64, each run's component, from 0      voxels : (components,) int64"""

    runs: Runs
    of_run: NDArray[np.int64]
    voxels: NDArray[np.int64]

    @property
    def count(self) -> int:
        """How many components."""
        return int(self.voxels.size)


def components_of(mask: Runs, *, connectivity: int | None = None) -> Components:
    """Connectivity : 6, 18 or 26 in a volume, 4 or 8 in a plane; the largest unless given. Raises ValueError for others."""
    allowed = CONNECTIVITIES[mask.planar]
    chosen = allowed[-1] if connectivity is None else connectivity
    if chosen not in allowed:
        raise ValueError(f"connectivity {chosen}; expected one of {', '.join(map(str, allowed))}")
    steps = [
        (z, y, diagonal) for z, y, diagonal in ((0, 1, 1), (1, 0, 1), (1, 1, 2), (1, -1, 2)) if not (mask.planar and z)
    ]
    # With k steps allowed along the axes at once, rows that are d steps apart still leave k - d for x.
    most = {4: 1, 8: 2, 6: 1, 18: 2, 26: 3}[chosen]
    plan = np.array([(z, y, min(most - apart, 1)) for z, y, apart in steps if apart <= most], np.int64).reshape(-1, 3)
    parent = np.arange(mask.begin.size)
    _join(mask.first, mask.begin, mask.end, mask.shape[0], mask.shape[1], plan, parent)
    roots, of_run = np.unique(parent, return_inverse=True)
    lengths = mask.end.astype(np.int64) - mask.begin
    voxels = np.bincount(of_run, weights=lengths, minlength=roots.size).astype(np.int64)
    return Components(mask, of_run, voxels)


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Pairs of components that share voxels.      reference, prediction, voxels : (pairs,) int64"""

    reference: NDArray[np.int64]
    prediction: NDArray[np.int64]
    voxels: NDArray[np.int64]


def overlaps(reference: Components, prediction: Components) -> Overlaps:
    """Sorted by reference, then prediction."""
    one, other = reference.runs, prediction.runs
    most = one.begin.size + other.begin.size
    pair, shared = np.empty((most, 2), np.int64), np.empty(most, np.int64)
    arguments = (one.first, one.begin, one.end, other.first, other.begin, other.end)
    count = _meet(*arguments, reference.of_run, prediction.of_run, pair, shared)
    key = pair[:count, 0] * max(prediction.count, 1) + pair[:count, 1]
    found, place = np.unique(key, return_inverse=True)
    sums = np.bincount(place, weights=shared[:count], minlength=found.size).astype(np.int64)
    return Overlaps(found // max(prediction.count, 1), found % max(prediction.count, 1), sums)


@compiled
def _join(
    first: NDArray[np.int64],
    begin: NDArray[np.int32],
    end: NDArray[np.int32],
    depth: int,
    height: int,
    plan: NDArray[np.int64],
    parent: NDArray[np.int64],
) -> None:
    for z in range(depth):
        for y in range(height):
            row = z * height + y
            if first[row] == first[row + 1]:
                continue
            for step in range(plan.shape[0]):
                other_z, other_y, reach = z - plan[step, 0], y - plan[step, 1], plan[step, 2]
                if other_z < 0 or other_y < 0 or other_y >= height:
                    continue
                other = other_z * height + other_y
                one, two = first[row], first[other]
                while one < first[row + 1] and two < first[other + 1]:
                    if begin[one] < end[two] + reach and begin[two] < end[one] + reach:
                        _unite(parent, one, two)
                    if end[one] < end[two]:
                        one += 1
                    else:
                        two += 1
    for run in range(parent.size):
        parent[run] = _root(parent, run)


@compiled
def _root(parent: NDArray[np.int64], run: int) -> int:
    while parent[run] != run:
        parent[run] = parent[parent[run]]
        run = parent[run]
    return run


@compiled
def _unite(parent: NDArray[np.int64], one: int, two: int) -> None:
    """The earlier run stays the root, so components are numbered in the order of their first run."""
    first, second = _root(parent, one), _root(parent, two)
    if first < second:
        parent[second] = first
    else:
        parent[first] = second


@compiled
def _meet(
    first: NDArray[np.int64],
    begin: NDArray[np.int32],
    end: NDArray[np.int32],
    other_first: NDArray[np.int64],
    other_begin: NDArray[np.int32],
    other_end: NDArray[np.int32],
    of_run: NDArray[np.int64],
    other_of_run: NDArray[np.int64],
    pair: NDArray[np.int64],
    shared: NDArray[np.int64],
) -> int:
    count = 0
    for row in range(first.size - 1):
        one, other = first[row], other_first[row]
        while one < first[row + 1] and other < other_first[row + 1]:
            low, high = max(begin[one], other_begin[other]), min(end[one], other_end[other])
            if low < high:
                pair[count, 0], pair[count, 1] = of_run[one], other_of_run[other]
                shared[count] = high - low
                count += 1
            if end[one] < other_end[other]:
                one += 1
            else:
                other += 1
    return count
