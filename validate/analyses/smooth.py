"""The smooth calibration curve with its band, and ICI, E50, E90 and Emax, all from the same resamples of clusters."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.estimation.bootstrap import bias_corrected
from validate.estimation.sample import Sample
from validate.stats.compiled import LANES
from validate.stats.loess import loess
from validate.stats.resample import ClusterWeights, LeaveOneOut, Weights, block_count

MOST_REPLICATES = 500  # a curve costs a thousand times a sum
METHOD = "loess, span 0.75, local quadratic; band: percentile bootstrap of the clusters, at each probability by itself"
PLACES = 101
LEVEL = 0.95
Array = NDArray[np.float64]
NAMES = {
    "ici": "Integrated calibration index (ICI)",
    "e50": "Median calibration error (E50)",
    "e90": "90th percentile of the error (E90)",
    "emax": "Greatest calibration error (Emax)",
}


@dataclass(frozen=True, slots=True)
class Smooth:
    """places, curve, low, high : (k,) over the range of stated probabilities      measures : one entry for each of NAMES
    replicates, undefined : resamples drawn, and those with one class only
    """

    places: Array
    curve: Array
    low: Array
    high: Array
    measures: dict[str, dict[str, Any]]
    replicates: int
    undefined: int


def smooth_curve(sample: Sample, weights: ClusterWeights) -> Smooth | None:
    """None with one class only, or fewer than three distinct probabilities."""
    stated, truth = sample.rows["score"], sample.rows["positive"].astype(np.float64)
    if truth.min() == truth.max() or np.unique(stated).size < 3:
        return None
    places = np.linspace(stated.min(), stated.max(), PLACES)
    code = np.unique(sample.cluster, return_inverse=True)[1]
    once = _one(stated, truth, np.ones(stated.size), places)
    assert once is not None
    drawn = replace(weights, replicates=min(weights.replicates, MOST_REPLICATES))
    resampled = _many(stated, truth, sample.cluster, drawn, places)
    known = [found for found in resampled if found is not None]
    clusters = int(code.max()) + 1
    left_out = [found for found in _many(stated, truth, code, LeaveOneOut(clusters, 200), places) if found is not None]
    enough = len(known) >= 0.99 * len(resampled) and clusters >= 10
    measures = {name: _measure(index, once[1], known, left_out, enough=enough) for index, name in enumerate(NAMES)}
    if enough:
        curves = np.stack([found[0] for found in known])
        low, high = (np.clip(np.quantile(curves, share, axis=0), 0, 1) for share in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    else:
        low = high = np.empty(0)
    return Smooth(places, np.clip(once[0], 0, 1), low, high, measures, len(resampled), len(resampled) - len(known))


def _one(stated: Array, truth: Array, weight: Array, places: Array) -> tuple[Array, Array] | None:
    """(the curve at the places, [ICI, E50, E90, Emax]); None with one class only."""
    positives = float(weight @ truth)
    if positives in (0.0, float(weight.sum())):
        return None
    fitted = loess(stated, truth, weight)
    apart = np.repeat(np.abs(fitted - stated), weight.astype(np.int64))
    order = np.argsort(stated, kind="stable")
    curve = np.interp(places, stated[order], fitted[order])
    return curve, np.array([apart.mean(), np.median(apart), np.quantile(apart, 0.9), apart.max()])


def _many(
    stated: Array, truth: Array, cluster: NDArray[np.int64], weights: Weights, places: Array
) -> list[tuple[Array, Array] | None]:
    def block(index: int) -> list[tuple[Array, Array] | None]:
        drawn = np.empty((weights.clusters, LANES), np.uint8)
        weights.fill(index, drawn)
        lanes = min(LANES, weights.replicates - index * LANES)
        return [_one(stated, truth, drawn[cluster, lane].astype(np.float64), places) for lane in range(lanes)]

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return [found for part in pool.map(block, range(block_count(weights))) for found in part]


def _measure(
    index: int, once: Array, known: list[tuple[Array, Array]], left_out: list[tuple[Array, Array]], *, enough: bool
) -> dict[str, Any]:
    """BCa: what chance alone pushes away from 0 must not look like miscalibration."""
    value = float(once[index])
    if not enough:
        return {"value": value, "reason": "too few clusters for limits"}
    values = np.array([found[1][index] for found in known])
    if np.ptp(values) == 0:
        return {"value": value, "reason": "too few: every resample gives the same"}
    found = bias_corrected(values, value, np.array([one[1][index] for one in left_out]), level=LEVEL)
    return {"value": value, "low": max(found.low, 0.0), "high": found.high}
