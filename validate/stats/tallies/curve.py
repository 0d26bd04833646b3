"""What a stretch of the ROC curve holds, in every replicate: its area, and the sensitivity that is reached on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.stats.compiled import LANES, compiled

WIDE = np.uint64(LANES)
SLACK = 1e-9  # of a rate, because 1 - 0.9 is not quite 0.1


@dataclass(frozen=True, slots=True)
class Curve:
    """scores : (n,) float64, infinite allowed, NaN not    positive : (n,) bool
    low, high : false positive rates between which the area is taken, 0 ≤ low < high ≤ 1 (low = high: no area)

    Result: (replicate, group, 4): area below the curve between them, in pairs of a positive and a negative (ties are a
    straight line); weight of positives above the lowest score at which the false positive rate is still at most `high`;
    weight of positives, weight of negatives.
    """

    scores: NDArray[np.float64]
    positive: NDArray[np.bool_]
    low: float
    high: float
    width: int = 4


@compiled
def add_curve(
    area: NDArray[np.float64],
    reached: NDArray[np.float64],
    above: NDArray[np.float64],
    below: NDArray[np.float64],
    weights: NDArray[np.uint8],
    cluster: NDArray[np.int64],
    groups: NDArray[np.int32],
    starts: NDArray[np.int64],
    positives_at: NDArray[np.int64],
    low: float,
    high: float,
) -> None:
    """Four flat float64 sums, 64 lanes a group, all zero at the start; rows in ranked order as in ranked.py.

    First the weight of negatives of each lane, which says where the stretch begins and ends; then down the scores, a
    run of ties at a time, in the groups that have a row in it.
    """
    total = np.zeros(below.size, np.float64)
    width = groups.shape[1]
    for run in range(positives_at.size):
        for row in range(starts[run], positives_at[run]):
            of_cluster = cluster[row]
            for position in range(width):
                first = np.uint64(groups[row, position]) * WIDE
                for lane in range(LANES):
                    total[first + np.uint64(lane)] += np.float64(weights[of_cluster, lane])
    hits, misses = np.zeros(above.size, np.float64), np.zeros(below.size, np.float64)
    waiting = np.zeros(above.size // LANES, np.bool_)
    for run in range(positives_at.size):
        start, middle, end = starts[run], positives_at[run], starts[run + 1]
        for row in range(start, end):
            of_cluster = cluster[row]
            for position in range(width):
                group = groups[row, position]
                first = np.uint64(group) * WIDE
                waiting[group] = True
                if row < middle:
                    for lane in range(LANES):
                        misses[first + np.uint64(lane)] += np.float64(weights[of_cluster, lane])
                else:
                    for lane in range(LANES):
                        hits[first + np.uint64(lane)] += np.float64(weights[of_cluster, lane])
        for row in range(start, end):
            for position in range(width):
                group = groups[row, position]
                if not waiting[group]:
                    continue
                waiting[group] = False
                first = np.uint64(group) * WIDE
                for lane in range(LANES):
                    at = first + np.uint64(lane)
                    begin, stop = below[at], below[at] + misses[at]
                    left, right = max(begin, low * total[at]), min(stop, high * total[at])
                    if right > left:
                        slope = hits[at] / misses[at]
                        middle_height = above[at] + slope * ((left + right) / 2.0 - begin)
                        area[at] += (right - left) * middle_height
                    above[at] += hits[at]
                    below[at] = stop
                    if stop <= (high + SLACK) * total[at]:
                        reached[at] = above[at]
                    hits[at] = 0.0
                    misses[at] = 0.0
