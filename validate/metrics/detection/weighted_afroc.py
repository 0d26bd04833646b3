"""The wAFROC area: as AFROC, but every case with lesions counts the same, shared equally by its lesions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.metrics.classification.confusion import ratio
from validate.metrics.detection.area import MARKED, lesions_and_normal_cases, weighted_area
from validate.metrics.detection.rows import BOOK, TASKS
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.stats.tallies.weighted_concordance import WeightedConcordance


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """Pairs in the right order, each times its lesion's share of the case. Raises Undefined."""
    return weighted_area(rows, weights, np.asarray(rows["share"], np.float64), "The area under the wAFROC curve")


def tallies(rows: Rows) -> tuple[WeightedConcordance]:
    """One ranked pass."""
    scores, positive, among = lesions_and_normal_cases(rows)
    return (WeightedConcordance(scores, positive, np.asarray(rows["share"], np.float64), among),)


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    pairs, positives, negatives = np.moveaxis(sums[0], -1, 0)
    area, defined = ratio(pairs, positives * negatives)
    return Values(np.minimum(area, 1.0), defined)


METRIC = Metric(
    title="Area under the weighted AFROC curve",
    symbol="wAFROC",
    tasks=TASKS,
    needs=(*MARKED, "share"),
    value=value,
    fast=FastPath(tallies, finish),
    intervals=("bootstrap",),
    resampled_by="bca",
    events="lesions",
    explanation="The chance that a lesion's mark scores higher than anything marked in a case without lesions, where a case with "
    "many lesions counts no more than a case with one.",
    source=BOOK,
)
