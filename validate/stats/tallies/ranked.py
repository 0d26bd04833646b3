"""One pass down the sorted scores serves every tally that depends on ranks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.stats.compiled import compiled


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
def add_ranked(sums, weights, cluster, groups, starts, positives_at, want_precision):  # type: ignore[no-untyped-def]
    """Sums : (group + 1, 4, 64) float64: weight of positives, of negatives, twice the pairs, precision steps.

    cluster, groups : in ranked order. Each negative meets the positives above it before its run's own positives are
    added and once more after: twice the pairs, ties counting half.
    """
    lanes = weights.shape[1]
    width = groups.shape[1]
    for run in range(positives_at.size):
        start, middle, end = starts[run], positives_at[run], starts[run + 1]
        tied = middle > start and end > middle
        for row in range(start, middle):
            weight = weights[cluster[row]]
            factor = 1.0 if tied else 2.0
            for position in range(width):
                own = sums[groups[row, position]]
                above, below, pairs = own[0], own[1], own[2]
                for lane in range(lanes):
                    w = np.float64(weight[lane])
                    pairs[lane] += factor * w * above[lane]
                    below[lane] += w
        for row in range(middle, end):
            weight = weights[cluster[row]]
            for position in range(width):
                above = sums[groups[row, position], 0]
                for lane in range(lanes):
                    above[lane] += np.float64(weight[lane])
        if tied:
            for row in range(start, middle):
                weight = weights[cluster[row]]
                for position in range(width):
                    own = sums[groups[row, position]]
                    above, pairs = own[0], own[2]
                    for lane in range(lanes):
                        pairs[lane] += np.float64(weight[lane]) * above[lane]
        if want_precision:
            for row in range(middle, end):
                weight = weights[cluster[row]]
                for position in range(width):
                    own = sums[groups[row, position]]
                    above, below, steps = own[0], own[1], own[3]
                    for lane in range(lanes):
                        w = np.float64(weight[lane])
                        # max: where nothing weighs anything yet, w is 0 too, and 0 · 0/1 adds nothing
                        steps[lane] += w * above[lane] / max(above[lane] + below[lane], 1.0)
