"""The weighted sum of one column: Σ w·x."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.stats.tallies.binned import Binned


def Sum(values: NDArray[np.float64]) -> Binned:  # noqa: N802 (a kind of tally)
    """A sum is a binned sum with one level. Result: (replicate, group, 1)."""
    return Binned(np.asarray(values, np.float64), np.zeros(len(values), np.int32), 1)
