"""Lesion sensitivity: of all lesions of all cases, the share that is found."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.confusion import ratio
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.metrics.segmentation.column import TASKS, column
from validate.stats.tallies.sum import Sum

COUNTS = ("lesions_found", "lesions_reference")


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """Lesions found over lesions there are; a case with many counts for many. Raises Undefined without a lesion."""
    found, there = (int((weights * column(rows, name)).sum()) for name in COUNTS)
    if not there:
        raise Undefined("Lesion sensitivity needs a lesion in the reference: there is none")
    return found / there


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    return Values(*ratio(sums[0][..., 0], sums[1][..., 0]))


METRIC = Metric(
    title="Lesion sensitivity",
    symbol="Lesion sensitivity",
    tasks=TASKS,
    needs=COUNTS,
    value=value,
    fast=FastPath(lambda rows: tuple(Sum(column(rows, name)) for name in COUNTS), finish),
    unit="proportion",
    intervals=("bootstrap",),
    resampled_by="bca",
    explanation="Of all lesions in the reference, the share that a predicted lesion matches by the protocol's rule.",
    source="Maier-Hein et al. 2024, Metrics reloaded, doi:10.1038/s41592-023-02151-z",
)
