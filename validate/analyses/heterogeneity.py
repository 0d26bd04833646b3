"""Do the levels of an attribute differ at all? Cochran's Q over the levels, judged by Welch's test.

Q = (Cθ)ᵀ (C Σ Cᵀ)⁻¹ (Cθ), θ the levels' values, C the differences of each level from the last, Σ the covariance of the
clustered bootstrap with entries times √(n_i/(n_i-1) · n_j/(n_j-1)), n_i the patients behind level i. Where no patient is
in two levels this is Cochran's Q (Cochran 1954, doi:10.2307/3001666). Since Σ is itself estimated from few patients,
Q / (k-1) is corrected and held against F as in Welch 1951 (doi:10.1093/biomet/38.3-4.330): with levels of 20 patients χ²
would call 7 of 100 equal sets different, F calls 5. I² = max(0, 1 - (k-1)/Q) (Higgins & Thompson 2002,
doi:10.1002/sim.1186).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from validate.analyses.differences import MOST_UNDEFINED, GroupValues

FEWEST_LEVELS = 4
Z = 1.959963984540054
METHOD = "Cochran's Q with the covariance of the clustered bootstrap, by Welch's F; doi:10.1093/biomet/38.3-4.330"


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """p and the rest are None with `reason`.

    i_squared_low, i_squared_high : 95% limits by the test (Higgins & Thompson 2002), of three levels or more
    between_sd : standard deviation of the levels' true values (DerSimonian & Laird 1986,
        doi:10.1016/0197-2456(86)90046-2), of FEWEST_LEVELS levels or more: of fewer no such claim is made
    """

    levels: int
    statistic: float | None = None
    p: float | None = None
    i_squared: float | None = None
    i_squared_low: float | None = None
    i_squared_high: float | None = None
    between_sd: float | None = None
    reason: str | None = None


def heterogeneity(groups: GroupValues, patients: Sequence[int]) -> Heterogeneity:
    """The test over these levels; leave out those with too few cases to be read.

    patients : independent patients behind each level's value
    """
    levels, n = len(groups.value), np.asarray(patients, dtype=np.float64)
    if levels < 2:
        return Heterogeneity(levels, reason="fewer than two levels have enough cases to be compared")
    whole = groups.replicate_defined.all(axis=1)
    if not groups.defined.all() or (~whole).mean() > MOST_UNDEFINED:
        return Heterogeneity(levels, reason="not defined in every level")
    if n.min() < 2:
        return Heterogeneity(levels, reason="too few: a level rests on a single patient")
    inflated = np.sqrt(n / (n - 1))
    covariance = np.cov(groups.replicate[whole], rowvar=False) * np.outer(inflated, inflated)
    if np.linalg.matrix_rank(covariance) < levels:
        return Heterogeneity(levels, reason="too few: the levels do not vary under resampling")
    contrast = np.column_stack([np.eye(levels - 1), -np.ones(levels - 1)])
    observed = contrast @ groups.value
    statistic = float(observed @ np.linalg.solve(contrast @ covariance @ contrast.T, observed))
    i_squared = max(0.0, 1 - (levels - 1) / statistic) if statistic > 0 else 0.0
    low, high = _i_squared_limits(statistic, levels)
    return Heterogeneity(
        levels=levels,
        statistic=statistic,
        p=_welch(statistic, np.diag(covariance), n),
        i_squared=i_squared,
        i_squared_low=low,
        i_squared_high=high,
        between_sd=_between(statistic, np.diag(covariance)) if levels >= FEWEST_LEVELS else None,
    )


def _i_squared_limits(statistic: float, levels: int) -> tuple[float | None, float | None]:
    """From ln H ± z · its standard error, H² = Q/(k-1)."""
    if levels < 3 or statistic <= 0:
        return None, None
    log_h = 0.5 * np.log(statistic / (levels - 1))
    if statistic > levels:
        error = 0.5 * (np.log(statistic) - np.log(levels - 1)) / (np.sqrt(2 * statistic) - np.sqrt(2 * levels - 3))
    else:
        error = np.sqrt(1 / (2 * (levels - 2)) * (1 - 1 / (3 * (levels - 2) ** 2)))
    ends = [max(0.0, 1 - float(np.exp(-2 * (log_h + side * Z * error)))) for side in (-1, 1)]
    return ends[0], ends[1]


def _between(statistic: float, variance: NDArray[np.float64]) -> float:
    """By the method of moments, never below 0."""
    weight = 1 / variance
    excess = statistic - (variance.size - 1)
    return float(np.sqrt(max(0.0, excess / (weight.sum() - (weight**2).sum() / weight.sum()))))


def _welch(statistic: float, variance: NDArray[np.float64], n: NDArray[np.float64]) -> float:
    """P of Welch's F, weights 1/variance."""
    levels, weight = len(n), 1 / variance
    lack = float((((1 - weight / weight.sum()) ** 2) / (n - 1)).sum())
    corrected = statistic / (levels - 1) / (1 + 2 * (levels - 2) / (levels**2 - 1) * lack)
    return float(scipy.special.fdtrc(levels - 1, (levels**2 - 1) / (3 * lack), corrected))
