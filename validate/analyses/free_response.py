"""The free-response curve as points, with a pointwise band of the bootstrap, and how lesion sensitivity rises with size."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.analyses.roc import MOST_POINTS, MOST_UNDEFINED
from validate.estimation.sample import Sample
from validate.metrics.detection.rows import LUNA_RATES
from validate.stats.compiled import LANES
from validate.stats.kernel import tally
from validate.stats.resample import ClusterWeights, block_count
from validate.stats.tallies.marked import Marked

Array = NDArray[np.float64]
LEVEL = 0.95
MOST_RATE = 8.0
WIDTH = 0.35  # of the logarithm of size, over which neighbours are weighed in
FEWEST = 12  # lesions with a size, under which no curve is drawn


def froc_points(sample: Sample) -> list[list[float]]:
    """[false marks per case, sensitivity] of every step, from nothing marked to everything; thinned where there are many."""
    rows = sample.rows
    lesion, false, score = rows["lesion"], rows["false_mark"], rows["score"]
    cases, lesions = int(rows["case"].sum()), int(lesion.sum())
    if not cases or not lesions:
        return []
    cuts = np.unique(np.concatenate((score[lesion & (score > -np.inf)], score[false])))[::-1]
    hits, wrong = (
        np.searchsorted(np.sort(-score[part]), -cuts, side="right") for part in (lesion & (score > -np.inf), false)
    )
    x, y = np.concatenate(([0.0], wrong / cases)), np.concatenate(([0.0], hits / lesions))
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), MOST_POINTS)).astype(int))
    return [[float(a), float(b)] for a, b in zip(x[kept], y[kept], strict=True)]


def froc_band(sample: Sample, weights: ClusterWeights) -> dict[str, Any] | None:
    """Limits of the sensitivity at each of a range of rates; None where over 1% of the replicates lack a lesion."""
    grid = np.unique(np.concatenate((np.linspace(0, 1, 21), np.linspace(1, MOST_RATE, 29), LUNA_RATES)))
    rows = sample.rows
    marked = Marked(rows["score"], rows["lesion"], rows["false_mark"], rows["case"], tuple(grid.tolist()))
    everybody = np.ones((1, len(rows)), np.bool_)
    (sums,) = tally([marked], cluster=sample.cluster, groups=everybody, weights=weights)
    lesions = sums[:, 0, 1]
    defined = lesions > 0
    if (~defined).sum() > MOST_UNDEFINED * defined.size or not defined.any():
        return None
    found = sums[defined, 0, 2:] / lesions[defined, None]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(found, [tail, 1 - tail], axis=0)
    return {
        "level": LEVEL,
        "replicates": int(defined.sum()),
        "points": [[float(a), float(b), float(c)] for a, b, c in zip(grid, low, high, strict=True)],
    }


def size_curve(sample: Sample, sizes: Array, weights: ClusterWeights) -> dict[str, Any] | None:
    """Sensitivity at the operating point against lesion size: a mean over neighbours in size, with a pointwise band.

    sizes : (lesions,) NaN where unknown, in the order of the sample's lesions. None for too few.
    """
    lesion = np.flatnonzero(sample.rows["lesion"])
    known = ~np.isnan(sizes)
    if known.sum() < FEWEST or "flagged" not in sample.rows.columns:
        return None
    place, size = lesion[known], sizes[known]
    found, cluster = np.asarray(sample.rows["flagged"][place], np.float64), sample.cluster[place]
    low, high = float(size.min()), float(size.max())
    if not low < high:
        return None
    grid = np.geomspace(low, high, 41)
    kernel = np.exp(-0.5 * ((np.log(size)[:, None] - np.log(grid)) / WIDTH) ** 2)
    value = (found @ kernel) / kernel.sum(axis=0)
    drawn = np.empty((weights.clusters, LANES), np.uint8)
    parts = []
    for block in range(block_count(weights)):
        weights.fill(block, drawn)
        lanes = min(LANES, weights.replicates - block * LANES)
        times = drawn[cluster, :lanes].T.astype(np.float64)
        below = times @ kernel
        parts.append(np.divide((times * found) @ kernel, below, out=np.full_like(below, np.nan), where=below > 0))
    replicates = np.concatenate(parts)
    tail = (1 - LEVEL) / 2
    limits = np.nanquantile(replicates, [tail, 1 - tail], axis=0)
    return {
        "level": LEVEL,
        "sizes": [[float(a), bool(b)] for a, b in zip(size, found, strict=True)],
        "points": [[float(a), float(b)] for a, b in zip(grid, value, strict=True)],
        "band": [[float(a), float(b), float(c)] for a, b, c in zip(grid, *limits, strict=True)],
    }
