"""Do the levels of an attribute differ at all? Cochran's Q with the covariance of the clustered bootstrap.

Q = (Cθ)ᵀ (C Σ Cᵀ)⁻¹ (Cθ), θ the levels' values, Σ the covariance of their bootstrap replicates, C the differences of
each level from the last. Where no patient is in two levels Σ is diagonal, and this is Cochran's Q (Cochran 1954,
doi:10.2307/3001666). p is the share of replicates whose own Q, of their deviations from θ, is as large (the centred
bootstrap; Davison & Hinkley 1997, ISBN 978-0-521-57471-6, section 4.4), so it leans on no χ² at small counts.
I² = max(0, 1 - (levels - 1)/Q) (Higgins & Thompson 2002, doi:10.1002/sim.1186).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from validate.analyses.differences import MOST_UNDEFINED, GroupValues

METHOD = "Cochran's Q, covariance and p by resampling the declared clusters; doi:10.2307/3001666"


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """p and the rest are None with `reason`."""

    levels: int
    statistic: float | None = None
    p: float | None = None
    i_squared: float | None = None
    reason: str | None = None


def heterogeneity(groups: GroupValues) -> Heterogeneity:
    """The test over these levels; leave out those with too few cases to be read."""
    levels = len(groups.value)
    if levels < 2:
        return Heterogeneity(levels, reason="fewer than two levels have enough cases to be compared")
    whole = groups.replicate_defined.all(axis=1)
    if not groups.defined.all() or (~whole).mean() > MOST_UNDEFINED:
        return Heterogeneity(levels, reason="not defined in every level")
    contrast = np.column_stack([np.eye(levels - 1), -np.ones(levels - 1)])
    observed = contrast @ groups.value
    resampled = groups.replicate[whole] @ contrast.T - observed
    covariance = np.atleast_2d(np.cov(resampled, rowvar=False))
    if np.linalg.matrix_rank(covariance) < levels - 1:
        return Heterogeneity(levels, reason="too few: the levels do not vary under resampling")
    inverse = np.linalg.inv(covariance)
    statistic = float(observed @ inverse @ observed)
    own = np.einsum("bi,ij,bj->b", resampled, inverse, resampled)
    p = (1 + int((own >= statistic).sum())) / (1 + len(own))
    i_squared = max(0.0, 1 - (levels - 1) / statistic) if statistic > 0 else 0.0
    return Heterogeneity(levels, statistic, p, i_squared)
