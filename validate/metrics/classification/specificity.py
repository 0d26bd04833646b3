"""Specificity: true negatives over all negatives, TN / (TN + FP)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.confusion import confusion_of, confusion_tally, ratio, weighted_confusion
from validate.metrics.metric import PROPORTION_INTERVALS, Array, FastPath, Fraction, Metric, Rows, Values


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """True negatives over all negatives, TN / (TN + FP). Raises Undefined without negative rows."""
    counts = weighted_confusion(rows, weights)
    numerator, denominator = counts.true_negative, counts.true_negative + counts.false_positive
    if denominator == 0:
        raise Undefined("Specificity needs at least one negative case: there is none")
    return float(numerator / denominator)


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    counts = confusion_of(sums[0])
    numerator, denominator = counts.true_negative, counts.true_negative + counts.false_positive
    return Values(*ratio(numerator, denominator))


def fraction(rows: Rows) -> Fraction:
    """Which rows are counted, above and below the line."""
    positive, flagged = rows["positive"], rows["flagged"]
    return Fraction(~positive & ~flagged, ~positive)


METRIC = Metric(
    title="Specificity",
    symbol="Specificity",
    tasks=frozenset({"classification"}),
    needs=("positive", "flagged"),
    condition=("threshold",),
    value=value,
    fast=FastPath(lambda rows: (confusion_tally(rows),), finish),
    fraction=fraction,
    unit="proportion",
    intervals=PROPORTION_INTERVALS,
    events="negatives",
    prevalence_dependent=False,
    explanation="Of the patients who do not have the finding, the share that the model leaves unflagged.",
    source="FDA 2007, Statistical Guidance on Reporting Results from Studies Evaluating Diagnostic Tests, section 7",
)
