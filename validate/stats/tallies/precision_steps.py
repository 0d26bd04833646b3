"""Precision at each distinct score, summed over positives: the numerator of average precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class PrecisionSteps:
    """scores : (n,) float64, infinite allowed, NaN not    positive : (n,) bool

    Result: (replicate, group, 2): Σ over positives of w · precision at their score, weight of positives.
    Tied scores are one step, as in scikit-learn's average_precision_score.
    """

    scores: NDArray[np.float64]
    positive: NDArray[np.bool_]
    width: int = 2
