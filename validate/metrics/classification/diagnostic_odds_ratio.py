"""Diagnostic odds ratio: LR+ over LR−, TP TN / (FP FN)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.confusion import (
    Confusion,
    confusion_of,
    confusion_tally,
    ratio,
    weighted_confusion,
)
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """TP TN / (FP FN). Raises Undefined where there is no false alarm or no miss: no half is added in silence."""
    numerator, denominator = _parts(weighted_confusion(rows, weights))
    if denominator == 0:
        raise Undefined("The diagnostic odds ratio needs a false alarm and a miss to divide by: one of them has none")
    return float(numerator / denominator)


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel"s sums."""
    del rows
    return Values(*ratio(*_parts(confusion_of(sums[0]))))


def _parts(counts: Confusion) -> tuple[Array, Array]:
    hits = counts.true_positive * counts.true_negative
    return hits, counts.false_positive * counts.false_negative


METRIC = Metric(
    title="Diagnostic odds ratio",
    symbol="DOR",
    tasks=frozenset({"classification"}),
    needs=("positive", "flagged"),
    condition=("threshold",),
    value=value,
    fast=FastPath(lambda rows: (confusion_tally(rows),), finish),
    intervals=("bootstrap",),
    bounds=(0.0, float("inf")),
    explanation="The odds of a flag among patients with the finding over those among patients without it; 1 "
    "tells nothing, larger is better.",
    source="Glas et al. 2003, doi:10.1016/S0895-4356(03)00177-X",
)
