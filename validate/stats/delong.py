"""AUROC of independent rows and its variance by DeLong, in O(n log n) through midranks.

DeLong, DeLong & Clarke-Pearson 1988, doi:10.2307/2531595; the midrank form is Sun & Xu 2014, doi:10.1109/LSP.2014.2337313.
Ranks alone count, so infinite scores are welcome: a failed case may be -inf or +inf.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from validate.errors import Undefined
from validate.stats.compiled import compiled
from validate.stats.limits import Array, Limits, logit_limits, normal_quantile, wald_limits
from validate.stats.radix import class_keys


@dataclass(frozen=True, slots=True)
class Placements:
    """of_positives : (m,) share of negatives below each positive case, ties half, in row order
    of_negatives : (n,) share of positives above each negative case, ties half, in row order
    """

    auroc: float
    of_positives: Array
    of_negatives: Array

    @property
    def variance(self) -> float:
        """DeLong's. Raises Undefined with fewer than two cases of a class."""
        m, n = self.of_positives.size, self.of_negatives.size
        if min(m, n) < 2:
            raise Undefined(f"DeLong's variance needs two cases of each class: got {m} positive and {n} negative")
        return float(self.of_positives.var(ddof=1) / m + self.of_negatives.var(ddof=1) / n)


@dataclass(frozen=True, slots=True)
class Aurocs:
    """AUROCs of several scores on the same rows: values (k,), covariance (k, k)."""

    values: Array
    covariance: Array


@dataclass(frozen=True, slots=True)
class DifferenceTest:
    """difference = first - second; two-sided p; degrees of freedom, infinite where the statistic is normal."""

    difference: float
    error: float
    limits: Limits
    statistic: float
    degrees: float
    p: float


@dataclass(frozen=True, slots=True)
class Delong:
    """auroc, its variance, and the cases of each class."""

    auroc: float
    variance: float
    positives: int
    negatives: int


def delong(score: ArrayLike, positive: ArrayLike) -> Delong:
    """AUROC and DeLong's variance without each case's placement: two sorts and one merge.

    score : (n,) float64, higher means positive; ±inf allowed      positive : (n,) bool
    Raises Undefined with fewer than two cases of a class, ValueError as `placements`.
    """
    values, truth = _checked(score, positive)
    above, below = class_keys(values, truth)
    if min(above.size, below.size) < 2:
        raise Undefined(
            f"DeLong's variance needs two cases of each class: got {above.size} positive and {below.size} negative"
        )
    auroc, variance = _merge(above, below)
    return Delong(auroc, max(variance, 0.0), above.size, below.size)


@compiled
def _merge(above: NDArray[np.uint64], below: NDArray[np.uint64]) -> tuple[float, float]:
    """Both in rising order. Sums of squares are taken about 1, where placements lie, so that little is lost."""
    m, n = above.size, below.size
    low, high, total, squares = 0, 0, 0.0, 0.0
    for place in range(m):
        while low < n and below[low] < above[place]:
            low += 1
        high = max(high, low)
        while high < n and below[high] <= above[place]:
            high += 1
        missing = 1.0 - (low + high) / (2.0 * n)
        total += missing
        squares += missing * missing
    spread = (squares - total * total / m) / (m - 1) / m
    auroc = 1.0 - total / m
    low, high, total, squares = 0, 0, 0.0, 0.0
    for place in range(n):
        while low < m and above[low] < below[place]:
            low += 1
        high = max(high, low)
        while high < m and above[high] <= below[place]:
            high += 1
        missing = (low + high) / (2.0 * m)
        total += missing
        squares += missing * missing
    return auroc, spread + (squares - total * total / n) / (n - 1) / n


def placements(score: ArrayLike, positive: ArrayLike) -> Placements:
    """How each case lies among the cases of the other class.

    score : (n,) float64, higher means positive; ±inf allowed      positive : (n,) bool
    Raises Undefined with one class only, ValueError for NaN or unequal lengths.
    """
    values, truth = _checked(score, positive)
    m = int(truth.sum())
    n = truth.size - m
    if m == 0 or n == 0:
        raise Undefined(f"AUROC needs both classes: got {m} positive and {n} negative cases")
    order = np.argsort(values, kind="stable")
    by_rank = sorted_placements(values[order], truth[order])
    placed: Array = np.empty(values.size)
    placed[order] = by_rank
    above = placed[truth]
    return Placements(float(above.mean()), above, placed[~truth])


