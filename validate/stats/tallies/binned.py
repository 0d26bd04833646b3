"""Sums of a value by level: Σ w·x over the rows of each level. A count is x = 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.stats.compiled import compiled


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
def add_binned(sums, weights, cluster, groups, values, codes):  # type: ignore[no-untyped-def]
    """Sums : (group + 1, level, 64) float64, added to; the last group takes the padding of `groups` (n, m)."""
    lanes = weights.shape[1]
    scaled = np.empty(lanes, np.float64)
    for row in range(cluster.size):
        value = values[row]
        if value == 0.0:
            continue
        weight = weights[cluster[row]]
        for lane in range(lanes):
            scaled[lane] = value * weight[lane]
        for position in range(groups.shape[1]):
            target = sums[groups[row, position], codes[row]]
            for lane in range(lanes):
                target[lane] += scaled[lane]
