"""Positive predictive value: true positives over all flagged, TP / (TP + FP)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.confusion import confusion_of, confusion_tally, ratio, weighted_confusion
from validate.metrics.metric import PROPORTION_INTERVALS, Array, FastPath, Fraction, Metric, Rows, Values


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """True positives over all flagged, TP / (TP + FP). Raises Undefined when nothing is flagged."""
    counts = weighted_confusion(rows, weights)
    numerator, denominator = counts.true_positive, counts.true_positive + counts.false_positive
    if denominator == 0:
        raise Undefined("Positive predictive value needs at least one flagged case: there is none")
    return float(numerator / denominator)


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    counts = confusion_of(sums[0])
    numerator, denominator = counts.true_positive, counts.true_positive + counts.false_positive
    return Values(*ratio(numerator, denominator))


def fraction(rows: Rows) -> Fraction:
    """Which rows are counted, above and below the line."""
    positive, flagged = rows["positive"], rows["flagged"]
    return Fraction(positive & flagged, flagged)


METRIC = Metric(
    title="Positive predictive value",
    symbol="Positive predictive value",
    tasks=frozenset({"classification"}),
    needs=("positive", "flagged"),
    condition=("threshold",),
    value=value,
    fast=FastPath(lambda rows: (confusion_tally(rows),), finish),
    fraction=fraction,
    unit="proportion",
    intervals=PROPORTION_INTERVALS,
    events="flagged",
    prevalence_dependent=True,
    explanation="Of the patients flagged, the share that has the finding. It depends on how common the finding is.",
    source="FDA 2007, Statistical Guidance on Reporting Results from Studies Evaluating Diagnostic Tests, section 7",
)
