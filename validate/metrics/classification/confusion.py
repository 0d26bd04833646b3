"""The four counts behind every threshold metric, as one tally shared by all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.metrics.metric import Rows
from validate.stats.tallies.tally import Binned

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Confusion:
    """Weighted counts; each a float or an array of the same shape."""

    true_positive: Any
    false_positive: Any
    false_negative: Any
    true_negative: Any


def confusion_tally(rows: Rows) -> Binned:
    """Counts by 2 · positive + flagged."""
    return Binned(np.ones(len(rows)), (2 * rows["positive"].astype(np.int32) + rows["flagged"]).astype(np.int32), 4)


def confusion_of(sums: Array) -> Confusion:
    """The tally's result, (…, 4), by name."""
    return Confusion(sums[..., 3], sums[..., 1], sums[..., 2], sums[..., 0])


def weighted_confusion(rows: Rows, weights: NDArray[np.int64]) -> Confusion:
    """The definition: four sums."""
    positive, flagged = rows["positive"], rows["flagged"]
    return Confusion(
        int(weights[positive & flagged].sum()),
        int(weights[~positive & flagged].sum()),
        int(weights[positive & ~flagged].sum()),
        int(weights[~positive & ~flagged].sum()),
    )


def ratio(numerator: Array, denominator: Array) -> tuple[Array, Array]:
    """(value, defined): numerator / denominator where the denominator is above zero."""
    defined = denominator > 0
    return np.divide(numerator, denominator, out=np.zeros_like(numerator, dtype=np.float64), where=defined), defined


def cases(count: int, what: str) -> str:
    """1 positive case, 12 negative cases."""
    return f"{count} {what} case{'' if count == 1 else 's'}"
