"""AUROC of clustered rows, such as several images of a patient, with a variance that respects the clusters.

Obuchowski 1997, Biometrics 53:567, doi:10.2307/2533958. With one row a cluster it is DeLong's variance. O(n log n).
Where no pair is out of order the variance is 0 and says nothing; `perfect_limits` then uses the largest variance an
AUROC can have, θ(1-θ)/min(m, n) (Birnbaum & Klose 1957, doi:10.1214/aoms/1177706794).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from validate.errors import Undefined
from validate.stats.delong import placements, sorted_placements
from validate.stats.limits import Array, Limits, logit_limits, student_quantile, wald_limits
from validate.stats.proportion import wilson


@dataclass(frozen=True, slots=True)
class ClusteredAuroc:
    """variance is 0 where no pair is out of order; positive_clusters and negative_clusters may overlap."""

    auroc: float
    variance: float
    positives: int
    negatives: int
    positive_clusters: int
    negative_clusters: int

    @property
    def smaller_class(self) -> int:
        """Clusters (patients) with a case of the rarer class: what the precision hangs on."""
        return min(self.positive_clusters, self.negative_clusters)


def clustered_auroc(score: ArrayLike, positive: ArrayLike, cluster: ArrayLike) -> ClusteredAuroc:
    """AUROC with Obuchowski's variance.

    score : (n,) float64, ±inf allowed      positive : (n,) bool      cluster : (n,) int ≥ 0
    Raises Undefined with one class only or fewer than two clusters with a class; ValueError as `placements`.
    """
    values, truth = np.asarray(score, dtype=np.float64), np.asarray(positive)
    placed = placements(values, truth)
    code = _codes(cluster, values.size)
    shares: Array = np.empty(values.size)
    shares[truth], shares[~truth] = placed.of_positives, placed.of_negatives
    return _from_shares(shares, truth, code)


@dataclass(frozen=True, slots=True)
class ClusteredDifference:
    """difference = first - second AUROC; variance is 0 where both rank every pair alike."""

    difference: float
    variance: float
    smaller_class: int


def clustered_difference(
    first: ArrayLike, second: ArrayLike, positive: ArrayLike, cluster: ArrayLike
) -> ClusteredDifference:
    """AUROCs of two scores on the same rows, with the covariance that the clusters and the rows they share bring.

    With one row a cluster it is DeLong's paired variance. Errors as `clustered_auroc`.
    """
    truth = np.asarray(positive)
    code = _codes(cluster, truth.size)
    parts = []
    for score in (first, second):
        placed = placements(score, truth)
        shares: Array = np.empty(truth.size)
        shares[truth], shares[~truth] = placed.of_positives, placed.of_negatives
        parts.append(_residuals(shares, truth, code))
    one, two = parts
    both = _Residuals(one.auroc - two.auroc, one.above - two.above, one.below - two.below, one.positives, one.negatives)
    least = min(int((one.positives > 0).sum()), int((one.negatives > 0).sum()))
    return ClusteredDifference(both.auroc, max(both.variance, 0.0), least)


def difference_limits(found: ClusteredDifference, *, level: float = 0.95) -> Limits:
    """Difference ± t · error, one degree of freedom less than clusters of the rarer class; within -1 and 1."""
    quantile = student_quantile(level, found.smaller_class - 1)
    return wald_limits(found.difference, np.sqrt(found.variance), quantile, low=-1.0)


def clustered_auroc_sorted(score: Array, positive: NDArray[np.bool_], cluster: NDArray[np.int64]) -> ClusteredAuroc:
    """The same for rows already in rising order of score, clusters 0 … k-1 with gaps allowed: no second sort."""
    m = int(positive.sum())
    if m in (0, positive.size):
        raise Undefined(f"AUROC needs both classes: got {m} positive and {positive.size - m} negative cases")
    return _from_shares(sorted_placements(score, positive), positive, cluster)


def obuchowski_limits(found: ClusteredAuroc, *, level: float = 0.95) -> Limits:
    """On the logit scale, Student's t with one degree of freedom less than clusters of the rarer class.

    Transform and quantile are part of the method, never chosen by looking: the plain ± z limits let up to four times
    too many models pass in studies of 20 to 200 patients (validate/estimation/adequacy.py). At AUROC 0 or 1 see
    `perfect_limits`.
    """
    if found.auroc in (0.0, 1.0) or found.variance <= 0.0:
        return perfect_limits(found.auroc, found.smaller_class, level=level)
    return logit_limits(found.auroc, np.sqrt(found.variance), student_quantile(level, found.smaller_class - 1))


def perfect_limits(auroc: ArrayLike, smaller_class: ArrayLike, *, level: float = 0.95) -> Limits:
    """Wilson limits with n = clusters of the rarer class: the score interval under the largest possible variance.

    Never of zero width: 1.0 with 20 patients in the rarer class gives (0.839, 1.000).
    """
    n = np.asarray(smaller_class, dtype=np.float64)
    return wilson(np.asarray(auroc, dtype=np.float64) * n, n, level=level)


def _codes(cluster: ArrayLike, rows: int) -> NDArray[np.int64]:
    """0 … k-1. Raises ValueError where a row has no cluster, or there are more (patients) than rows."""
    code = np.asarray(cluster)
    if code.shape != (rows,):
        raise ValueError(f"cluster has shape {code.shape}; expected ({rows},): one patient for each row")
    if code.dtype.kind == "f" and not np.isfinite(code).all():
        raise ValueError("cluster holds values that are no numbers; each row must say whose it is")
    return np.asarray(np.unique(code, return_inverse=True)[1], np.int64)


def _from_shares(shares: Array, positive: NDArray[np.bool_], cluster: NDArray[np.int64]) -> ClusteredAuroc:
    found = _residuals(shares, positive, cluster)
    m, n = found.positives, found.negatives
    settled = max(found.variance, 0.0) if 0.0 < found.auroc < 1.0 else 0.0
    with_positive, with_negative = int((m > 0).sum()), int((n > 0).sum())
    return ClusteredAuroc(found.auroc, settled, int(m.sum()), int(n.sum()), with_positive, with_negative)


@dataclass(frozen=True, slots=True)
class _Residuals:
    """Of each cluster: its placements less what the AUROC expects of it, and its rows of each class."""

    auroc: float
    above: Array
    below: Array
    positives: Array
    negatives: Array

    @property
    def variance(self) -> float:
        """Obuchowski's sum, which rounding may leave just below 0."""
        m, n = self.positives, self.negatives
        with_positive, with_negative = int((m > 0).sum()), int((n > 0).sum())
        total = int(((m > 0) | (n > 0)).sum())
        return float(
            with_positive / (with_positive - 1) * np.dot(self.above, self.above) / m.sum() ** 2
            + with_negative / (with_negative - 1) * np.dot(self.below, self.below) / n.sum() ** 2
            + 2.0 * total / (total - 1) * np.dot(self.above, self.below) / (m.sum() * n.sum())
        )


def _residuals(shares: Array, positive: NDArray[np.bool_], cluster: NDArray[np.int64]) -> _Residuals:
    count = int(cluster.max()) + 1
    m = np.bincount(cluster[positive], minlength=count).astype(np.float64)
    n = np.bincount(cluster[~positive], minlength=count).astype(np.float64)
    above = np.bincount(cluster[positive], shares[positive], count)
    below = np.bincount(cluster[~positive], shares[~positive], count)
    auroc = float(above.sum() / m.sum())
    with_positive, with_negative = int((m > 0).sum()), int((n > 0).sum())
    if min(with_positive, with_negative) < 2:
        raise Undefined(
            f"Obuchowski's variance needs two clusters with a case of each class: got {with_positive} with a positive "
            f"and {with_negative} with a negative"
        )
    return _Residuals(auroc, above - m * auroc, below - n * auroc, m, n)
