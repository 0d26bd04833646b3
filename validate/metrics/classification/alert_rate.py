"""Alert rate: the share of all cases that are flagged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.confusion import confusion_of, confusion_tally, ratio, weighted_confusion
from validate.metrics.metric import PROPORTION_INTERVALS, Array, FastPath, Fraction, Metric, Rows, Values


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """(TP + FP) / n. Raises Undefined without rows."""
    counts = weighted_confusion(rows, weights)
    total = int(weights.sum())
    if total == 0:
        raise Undefined("The alert rate needs at least one case: there is none")
    return float((counts.true_positive + counts.false_positive) / total)


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    counts = confusion_of(sums[0])
    return Values(*ratio(counts.true_positive + counts.false_positive, sums[0].sum(axis=-1)))


def fraction(rows: Rows) -> Fraction:
    """Which rows are counted, above and below the line."""
    return Fraction(rows["flagged"], np.ones(len(rows), np.bool_))


METRIC = Metric(
    title="Alert rate",
    symbol="Alert rate",
    tasks=frozenset({"classification"}),
    needs=("positive", "flagged"),
    condition=("threshold",),
    value=value,
    fast=FastPath(lambda rows: (confusion_tally(rows),), finish),
    fraction=fraction,
    unit="proportion",
    intervals=PROPORTION_INTERVALS,
    better="neither",
    prevalence_dependent=True,
    explanation="The share of all cases that the model flags: the work that it makes. It depends on how common the finding is.",
    source="FDA 2007, Statistical Guidance on Reporting Results from Studies Evaluating Diagnostic Tests, section 7",
)
