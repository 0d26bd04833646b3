"""Cohen's kappa: agreement of class and answer beyond what chance alone would give."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.metrics.multiclass.agreement import kappa, kappas
from validate.metrics.multiclass.table import cells, refuse_empty

POWER = 0


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """1 - observed over expected disagreement. Raises Undefined without a case, or with one class and one answer only."""
    refuse_empty(weights, METRIC.title)
    return kappa(rows, weights, power=POWER, what=METRIC.title)


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    return kappas(sums[0], rows, power=POWER)


METRIC = Metric(
    title="Cohen's kappa",
    symbol="Kappa",
    tasks=frozenset({"multiclass"}),
    needs=("true", "predicted"),
    value=value,
    fast=FastPath(lambda rows: (cells(rows),), finish),
    intervals=("bootstrap",),
    bounds=(-1.0, 1.0),
    prevalence_dependent=True,
    explanation="Agreement with the reference beyond chance: 1 is full agreement, 0 is chance. Every wrong class counts alike.",
    source="Cohen 1960, doi:10.1177/001316446002000104",
)
