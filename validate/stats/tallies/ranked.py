"""One pass down the sorted scores serves every tally that depends on ranks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.stats.compiled import LANES, compiled

WIDE = np.uint64(LANES)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Rows by falling score; in a run of equal scores negatives stand first.

    order : (n,) int64    starts : (runs + 1,) int64    positives_at : (runs,) int64, where a run's positives begin
    """

    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    positives_at: NDArray[np.int64]


def ranking(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> Ranking:
    """Sort once; stable, so that equal inputs give equal bits."""
    order = np.lexsort((positive, -scores))
    falling = scores[order]
    new_run = np.flatnonzero(falling[1:] != falling[:-1]) + 1
    starts = np.concatenate(([0], new_run, [scores.size])).astype(np.int64)
    before = np.concatenate(([0], np.cumsum(positive[order])))
    in_run = before[starts[1:]] - before[starts[:-1]]
    return Ranking(order.astype(np.int64), starts, starts[1:] - in_run)


@compiled
def add_ranked(
    above: NDArray[np.float64],
    below: NDArray[np.float64],
    pairs: NDArray[np.float64],
    steps: NDArray[np.float64],
    weights: NDArray[np.uint8],
    cluster: NDArray[np.int64],
    groups: NDArray[np.int32],
    starts: NDArray[np.int64],
    positives_at: NDArray[np.int64],
    want_precision: bool,  # noqa: FBT001 (compiled: no keywords)
) -> None:
    """Add to four flat float64 sums, 64 lanes a group: weight of positives, of negatives, twice the pairs, precision.

    weights : (clusters, 64) uint8    cluster, groups : rows in ranked order; the last group takes the padding.
    Each negative meets the positives above it before its run's own positives are added and once more after: twice the
    pairs, ties counting half. Flat arrays, unsigned places and loops of fixed length without a branch: that is what the
    compiler makes vector instructions of.
    """
    weight = np.empty(LANES, np.float64)
    width = groups.shape[1]
    for run in range(positives_at.size):
        start, middle, end = starts[run], positives_at[run], starts[run + 1]
        tied = middle > start and end > middle
        factor = 1.0 if tied else 2.0
        for row in range(start, middle):
            of_cluster = cluster[row]
            for lane in range(LANES):
                weight[lane] = np.float64(weights[of_cluster, lane])
            for position in range(width):
                first = np.uint64(groups[row, position]) * WIDE
                for lane in range(LANES):
                    at = first + np.uint64(lane)
                    pairs[at] += factor * weight[lane] * above[at]
                    below[at] += weight[lane]
        for row in range(middle, end):
            of_cluster = cluster[row]
            for lane in range(LANES):
                weight[lane] = np.float64(weights[of_cluster, lane])
            single = want_precision and end - middle == 1
            for position in range(width):
                first = np.uint64(groups[row, position]) * WIDE
                if single:
                    for lane in range(LANES):
                        at = first + np.uint64(lane)
                        found = above[at] + weight[lane]
                        flagged = found + below[at]
                        above[at] = found
                        # where nothing weighs anything yet, the weight is 0 too, and 0 · 0 / 1 adds nothing
                        steps[at] += weight[lane] * found / (flagged if flagged > 0.0 else 1.0)
                else:
                    for lane in range(LANES):
                        at = first + np.uint64(lane)
                        above[at] += weight[lane]
        if tied:
            for row in range(start, middle):
                of_cluster = cluster[row]
                for position in range(width):
                    first = np.uint64(groups[row, position]) * WIDE
                    for lane in range(LANES):
                        at = first + np.uint64(lane)
                        pairs[at] += np.float64(weights[of_cluster, lane]) * above[at]
        if want_precision and end - middle > 1:
            for row in range(middle, end):
                of_cluster = cluster[row]
                for position in range(width):
                    first = np.uint64(groups[row, position]) * WIDE
                    for lane in range(LANES):
                        at = first + np.uint64(lane)
                        flagged = above[at] + below[at]
                        steps[at] += (
                            np.float64(weights[of_cluster, lane]) * above[at] / (flagged if flagged > 0.0 else 1.0)
                        )
