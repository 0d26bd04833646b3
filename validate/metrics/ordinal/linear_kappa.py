"""Linearly weighted kappa: agreement of grades beyond chance, an error counting by how many grades it is off."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.metrics.multiclass.agreement import kappa, kappas
from validate.metrics.multiclass.table import cells, refuse_empty

POWER = 1


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """1 - observed over expected disagreement. Raises Undefined without a case, or with one class and one answer only."""
    refuse_empty(weights, METRIC.title)
    return kappa(rows, weights, power=POWER, what=METRIC.title)


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    return kappas(sums[0], rows, power=POWER)


METRIC = Metric(
    title="Linearly weighted kappa",
    symbol="Linear kappa",
    tasks=frozenset({"ordinal"}),
    needs=("true", "predicted"),
    value=value,
    fast=FastPath(lambda rows: (cells(rows),), finish),
    intervals=("bootstrap",),
    bounds=(-1.0, 1.0),
    prevalence_dependent=True,
    explanation="Agreement of grades beyond chance: 1 is full agreement, 0 is chance. An error of two grades counts "
    "twice one of one grade.",
    source="Cohen 1968, doi:10.1037/h0026256",
)
