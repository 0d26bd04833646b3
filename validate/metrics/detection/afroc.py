"""AFROC area: lesions against the highest false mark of cases without lesions; every lesion counts the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.metrics.classification.confusion import ratio
from validate.metrics.detection.area import MARKED, lesions_and_normal_cases, weighted_area
from validate.metrics.detection.rows import BOOK, TASKS
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.stats.tallies.concordance import Concordance


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """Pairs in the right order, ties half; unmarked lesions and cases tie with each other. Raises Undefined."""
    return weighted_area(rows, weights, np.ones(len(rows)), "The area under the AFROC curve")


def tallies(rows: Rows) -> tuple[Concordance]:
    """One ranked pass."""
    scores, positive, among = lesions_and_normal_cases(rows)
    return (Concordance(scores, positive, among),)


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    pairs, positives, negatives = np.moveaxis(sums[0], -1, 0)
    return Values(*ratio(pairs, positives * negatives))


METRIC = Metric(
    title="Area under the AFROC curve",
    symbol="AFROC",
    tasks=TASKS,
    needs=MARKED,
    value=value,
    fast=FastPath(tallies, finish),
    intervals=("bootstrap",),
    resampled_by="bca",
    events="lesions",
    explanation="The chance that a lesion's mark scores higher than anything marked in a case without lesions.",
    source=BOOK,
)
