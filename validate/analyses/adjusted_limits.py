"""Limits of a difference at the same case mix, standardised or weighted, so that a small cell or a side without a miss counts as such.

Percentile limits of replicates are too narrow there: each cell of a few patients varies by (n - 1)/n of what it ought to, and one without a
miss not at all. So of proportions the limits are put together from Wilson's (`mover_sum`), of cells on what their rows are worth, of a
weighted side on what its replicates and weights leave of it; of all else percentile limits are as much wider as Student's t is on
so few patients (`expanded`). docs/robustness.md shows what each does (tests/benchmarks/adjusted_study.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from validate.estimation.bootstrap import expanded
from validate.estimation.fit import proportion_fit
from validate.metrics.metric import Fraction
from validate.stats.mover import mover_sum
from validate.stats.proportion import wilson

Array = NDArray[np.float64]
Limits = tuple[float, float] | None  # None where they would have no width, or lie beyond all replicates
NO_LIMITS = "too few: every resample gives the same, or limits would lie beyond all of them"
FEWEST_REPLICATES = 2


def standardised_proportions(
    fraction: Fraction, cluster: NDArray[np.int64], sides: Sequence[Sequence[NDArray[np.bool_]]], share: Array, drawn: Array, *,
    level: float,
) -> Limits:  # fmt: skip
    """Σ share · (first side - second side) over cells.

    sides : of both, the rows of each cell      share : (cell,) of each, 1 together      drawn : (replicate, 2, cell) proportions
    """
    parts = [rows for cells in sides for rows in cells]
    coefficients = np.concatenate([share, -share])
    values, low, high = np.empty(len(parts)), np.empty(len(parts)), np.empty(len(parts))
    for place, rows in enumerate(parts):
        counted = rows & fraction.denominator
        values[place] = fraction.numerator[counted].mean()
        limits_of = proportion_fit(fraction, cluster, rows, method="wilson_effective_n", level=level).limits
        assert limits_of is not None
        found = limits_of(level)
        low[place], high[place] = float(found.low), float(found.high)
    correlation = _correlation([rows & fraction.denominator for rows in parts], cluster, drawn.reshape(len(drawn), -1))
    together = mover_sum(coefficients, values, low, high, correlation=correlation)
    return _wide(float(together.low), float(together.high))


def weighted_proportions(values: Array, drawn: Array, worth: Array, rows: Array, *, level: float) -> Limits:
    """First side - second side.

    values : (2,) weighted proportions      drawn : (replicate, 2)      worth : (2,) patients that the weights of each leave, (Σw)²/Σw²
    rows : (2,) that are counted
    """
    low, high = np.empty(2), np.empty(2)
    for side in (0, 1):
        spread = float(drawn[:, side].var(ddof=1)) * worth[side] / max(worth[side] - 1, 1)
        simple = float(values[side] * (1 - values[side]))
        n = min(simple / spread, rows[side]) if spread > 0 and simple > 0 else worth[side]
        n = max(float(n), 1.0)
        found = wilson(min(values[side] * n, n), n, level=level)
        low[side], high[side] = float(found.low), float(found.high)
    together = mover_sum(np.array([1.0, -1.0]), values, low, high, correlation=_correlated(drawn))
    return _wide(float(together.low), float(together.high))


def widened(differences: Array, parts: Sequence[tuple[Array, float]], *, level: float) -> Limits:
    """Of means and areas: percentile limits of the replicates, wider.

    parts : what adds up to the difference, cell by cell and side by side: replicates of each, and the patients that it hangs on
    """
    spread = [(float(part.var(ddof=1)), max(round(patients), 2)) for part, patients in parts if np.ptp(part) > 0]
    found = expanded(differences, spread, level=level)
    return None if found is None else _wide(found.low, found.high)


def worth_of(weight: Array, cluster: NDArray[np.int64]) -> float:
    """(Σw)²/Σw² over patients, each with the weight of all its rows."""
    of_each = np.bincount(cluster, weight)
    return float(of_each.sum() ** 2 / (of_each**2).sum())


def _correlation(parts: Sequence[NDArray[np.bool_]], cluster: NDArray[np.int64], drawn: Array) -> Array | None:
    """(k, k) by the replicates, where two parts share patients; None where none do."""
    held = np.zeros((len(parts), int(cluster.max()) + 1))
    for place, rows in enumerate(parts):
        held[place, cluster[rows]] = 1.0
    shared = held @ held.T > 0
    np.fill_diagonal(shared, val=False)
    if not shared.any():
        return None
    return np.where(shared, _correlated(drawn), 0.0)


def _correlated(drawn: Array) -> Array:
    """(k, k) of the replicates, 0 where one does not vary or is not known."""
    known = drawn[np.isfinite(drawn).all(axis=1)]
    if len(known) < FEWEST_REPLICATES:
        return np.zeros((drawn.shape[1], drawn.shape[1]))
    apart = known - known.mean(axis=0)
    size = np.sqrt((apart**2).sum(axis=0))
    both = np.outer(size, size)
    return np.asarray(np.divide(apart.T @ apart, both, out=np.zeros_like(both), where=both > 0))


def _wide(low: float, high: float) -> Limits:
    return (low, high) if low < high else None
