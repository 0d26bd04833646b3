"""Squared calibration error without the part that chance alone adds: it may fall below zero, and 0 is perfect."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.confusion import ratio
from validate.metrics.classification.ece import bin_of, bins
from validate.metrics.classification.probability import probabilities
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.stats.tallies.tally import Binned


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """Σ over bins of n/N · [(p - y)² - y (1 - y) / (n - 1)], p and y the bin's means; bins of one case add nothing.

    Raises Undefined without rows.
    """
    if int(weights.sum()) == 0:
        raise Undefined("The calibration error needs at least one case with an output: there is none")
    code, count = bin_of(rows), bins(rows)
    parts = (weights * probabilities(rows), weights * rows["positive"], weights.astype(np.float64))
    found = _value(*(np.bincount(code, part, count) for part in parts))
    return float(found[0])


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    return Values(*_value(*sums))


def _value(stated: Array, positives: Array, counts: Array) -> tuple[Array, Array]:
    several = counts > 1
    safe = np.where(several, counts, 2.0)
    share = positives / safe
    squares = (stated / safe - share) ** 2 - share * (1 - share) / (safe - 1)
    return ratio(np.where(several, counts * squares, 0.0).sum(axis=-1), counts.sum(axis=-1))


METRIC = Metric(
    title="Squared calibration error, debiased",
    symbol="Squared ECE, debiased",
    tasks=frozenset({"classification"}),
    needs=("score", "positive"),
    value=value,
    fast=FastPath(
        lambda rows: tuple(
            Binned(part, bin_of(rows), bins(rows))
            for part in (probabilities(rows), rows["positive"].astype(np.float64), np.ones(len(rows)))
        ),
        finish,
    ),
    options=("bins",),
    intervals=("bootstrap",),
    better="lower",
    bounds=(-1.0, 1.0),
    prevalence_dependent=True,
    failures="outputs_only",
    explanation="The squared distance of stated probabilities from observed frequencies, over ten bins of equal width, less what "
    "chance alone would give; 0 is perfect, and it may fall below.",
    source="Kumar, Liang & Ma 2019, arXiv:1909.10155",
)
