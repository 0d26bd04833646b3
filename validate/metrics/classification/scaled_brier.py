"""Scaled Brier score: how much of the Brier score of a model that only knows the prevalence is gained; 1 is perfect."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.confusion import cases, ratio
from validate.metrics.classification.probability import probabilities
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.stats.tallies.tally import Binned, Sum


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """1 - Brier / (y (1 - y)) with y the share of positives. Raises Undefined unless both classes carry weight."""
    positives, negatives = int(weights[rows["positive"]].sum()), int(weights[~rows["positive"]].sum())
    if positives == 0 or negatives == 0:
        got = f"{cases(positives, 'positive')} and {cases(negatives, 'negative')}"
        raise Undefined(f"The scaled Brier score needs both classes: {got}")
    total = positives + negatives
    return float(1.0 - np.dot(weights, _squares(rows)) * total / (positives * negatives))


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    negatives, positives = sums[1][..., 0], sums[1][..., 1]
    share, defined = ratio(sums[0][..., 0] * (positives + negatives), positives * negatives)
    return Values(np.where(defined, 1.0 - share, 0.0), defined)


def _squares(rows: Rows) -> NDArray[np.float64]:
    distance: NDArray[np.float64] = (probabilities(rows) - rows["positive"]) ** 2
    return distance


METRIC = Metric(
    title="Scaled Brier score",
    symbol="Scaled Brier",
    tasks=frozenset({"classification"}),
    needs=("score", "positive"),
    value=value,
    fast=FastPath(
        lambda rows: (Sum(_squares(rows)), Binned(np.ones(len(rows)), rows["positive"].astype(np.int32), 2)), finish
    ),
    intervals=("bootstrap",),
    bounds=(float("-inf"), 1.0),
    prevalence_dependent=True,
    failures="outputs_only",
    explanation="How much better the probabilities are than saying the same share for everybody; 1 is perfect, 0 is no better.",
    source="Steyerberg et al. 2010, doi:10.1097/EDE.0b013e3181c30fb2",
)
