"""Precision against recall as points, with a pointwise band of the bootstrap. Both hold for this share of positives only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.analyses.roc import MOST_POINTS, MOST_UNDEFINED, score_classes, thinned
from validate.stats.kernel import tally
from validate.stats.resample import Weights
from validate.stats.tallies.binned import Binned

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PrecisionRecall:
    """From the highest score down to all cases flagged; recall rises, precision is the share of flags that are right."""

    recall: Array
    precision: Array
    prevalence: float


@dataclass(frozen=True, slots=True)
class PrecisionBand:
    """Pointwise limits of the precision at each recall; level is two-sided."""

    recall: Array
    low: Array
    high: Array
    replicates: int
    undefined_replicates: int


def precision_recall(score: Array, positive: NDArray[np.bool_], *, most_points: int = MOST_POINTS) -> PrecisionRecall:
    """Empirical steps; equal scores are one step. Needs both classes: the caller checks."""
    order = np.argsort(-score, kind="stable")
    falling = score[order]
    last_of_tie = np.append(falling[1:] != falling[:-1], [True])
    hits = np.cumsum(positive[order])[last_of_tie].astype(np.float64)
    flags = (np.flatnonzero(last_of_tie) + 1).astype(np.float64)
    recall, precision = hits / positive.sum(), hits / flags
    kept, _ = thinned(recall, precision, most_points)
    return PrecisionRecall(recall[kept], precision[kept], float(positive.mean()))


def precision_band(
    score: Array,
    positive: NDArray[np.bool_],
    *,
    cluster: NDArray[np.int64],
    weights: Weights,
    level: float,
    points: int = 100,
) -> PrecisionBand | None:
    """Percentile band over resampled clusters, from a recall of 1% on; None where over 1% of replicates lack a class."""
    codes, bins = score_classes(score)
    grid = np.linspace(0.01, 1.0, points)
    everybody = np.ones((1, len(score)), np.bool_)
    counted = [Binned(side.astype(np.float64), codes, bins) for side in (positive, ~positive)]
    hits, alarms = (sums[:, 0, :] for sums in tally(counted, cluster=cluster, groups=everybody, weights=weights))
    defined = (hits.sum(axis=1) > 0) & (alarms.sum(axis=1) > 0)
    undefined = int((~defined).sum())
    if undefined > MOST_UNDEFINED * len(defined):
        return None
    found = np.array([_at(grid, right, wrong) for right, wrong in zip(hits[defined], alarms[defined], strict=True)])
    tail = (1 - level) / 2
    low, high = np.quantile(found, [tail, 1 - tail], axis=0)
    return PrecisionBand(grid, low, high, len(defined), undefined)


def _at(grid: Array, hits: Array, alarms: Array) -> Array:
    """Precision at the first step that reaches each recall."""
    right = np.cumsum(hits, dtype=np.float64)
    flags = right + np.cumsum(alarms, dtype=np.float64)
    step = np.minimum(np.searchsorted(right / right[-1], grid - 1e-12), len(right) - 1)
    return np.asarray(right[step] / np.maximum(flags[step], 1.0), np.float64)
