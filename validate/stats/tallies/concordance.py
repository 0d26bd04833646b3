"""Pairs of a positive and a negative in the right order, ties counting half: the numerator of the AUROC."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Concordance:
    """scores : (n,) float64, infinite allowed, NaN not    positive : (n,) bool
    among : (n,) bool, the rows that are paired at all; None for every row

    Result: (replicate, group, 3): weighted concordant pairs, weight of positives, weight of negatives.
    """

    scores: NDArray[np.float64]
    positive: NDArray[np.bool_]
    among: NDArray[np.bool_] | None = None
    width: int = 3
