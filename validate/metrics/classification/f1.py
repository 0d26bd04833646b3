"""F1: the harmonic mean of sensitivity and positive predictive value, 2 TP / (2 TP + FP + FN)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.confusion import confusion_of, confusion_tally, ratio, weighted_confusion
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """2 TP / (2 TP + FP + FN). Raises Undefined when no row is positive and none is flagged."""
    counts = weighted_confusion(rows, weights)
    denominator = 2 * counts.true_positive + counts.false_positive + counts.false_negative
    if denominator == 0:
        raise Undefined("F1 needs a positive or a flagged case: there is none")
    return float(2 * counts.true_positive / denominator)


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    counts = confusion_of(sums[0])
    twice = 2.0 * counts.true_positive
    return Values(*ratio(twice, twice + counts.false_positive + counts.false_negative))


METRIC = Metric(
    title="F1 score",
    symbol="F1",
    tasks=frozenset({"classification"}),
    needs=("positive", "flagged"),
    condition=("threshold",),
    value=value,
    fast=FastPath(lambda rows: (confusion_tally(rows),), finish),
    intervals=("bootstrap",),
    prevalence_dependent=True,
    explanation="One number for how well flags and findings coincide; 1 is perfect. It depends on how common the finding is.",
    source="van Rijsbergen 1979, Information Retrieval, chapter 7",
)