def sorted_placements(score: Array, positive: NDArray[np.bool_]) -> Array:
    """(n,) placements of rows that are already in rising order of score; both classes must be there."""
    starts = np.flatnonzero(np.concatenate(([True], score[1:] != score[:-1])))
    run = np.repeat(np.arange(starts.size), np.diff(np.append(starts, score.size)))
    positives = np.add.reduceat(positive.astype(np.float64), starts)
    negatives = np.diff(np.append(starts, score.size)) - positives
    below = np.cumsum(negatives) - 0.5 * negatives
    above = positives.sum() - np.cumsum(positives) + 0.5 * positives
    placed: Array = np.where(positive, below[run] / negatives.sum(), above[run] / positives.sum())
    return placed


def delong_covariance(scores: ArrayLike, positive: ArrayLike) -> Aurocs:
    """AUROCs of scores (k, n) on the same rows, with their covariance. Errors as `placements`, and fewer than two."""
    parts = [placements(score, positive) for score in np.atleast_2d(np.asarray(scores, dtype=np.float64))]
    above = np.stack([part.of_positives for part in parts])
    below = np.stack([part.of_negatives for part in parts])
    m, n = above.shape[1], below.shape[1]
    if min(m, n) < 2:
        raise Undefined(f"DeLong's variance needs two cases of each class: got {m} positive and {n} negative")
    covariance = np.atleast_2d(np.cov(above)) / m + np.atleast_2d(np.cov(below)) / n
    return Aurocs(above.mean(axis=1), covariance)


def delong_limits(auroc: ArrayLike, variance: ArrayLike, *, level: float = 0.95) -> Limits:
    """AUROC ± z · error, cut off at 0 and 1, as pROC does. Raises ValueError for a negative variance."""
    return wald_limits(auroc, _error(variance), normal_quantile(level))


def delong_logit_limits(auroc: ArrayLike, variance: ArrayLike, *, level: float = 0.95) -> Limits:
    """The same on the logit scale: better in small studies and near 1."""
    return logit_limits(auroc, _error(variance), normal_quantile(level))


def _error(variance: ArrayLike) -> Array:
    known = np.asarray(variance, dtype=np.float64)
    if not (known >= 0).all():
        raise ValueError("a variance must be a number of 0 or more")
    return np.sqrt(known)


def paired_test(first: ArrayLike, second: ArrayLike, positive: ArrayLike, *, level: float = 0.95) -> DifferenceTest:
    """Two scores on the same independent rows. Raises Undefined where the difference has no variance."""
    both = delong_covariance(np.stack([np.asarray(first), np.asarray(second)]), positive)
    variance = both.covariance[0, 0] + both.covariance[1, 1] - 2.0 * both.covariance[0, 1]
    return _tested(float(both.values[0] - both.values[1]), float(variance), np.inf, level)


def unpaired_test(first: Placements, second: Placements, *, level: float = 0.95) -> DifferenceTest:
    """Scores on different rows; Welch–Satterthwaite degrees of freedom over cases, as pROC."""
    a, b = first.variance, second.variance
    size_a = first.of_positives.size + first.of_negatives.size
    size_b = second.of_positives.size + second.of_negatives.size
    degrees = (a + b) ** 2 / (a**2 / (size_a - 1) + b**2 / (size_b - 1)) if a + b > 0 else np.inf
    return _tested(first.auroc - second.auroc, a + b, float(degrees), level)


def _tested(difference: float, variance: float, degrees: float, level: float) -> DifferenceTest:
    if not variance > 0:
        raise Undefined("the difference of the two AUROCs does not vary: the scores rank all cases alike")
    error = float(np.sqrt(variance))
    statistic = difference / error
    p = 2.0 * float(
        scipy.special.ndtr(-abs(statistic)) if np.isinf(degrees) else scipy.special.stdtr(degrees, -abs(statistic))
    )
    limits = wald_limits(difference, error, normal_quantile(level), low=-1.0)
    return DifferenceTest(difference, error, limits, statistic, degrees, p)


def _checked(score: ArrayLike, positive: ArrayLike) -> tuple[Array, NDArray[np.bool_]]:
    values, truth = np.asarray(score, dtype=np.float64), np.asarray(positive)
    if truth.dtype != np.bool_:
        raise ValueError(f"positive is {truth.dtype}; expected bool")
    if values.ndim != 1 or values.shape != truth.shape:
        raise ValueError(f"score has shape {values.shape} and positive {truth.shape}; expected (n,) both")
    if np.isnan(values).any():
        raise ValueError(f"{int(np.isnan(values).sum())} of {values.size} scores are NaN; a score is a number or ±inf")
    return values, truth
