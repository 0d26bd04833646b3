"""Brier score: the mean squared distance between the probability given and what was true."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.confusion import ratio
from validate.metrics.classification.probability import probabilities
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.stats.tallies.tally import Sum


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """Σ (p - y)² / n (doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2). Raises Undefined without rows."""
    total = int(weights.sum())
    if total == 0:
        raise Undefined("The Brier score needs at least one case with an output: there is none")
    return float(np.dot(weights, _squares(rows)) / total)


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    return Values(*ratio(sums[0][..., 0], sums[1][..., 0]))


def _squares(rows: Rows) -> NDArray[np.float64]:
    distance: NDArray[np.float64] = (probabilities(rows) - rows["positive"]) ** 2
    return distance


METRIC = Metric(
    title="Brier score",
    symbol="Brier",
    tasks=frozenset({"classification"}),
    needs=("score", "positive"),
    value=value,
    fast=FastPath(lambda rows: (Sum(_squares(rows)), Sum(np.ones(len(rows)))), finish),
    of_row=_squares,
    intervals=("bootstrap",),
    better="lower",
    prevalence_dependent=True,
    failures="outputs_only",
    explanation="How far the stated probabilities are from what was true, on average; 0 is perfect, lower is better.",
    source="Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2",
)
