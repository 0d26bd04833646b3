"""The receiver operating characteristic as points: corners, thinned for print, and a pointwise band of the bootstrap."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Array = NDArray[np.float64]
MOST_POINTS = 400
MOST_BINS = 2048
MOST_UNDEFINED = 0.01  # share of replicates without both classes, over which there is no band


@dataclass(frozen=True, slots=True)
class Curve:
    """From (0, 0) to (1, 1). deviation : largest vertical distance of a corner that was left out from the curve."""

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
    last_of_tie = np.append(np.diff(score[order]) != 0, [True])
    hits = np.append(0.0, np.cumsum(positive[order])[last_of_tie]) / positive.sum()
    alarms = np.append(0.0, np.cumsum(~positive[order])[last_of_tie]) / (~positive).sum()
    corner = _corners(alarms, hits)
    x, y = alarms[corner], hits[corner]
    kept = _thinned(x, y, most_points)
    deviation = float(np.max(np.abs(np.interp(x, x[kept], y[kept]) - y))) if len(kept) < len(x) else 0.0
    return Curve(x[kept], y[kept], len(x), deviation)


def roc_band(
    score: Array,
    positive: NDArray[np.bool_],
    cluster: NDArray[np.int64],
    weights: Iterable[NDArray[np.integer]],
    *,
    level: float,
    points: int = 101,
) -> Band | None:
    """Percentile band over resampled clusters; None where over 1% of the replicates lack a class.

    weights : blocks (replicate, cluster) of how often each cluster was drawn
    Above 2,048 different scores these are grouped into as many classes of about equal size.
    """
    bin_of, bins = _bins(score)
    grid = np.linspace(0.0, 1.0, points)
    found, undefined = [], 0
    hits, alarms = (_by_cluster(cluster[keep], bin_of[keep], cluster, bins) for keep in (positive, ~positive))
    for block in weights:
        drawn = np.asarray(block, dtype=np.float64).T
        for tp, fp in zip((hits @ drawn).T, (alarms @ drawn).T, strict=True):
            if tp.sum() == 0 or fp.sum() == 0:
                undefined += 1
                continue
            x = np.append(0.0, np.cumsum(fp)) / fp.sum()
            y = np.append(0.0, np.cumsum(tp)) / tp.sum()
            found.append(np.interp(grid, x, y))
    replicates = len(found) + undefined
    if not found or undefined > MOST_UNDEFINED * replicates:
        return None
    tail = (1 - level) / 2
    low, high = np.quantile(np.array(found), [tail, 1 - tail], axis=0)
    return Band(grid, low, high, replicates, undefined, bins)


def _bins(score: Array) -> tuple[NDArray[np.int64], int]:
    """Number of each row's score class, from the highest score down."""
    values, number = np.unique(-score, return_inverse=True)
    if len(values) > MOST_BINS:
        rank = np.cumsum(np.bincount(number)) - 1
        classes = rank * MOST_BINS // len(score)
        number = np.unique(classes, return_inverse=True)[1][number]
    return number.astype(np.int64), int(number.max()) + 1


def _by_cluster(
    cluster: NDArray[np.int64], bin_of: NDArray[np.int64], all_clusters: NDArray[np.int64], bins: int
) -> csr_array:
    """Sparse (bin, cluster): how many rows of each cluster fall into each score class."""
    shape = (bins, int(all_clusters.max()) + 1)
    return csr_array((np.ones(len(cluster)), (bin_of, cluster)), shape=shape)


def _corners(x: Array, y: Array) -> NDArray[np.int64]:
    """Points at which the curve turns; those within a straight piece go."""
    if len(x) < 3:
        return np.arange(len(x))
    turn = np.diff(x)[:-1] * np.diff(y)[1:] != np.diff(x)[1:] * np.diff(y)[:-1]
    return np.flatnonzero(np.concatenate([[True], turn, [True]]))


def _thinned(x: Array, y: Array, most: int) -> NDArray[np.int64]:
    """Douglas–Peucker by rank: the points that matter most to the shape, ends first. doi:10.3138/FM57-6770-U75U-7727"""
    if len(x) <= most:
        return np.arange(len(x))
    kept, pieces = [0, len(x) - 1], [_farthest(x, y, 0, len(x) - 1)]
    while len(kept) < most and pieces:
        pieces.sort(key=lambda piece: piece[0])
        distance, middle, start, end = pieces.pop()
        if distance <= 0:
            break
        kept.append(middle)
        pieces += [_farthest(x, y, a, b) for a, b in ((start, middle), (middle, end)) if b - a > 1]
    return np.array(sorted(kept), dtype=np.int64)


def _farthest(x: Array, y: Array, start: int, end: int) -> tuple[float, int, int, int]:
    """(distance, point, start, end) of the point between start and end that lies farthest from their chord."""
    dx, dy = x[end] - x[start], y[end] - y[start]
    inner = slice(start + 1, end)
    distance = np.abs(dx * (y[inner] - y[start]) - dy * (x[inner] - x[start])) / max(np.hypot(dx, dy), 1e-300)
    farthest = int(np.argmax(distance))
    return float(distance[farthest]), start + 1 + farthest, start, end
