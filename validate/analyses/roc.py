"""The receiver operating characteristic as points: corners, thinned for print, and a pointwise band of the bootstrap."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.stats.kernel import tally
from validate.stats.resample import Weights
from validate.stats.tallies.binned import Binned

Array = NDArray[np.float64]
MOST_POINTS = 400
MOST_BINS = 2048
MOST_UNDEFINED = 0.01  # share of replicates without both classes, over which there is no band


@dataclass(frozen=True, slots=True)
class Curve:
    """From (0, 0) to (1, 1). deviation : largest distance from the curve of a corner that was left out."""

    false_positive_rate: Array
    sensitivity: Array
    corners: int
    deviation: float


@dataclass(frozen=True, slots=True)
class Band:
    """Pointwise limits of the sensitivity at each false positive rate; level is two-sided."""

    false_positive_rate: Array
    low: Array
    high: Array
    replicates: int
    undefined_replicates: int
    bins: int


def roc_curve(score: Array, positive: NDArray[np.bool_], *, most_points: int = MOST_POINTS) -> Curve:
    """Empirical curve; equal scores are one step. Scores may be infinite (a failure counted by a rule), not NaN.

    Needs both classes: the caller checks.
    """
    order = np.argsort(-score, kind="stable")
    falling = score[order]
    last_of_tie = np.append(falling[1:] != falling[:-1], [True])
    hits = np.append(0, np.cumsum(positive[order])[last_of_tie])
    alarms = np.append(0, np.cumsum(~positive[order])[last_of_tie])
    corner = _corners(alarms, hits)
    x, y = alarms[corner] / alarms[-1], hits[corner] / hits[-1]
    kept, deviation = thinned(x, y, most_points)
    return Curve(x[kept], y[kept], len(x), deviation)


def roc_band(
    score: Array,
    positive: NDArray[np.bool_],
    *,
    cluster: NDArray[np.int64],
    weights: Weights,
    level: float,
    points: int = 101,
) -> Band | None:
    """Percentile band over resampled clusters; None where over 1% of the replicates lack a class.

    Above 2,048 different scores these are grouped into as many classes of about equal size.
    """
    codes, bins = score_classes(score)
    grid = np.linspace(0.0, 1.0, points)
    everybody = np.ones((1, len(score)), np.bool_)
    counted = [Binned(side.astype(np.float64), codes, bins) for side in (positive, ~positive)]
    hits, alarms = (sums[:, 0, :] for sums in tally(counted, cluster=cluster, groups=everybody, weights=weights))
    defined = (hits.sum(axis=1) > 0) & (alarms.sum(axis=1) > 0)
    undefined = int((~defined).sum())
    if undefined > MOST_UNDEFINED * len(defined):
        return None
    found = np.array([_at(grid, tp, fp) for tp, fp in zip(hits[defined], alarms[defined], strict=True)])
    tail = (1 - level) / 2
    low, high = np.quantile(found, [tail, 1 - tail], axis=0)
    return Band(grid, low, high, len(defined), undefined, bins)


def _at(grid: Array, hits: Array, alarms: Array) -> Array:
    """Sensitivity at each false positive rate; on a vertical piece of the curve, its upper end."""
    x, y = np.append(0.0, np.cumsum(alarms)) / alarms.sum(), np.append(0.0, np.cumsum(hits)) / hits.sum()
    return np.asarray(np.interp(grid, x, y), dtype=np.float64)


def score_classes(score: Array) -> tuple[NDArray[np.int32], int]:
    """Number of each row's score class, from the highest score down."""
    values, number = np.unique(-score, return_inverse=True)
    if len(values) > MOST_BINS:
        rank = np.cumsum(np.bincount(number)) - 1
        classes = rank * MOST_BINS // len(score)
        number = np.unique(classes, return_inverse=True)[1][number]
    return number.astype(np.int32), int(number.max()) + 1


def _corners(x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.int64]:
    """Points at which the curve turns, in counts; those within a straight piece go."""
    if len(x) < 3:
        return np.arange(len(x))
    turn = np.diff(x)[:-1] * np.diff(y)[1:] != np.diff(x)[1:] * np.diff(y)[:-1]
    return np.flatnonzero(np.concatenate([[True], turn, [True]]))


def thinned(x: Array, y: Array, most: int) -> tuple[NDArray[np.int64], float]:
    """Douglas–Peucker by rank: the points that matter most to the shape, ends first. doi:10.3138/FM57-6770-U75U-7727"""
    if len(x) <= most:
        return np.arange(len(x)), 0.0
    kept, pieces = [0, len(x) - 1], [_farthest(x, y, 0, len(x) - 1)]
    while len(kept) < most:
        _, middle, start, end = heapq.heappop(pieces)
        kept.append(middle)
        for a, b in ((start, middle), (middle, end)):
            if b - a > 1:
                heapq.heappush(pieces, _farthest(x, y, a, b))
    return np.array(sorted(kept), dtype=np.int64), -pieces[0][0]


def _farthest(x: Array, y: Array, start: int, end: int) -> tuple[float, int, int, int]:
    """(-distance, point, start, end) of the point between start and end that lies farthest from their chord."""
    dx, dy = x[end] - x[start], y[end] - y[start]
    inner = slice(start + 1, end)
    distance = np.abs(dx * (y[inner] - y[start]) - dy * (x[inner] - x[start])) / np.hypot(dx, dy)
    farthest = int(np.argmax(distance))
    return -float(distance[farthest]), start + 1 + farthest, start, end
