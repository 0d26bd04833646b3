"""Sums of a value by level: Σ w·x over the rows of each level. A count is x = 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.stats.compiled import LANES, compiled

WIDE = np.uint64(LANES)


@dataclass(frozen=True, slots=True)
class Binned:
    """values : (n,) float64    codes : (n,) int32 in 0 … levels-1    Result: (replicate, group, levels)."""

    values: NDArray[np.float64]
    codes: NDArray[np.int32]
    levels: int

    @property
    def width(self) -> int:
        """Numbers it leaves for each replicate and group."""
        return self.levels


@compiled
def add_binned(
    sums: NDArray[np.float64],
    levels: int,
    weights: NDArray[np.uint8],
    cluster: NDArray[np.int64],
    groups: NDArray[np.int32],
    values: NDArray[np.float64],
    codes: NDArray[np.int32],
) -> None:
    """Sums : flat (group + 1, level, 64) float64, added to; the last group takes the padding of `groups` (n, m).

    Flat array, unsigned places and loops of fixed length: that is what the compiler makes vector instructions of.
    """
    scaled = np.empty(LANES, np.float64)
    for row in range(cluster.size):
        value = values[row]
        if value == 0.0:
            continue
        of_cluster = cluster[row]
        for lane in range(LANES):
            scaled[lane] = value * np.float64(weights[of_cluster, lane])
        for position in range(groups.shape[1]):
            first = (np.uint64(groups[row, position]) * np.uint64(levels) + np.uint64(codes[row])) * WIDE
            for lane in range(LANES):
                sums[first + np.uint64(lane)] += scaled[lane]
