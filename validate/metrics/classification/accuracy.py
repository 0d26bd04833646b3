"""Accuracy: right answers over all answers, (TP + TN) / n."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.confusion import confusion_of, confusion_tally, ratio, weighted_confusion
from validate.metrics.metric import PROPORTION_INTERVALS, Array, FastPath, Fraction, Metric, Rows, Values


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """Right answers over all answers, (TP + TN) / n. Raises Undefined without rows."""
    counts = weighted_confusion(rows, weights)
    numerator, denominator = (
        counts.true_positive + counts.true_negative,
        counts.true_positive + counts.true_negative + counts.false_positive + counts.false_negative,
    )
    if denominator == 0:
        raise Undefined("Accuracy needs at least one case: there is none")
    return float(numerator / denominator)


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    counts = confusion_of(sums[0])
    numerator, denominator = (
        counts.true_positive + counts.true_negative,
        counts.true_positive + counts.true_negative + counts.false_positive + counts.false_negative,
    )
    return Values(*ratio(numerator, denominator))


def fraction(rows: Rows) -> Fraction:
    """Which rows are counted, above and below the line."""
    positive, flagged = rows["positive"], rows["flagged"]
    return Fraction(positive == flagged, np.ones(len(rows), bool))


METRIC = Metric(
    title="Accuracy",
    symbol="Accuracy",
    tasks=frozenset({"classification"}),
    needs=("positive", "flagged"),
    condition=("threshold",),
    value=value,
    fast=FastPath(lambda rows: (confusion_tally(rows),), finish),
    fraction=fraction,
    unit="proportion",
    intervals=PROPORTION_INTERVALS,
    events="cases",
    prevalence_dependent=True,
    explanation="The share of all cases that the model gets right. It depends on how common the finding is.",
    source="ISO/IEC TS 4213:2022",
)
