"""Lesion sensitivity at the operating point: lesions hit by a mark at or above the threshold, of all lesions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.metrics.classification.confusion import ratio
from validate.metrics.detection.rows import BOOK, TASKS, refuse_none
from validate.metrics.metric import PROPORTION_INTERVALS, Array, FastPath, Fraction, Metric, Rows, Values
from validate.stats.tallies.sum import Sum


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """Found over all there are, unmarked ones included. Raises Undefined without a lesion."""
    lesions = int(weights[rows["lesion"]].sum())
    refuse_none("Lesion sensitivity", lesion=lesions)
    return float(weights[rows["lesion"] & rows["flagged"]].sum() / lesions)


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    return Values(*ratio(sums[0][..., 0], sums[1][..., 0]))


METRIC = Metric(
    title="Lesion sensitivity",
    symbol="Lesion sensitivity",
    tasks=TASKS,
    needs=("lesion", "flagged"),
    condition=("threshold",),
    value=value,
    fast=FastPath(
        lambda rows: (Sum((rows["lesion"] & rows["flagged"]).astype(float)), Sum(rows["lesion"].astype(float))), finish
    ),
    fraction=lambda rows: Fraction(rows["lesion"] & rows["flagged"], np.asarray(rows["lesion"])),
    unit="proportion",
    intervals=PROPORTION_INTERVALS,
    events="lesions",
    explanation="Of all lesions in the reference, the share that a mark at or above the threshold hits.",
    source=BOOK,
)
