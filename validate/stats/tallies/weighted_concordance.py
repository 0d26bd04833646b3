"""Pairs of a positive and a negative in the right order, where positives differ in what they count: the numerator of wAFROC."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.stats.compiled import LANES, compiled

WIDE = np.uint64(LANES)


@dataclass(frozen=True, slots=True)
class WeightedConcordance:
    """scores : (n,) float64, infinite allowed, NaN not    positive : (n,) bool    share : (n,) what a positive counts
    among : (n,) bool, the rows that are paired at all

    Result: (replicate, group, 3): concordant pairs, ties counting half, each times the share of its positive; shares of positives;
    weight of negatives.
    """

    scores: NDArray[np.float64]
    positive: NDArray[np.bool_]
    share: NDArray[np.float64]
    among: NDArray[np.bool_]
    width: int = 3


@compiled
def add_weighted(
    pairs: NDArray[np.float64],
    above: NDArray[np.float64],
    below: NDArray[np.float64],
    weights: NDArray[np.uint8],
    cluster: NDArray[np.int64],
    groups: NDArray[np.int32],
    starts: NDArray[np.int64],
    positives_at: NDArray[np.int64],
    share: NDArray[np.float64],
) -> None:
    """Three flat float64 sums, 64 lanes a group, zero at the start: each negative meets half of what stands above it before its
    run's own positives are added, and half of what stands there after.
    """
    width = groups.shape[1]
    for run in range(positives_at.size):
        start, middle, end = starts[run], positives_at[run], starts[run + 1]
        for row in range(start, middle):
            of_cluster = cluster[row]
            for position in range(width):
                first = np.uint64(groups[row, position]) * WIDE
                for lane in range(LANES):
                    at, weight = first + np.uint64(lane), np.float64(weights[of_cluster, lane])
                    pairs[at] += 0.5 * weight * above[at]
                    below[at] += weight
        for row in range(middle, end):
            of_cluster, counts = cluster[row], share[row]
            for position in range(width):
                first = np.uint64(groups[row, position]) * WIDE
                for lane in range(LANES):
                    above[first + np.uint64(lane)] += counts * np.float64(weights[of_cluster, lane])
        for row in range(start, middle):
            of_cluster = cluster[row]
            for position in range(width):
                first = np.uint64(groups[row, position]) * WIDE
                for lane in range(LANES):
                    at = first + np.uint64(lane)
                    pairs[at] += 0.5 * np.float64(weights[of_cluster, lane]) * above[at]
