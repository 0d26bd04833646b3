"""Intervals of one proportion: of independent rows, and of rows in clusters by the ratio estimator.

Counts may be arrays and need not be whole: an effective n seldom is. All limits lie within [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike

from validate.stats.limits import Array, Limits, normal_quantile, student_quantile, tail

FEW_DISCORDANT = 5  # clusters; below this the design effect rests on too few misses to be believed


def wilson(successes: ArrayLike, total: ArrayLike, *, level: float = 0.95) -> Limits:
    """Score interval (Wilson 1927, doi:10.1080/01621459.1927.10502953). Raises ValueError unless 0 ≤ successes ≤ total."""
    x, n = _counts(successes, total)
    z = normal_quantile(level)
    share = x / n
    centre = (x + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * np.sqrt(n * share * (1 - share) + z * z / 4)
    return Limits(
        np.where(x == 0, 0.0, np.maximum(centre - half, 0)), np.where(x == n, 1.0, np.minimum(centre + half, 1))
    )


def clopper_pearson(successes: ArrayLike, total: ArrayLike, *, level: float = 0.95) -> Limits:
    """Exact interval: each tail at most (1 - level)/2 whatever the truth (doi:10.1093/biomet/26.4.404)."""
    x, n = _counts(successes, total)
    out = tail(level)
    low = scipy.special.betaincinv(np.maximum(x, 1e-12), n - x + 1, out)
    high = scipy.special.betaincinv(x + 1, np.maximum(n - x, 1e-12), 1 - out)
    return Limits(np.where(x == 0, 0.0, low), np.where(x == n, 1.0, high))


def jeffreys(successes: ArrayLike, total: ArrayLike, *, level: float = 0.95) -> Limits:
    """Equal-tailed posterior under Beta(1/2, 1/2); 0 and 1 at the ends (Brown et al. 2001, doi:10.1214/ss/1009213286)."""
    x, n = _counts(successes, total)
    out = tail(level)
    low, high = (
        scipy.special.betaincinv(x + 0.5, n - x + 0.5, out),
        scipy.special.betaincinv(x + 0.5, n - x + 0.5, 1 - out),
    )
    return Limits(np.where(x == 0, 0.0, low), np.where(x == n, 1.0, high))


@dataclass(frozen=True, slots=True)
class ClusteredProportion:
    """Arrays over groups, or scalars in them.

    design_effect : variance over that of as many independent rows, never below 1
    effective_n : independent rows that would tell as much; never above rows, and the clusters where nearly all agree
    discordant : clusters with a miss or clusters with a hit, whichever are fewer
    """

    value: Array
    variance: Array
    rows: Array
    clusters: Array
    discordant: Array
    design_effect: Array
    effective_n: Array


def clustered_proportion(hits: ArrayLike, rows: ArrayLike, *, level: float = 0.95) -> ClusteredProportion:
    """Ratio estimator Σ hits / Σ rows over clusters.

    hits, rows : (…, cluster) counts; clusters without rows are ignored      level : for the Student correction below
    Variance k/(k-1) Σ (x - p n)² / N² (Cochran 1977, Sampling Techniques, 6.3; Rao & Scott 1992, doi:10.2307/2532311).
    The design effect is held against p(1-p)/(N-1), so one row a cluster gives exactly 1. The effective n is
    (N / design effect) · (t(N-1) / t(k-1))², for a design effect estimated from k clusters (Korn & Graubard 1998,
    Survey Methodology 24:193). Where fewer than five clusters disagree with the rest, at 0 and 1 above all, the design
    effect can't be told, and the effective n is at most the number of clusters (patients).
    """
    x, n = np.asarray(hits, dtype=np.float64), np.asarray(rows, dtype=np.float64)
    if x.shape != n.shape or not (np.isfinite(n) & (x >= 0) & (x <= n)).all():
        raise ValueError("hits and rows must have one shape and be finite, with hits between 0 and rows")
    total, clusters = n.sum(-1), (n > 0).sum(-1).astype(np.float64)
    if (total == 0).any():
        raise ValueError("a proportion of no rows has no value; leave such groups out")
    value = x.sum(-1) / total
    residual = x - value[..., None] * n
    variance = clusters / np.maximum(clusters - 1, 1) * np.einsum("...k,...k->...", residual, residual) / total**2
    simple = value * (1 - value) / np.maximum(total - 1, 1)
    ratio = np.divide(variance, simple, out=np.ones_like(total), where=simple > 0)
    design = np.maximum(np.where(total == clusters, 1.0, ratio), 1.0)
    quantiles = student_quantile(level, total - 1) / student_quantile(level, clusters - 1)
    effective = np.minimum(total / design * np.minimum(quantiles**2, 1.0), total)
    discordant = np.minimum((x < n).sum(-1), (x > 0).sum(-1)).astype(np.float64)
    capped = np.where(discordant < FEW_DISCORDANT, np.minimum(effective, clusters), effective)
    settled = np.where(discordant == 0, clusters, capped)
    return ClusteredProportion(value, variance, total, clusters, discordant, total / settled, settled)


def _counts(successes: ArrayLike, total: ArrayLike) -> tuple[Array, Array]:
    x, n = np.broadcast_arrays(np.asarray(successes, dtype=np.float64), np.asarray(total, dtype=np.float64))
    if not (np.isfinite(n).all() and (n > 0).all()):
        raise ValueError(f"a proportion needs at least one case; got a total of {float(n.min()):g}")
    if not ((x >= 0) & (x <= n)).all():
        raise ValueError(
            "successes must lie between 0 and the total; a share above 1 means that two columns were mixed up"
        )
    return x, n
