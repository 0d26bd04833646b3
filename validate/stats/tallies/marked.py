"""What a free-response curve reaches at stated rates of false marks, in every replicate: a staircase, never between two steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.stats.compiled import LANES, compiled

WIDE = np.uint64(LANES)
SLACK = 1e-9  # of the number of cases, because 0.1 · 30 is not quite 3


@dataclass(frozen=True, slots=True)
class Marked:
    """scores : (n,) float64, infinite allowed, NaN not; of a lesion the best mark that hit it, -inf where none did
    positive, false, case : (n,) bool: rows that are lesions, false marks, cases; a row may be none of them
    rates : false marks per case

    Result: (replicate, group, 2 + rates): weight of cases, weight of lesions, then at each rate the weight of the lesions that are
    found at the loosest threshold with no more false marks than that.
    """

    scores: NDArray[np.float64]
    positive: NDArray[np.bool_]
    false: NDArray[np.bool_]
    case: NDArray[np.bool_]
    rates: tuple[float, ...]

    @property
    def width(self) -> int:
        """Numbers it leaves for each replicate and group."""
        return 2 + len(self.rates)

    @property
    def ranked(self) -> NDArray[np.int64]:
        """Places of the rows that are ranked: false marks, and lesions that are marked."""
        return np.flatnonzero(self.false | (self.positive & (self.scores > -np.inf)))


@compiled
def add_counts(
    sums: NDArray[np.float64],
    levels: int,
    place: int,
    weights: NDArray[np.uint8],
    cluster: NDArray[np.int64],
    groups: NDArray[np.int32],
) -> None:
    """The weight of rows into one level of sums, flat (group + 1, level, 64)."""
    for row in range(cluster.size):
        of_cluster = cluster[row]
        for position in range(groups.shape[1]):
            first = (np.uint64(groups[row, position]) * np.uint64(levels) + np.uint64(place)) * WIDE
            for lane in range(LANES):
                sums[first + np.uint64(lane)] += np.float64(weights[of_cluster, lane])


@compiled
def add_marked(
    sums: NDArray[np.float64],
    levels: int,
    above: NDArray[np.int32],
    below: NDArray[np.int32],
    limits: NDArray[np.int32],
    kept: NDArray[np.int32],
    weights: NDArray[np.uint8],
    cluster: NDArray[np.int64],
    groups: NDArray[np.int32],
    starts: NDArray[np.int64],
    positives_at: NDArray[np.int64],
    rates: NDArray[np.float64],
) -> None:
    """Down the scores, a run of ties at a time; level 0 of sums holds the weight of cases already.

    above, below : flat (group + 1, 64), zero at the start: weight of lesions found and of false marks so far
    limits, kept : flat (group + 1, rate, 64), zero at the start: false marks allowed, lesions found within them
    Weights are whole numbers, so a limit is one too. A rate that every replicate of a group has passed is not looked at again.
    """
    width, count = groups.shape[1], above.size // LANES
    waiting = np.zeros(count, np.bool_)
    open_from = np.zeros(count, np.int64)  # rates rise, so those before it are passed
    for group in range(count):
        for number in range(rates.size):
            begin = (group * rates.size + number) * LANES
            for lane in range(LANES):
                cases = sums[group * levels * LANES + lane]
                limits[begin + lane] = np.int32(min(np.floor(rates[number] * cases + SLACK * cases), 2147483647.0))
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
                        below[first + np.uint64(lane)] += np.int32(weights[of_cluster, lane])
                else:
                    for lane in range(LANES):
                        above[first + np.uint64(lane)] += np.int32(weights[of_cluster, lane])
        if middle == end:
            continue  # no lesion in this run: nothing more is found here, and later runs hold the false marks
        for row in range(start, end):
            for position in range(width):
                group = groups[row, position]
                if not waiting[group]:
                    continue
                waiting[group] = False
                first = np.uint64(group) * WIDE
                for number in range(open_from[group], rates.size):
                    at = np.uint64(group * rates.size + number) * WIDE
                    within = np.int32(0)
                    for lane in range(LANES):
                        one = np.uint64(lane)
                        fits = below[first + one] <= limits[at + one]
                        kept[at + one] = above[first + one] if fits else kept[at + one]
                        within |= np.int32(fits)
                    if not within and number == open_from[group]:
                        open_from[group] += 1
    for group in range(count):
        for number in range(rates.size):
            for lane in range(LANES):
                place = (group * rates.size + number) * LANES + lane
                sums[(group * levels + 2 + number) * LANES + lane] = kept[place]
