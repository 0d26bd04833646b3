"""Area under the ROC curve: the chance that a positive case scores above a negative one, ties counting half."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.confusion import cases, ratio
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.stats.tallies.tally import Concordance


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """Mann–Whitney U over the number of pairs, weighted (doi:10.1148/radiology.143.1.7063747).

    Raises Undefined unless both classes carry weight.
    """
    scores, positive = rows["score"], rows["positive"]
    positives, negatives = int(weights[positive].sum()), int(weights[~positive].sum())
    if positives == 0 or negatives == 0:
        got = f"{cases(positives, 'positive')} and {cases(negatives, 'negative')}"
        raise Undefined(f"AUROC needs both classes: {got}")
    levels, place = np.unique(scores, return_inverse=True)
    above = np.bincount(place[positive], weights[positive], levels.size)
    below = np.bincount(place[~positive], weights[~positive], levels.size)
    pairs = np.dot(above, np.cumsum(below) - below / 2)
    return float(pairs / positives / negatives)


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    pairs, positives, negatives = np.moveaxis(sums[0], -1, 0)
    return Values(*ratio(pairs, positives * negatives))


METRIC = Metric(
    title="Area under the ROC curve",
    symbol="AUROC",
    tasks=frozenset({"classification"}),
    needs=("score", "positive"),
    value=value,
    fast=FastPath(lambda rows: (Concordance(rows["score"], rows["positive"]),), finish),
    intervals=("obuchowski", "bootstrap", "delong", "delong_logit"),
    explanation="The chance that a patient with the finding gets a higher score than a patient without it; 0.5 is guessing, 1 is perfect.",
    source="Hanley & McNeil 1982, doi:10.1148/radiology.143.1.7063747",
)
