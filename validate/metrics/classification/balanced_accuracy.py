"""Balanced accuracy: the mean of sensitivity and specificity."""

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
    """(TP / P + TN / N) / 2. Raises Undefined unless both classes carry weight."""
    numerator, denominator = _parts(weighted_confusion(rows, weights))
    if denominator == 0:
        raise Undefined("Balanced accuracy needs both classes: at least one has none of the cases")
    return float(numerator / denominator)


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel"s sums."""
    del rows
    return Values(*ratio(*_parts(confusion_of(sums[0]))))


def _parts(counts: Confusion) -> tuple[Array, Array]:
    positives, negatives = counts.true_positive + counts.false_negative, counts.true_negative + counts.false_positive
    hits = counts.true_positive * negatives + counts.true_negative * positives
    return hits, 2 * positives * negatives


METRIC = Metric(
    title="Balanced accuracy",
    symbol="Balanced accuracy",
    tasks=frozenset({"classification"}),
    needs=("positive", "flagged"),
    condition=("threshold",),
    value=value,
    fast=FastPath(lambda rows: (confusion_tally(rows),), finish),
    intervals=("bootstrap",),
    explanation="The mean of sensitivity and specificity: both kinds of patients count the same, however many "
    "there are of each; 0.5 is guessing.",
    source="Brodersen et al. 2010, doi:10.1109/ICPR.2010.764",
)
