"""Sensitivity: true positives over all positives, TP / (TP + FN)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.confusion import confusion_of, confusion_tally, ratio, weighted_confusion
from validate.metrics.metric import PROPORTION_INTERVALS, Array, FastPath, Fraction, Metric, Rows, Values


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """True positives over all positives, TP / (TP + FN). Raises Undefined without positive rows."""
    counts = weighted_confusion(rows, weights)
    numerator, denominator = counts.true_positive, counts.true_positive + counts.false_negative
    if denominator == 0:
        raise Undefined("Sensitivity needs at least one positive case: there is none")
    return float(numerator / denominator)


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    counts = confusion_of(sums[0])
    numerator, denominator = counts.true_positive, counts.true_positive + counts.false_negative
    return Values(*ratio(numerator, denominator))


def fraction(rows: Rows) -> Fraction:
    """Which rows are counted, above and below the line."""
    positive, flagged = rows["positive"], rows["flagged"]
    return Fraction(positive & flagged, positive)


METRIC = Metric(
    title="Sensitivity",
    symbol="Sensitivity",
    tasks=frozenset({"classification"}),
    needs=("positive", "flagged"),
    condition=("threshold",),
    value=value,
    fast=FastPath(lambda rows: (confusion_tally(rows),), finish),
    fraction=fraction,
    unit="proportion",
    intervals=PROPORTION_INTERVALS,
    events="positives",
    prevalence_dependent=False,
    explanation="Of the patients who have the finding, the share that the model flags.",
    source="FDA 2007, Statistical Guidance on Reporting Results from Studies Evaluating Diagnostic Tests, section 7",
)
