"""Positive likelihood ratio: how much a flag raises the odds of the finding."""

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
    """Sensitivity / (1 - specificity). Raises Undefined without positives, without negatives or without a false alarm."""
    numerator, denominator = _parts(weighted_confusion(rows, weights))
    if denominator == 0:
        raise Undefined(
            "The positive likelihood ratio needs both classes and a false alarm to divide by: one of them has none"
        )
    return float(numerator / denominator)


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel"s sums."""
    del rows
    return Values(*ratio(*_parts(confusion_of(sums[0]))))


def _parts(counts: Confusion) -> tuple[Array, Array]:
    positives, negatives = counts.true_positive + counts.false_negative, counts.true_negative + counts.false_positive
    return counts.true_positive * negatives, positives * counts.false_positive


METRIC = Metric(
    title="Positive likelihood ratio",
    symbol="LR+",
    tasks=frozenset({"classification"}),
    needs=("positive", "flagged"),
    condition=("threshold",),
    value=value,
    fast=FastPath(lambda rows: (confusion_tally(rows),), finish),
    intervals=("bootstrap",),
    bounds=(0.0, float("inf")),
    explanation="How many times more often a patient with the finding is flagged than a patient without it; 1 "
    "tells nothing, 10 or more is strong.",
    source="Deeks & Altman 2004, doi:10.1136/bmj.329.7458.168",
)
