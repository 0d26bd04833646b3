"""Stated probability against observed share, bin by bin, with limits that respect the clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from validate.stats.proportion import clustered_proportion, wilson

LEVEL = 0.95
METHOD = "Wilson, effective n of the clusters"
Binning = Literal["mass", "width"]


@dataclass(frozen=True, slots=True)
class Bin:
    """start, end : least and greatest stated probability (its borders for equal widths); the rest None where empty."""

    start: float
    end: float
    cases: int
    positives: int
    stated: float | None
    observed: float | None
    low: float | None
    high: float | None


def reliability_bins(
    score: NDArray[np.float64],
    positive: NDArray[np.bool_],
    *,
    cluster: NDArray[np.int64],
    bins: int,
    binning: Binning,
) -> tuple[Bin, ...]:
    """By rising probability. "mass": equal counts, equal scores kept together, so that fewer bins may come out."""
    code, borders = _mass(score, bins) if binning == "mass" else _width(score, bins)
    return tuple(
        _bin(score[code == k], positive[code == k], cluster[code == k], borders[k]) for k in range(len(borders))
    )


def _mass(score: NDArray[np.float64], bins: int) -> tuple[NDArray[np.int64], list[tuple[float, float]]]:
    rank = np.searchsorted(np.sort(score), score, side="left")
    code = np.unique(rank * bins // len(score), return_inverse=True)[1].astype(np.int64)
    edges = [(float(score[code == k].min()), float(score[code == k].max())) for k in range(int(code.max()) + 1)]
    return code, edges


def _width(score: NDArray[np.float64], bins: int) -> tuple[NDArray[np.int64], list[tuple[float, float]]]:
    code = np.minimum((score * bins).astype(np.int64), bins - 1)
    return code, [(k / bins, (k + 1) / bins) for k in range(bins)]


def _bin(
    score: NDArray[np.float64], positive: NDArray[np.bool_], cluster: NDArray[np.int64], border: tuple[float, float]
) -> Bin:
    cases, positives = len(score), int(positive.sum())
    if cases == 0:
        return Bin(*border, 0, 0, None, None, None, None)
    low, high = _limits(positive, cluster)
    return Bin(*border, cases, positives, float(score.mean()), positives / cases, low, high)


def _limits(positive: NDArray[np.bool_], cluster: NDArray[np.int64]) -> tuple[float | None, float | None]:
    """Two-sided 95%; None from one cluster alone, which tells nothing of others."""
    code = np.unique(cluster, return_inverse=True)[1]
    if int(code.max()) < 1:
        return None, None
    found = clustered_proportion(np.bincount(code, positive), np.bincount(code), level=LEVEL)
    limits = wilson(found.value * found.effective_n, found.effective_n, level=LEVEL)
    return float(limits.low), float(limits.high)
