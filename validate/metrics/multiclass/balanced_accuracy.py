"""Balanced accuracy over several classes: the mean, over classes, of the share that is recognised."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.metrics.multiclass.table import cells, refuse_absent, refuse_empty, table_of, weighted_table

WHAT = "Balanced accuracy over all classes"


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """Mean of the recalls (doi:10.1109/ICPR.2010.764). Raises Undefined where a class has no case."""
    refuse_empty(weights, WHAT)
    table = weighted_table(rows, weights)
    refuse_absent(table, WHAT)
    return float((np.diagonal(table) / table.sum(axis=1)).mean())


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    table = table_of(sums[0], rows)
    of_class = table.sum(axis=-1)
    right = np.diagonal(table, axis1=-2, axis2=-1)
    recall = np.divide(right, of_class, out=np.zeros_like(of_class), where=of_class > 0)
    return Values(recall.mean(axis=-1), (of_class > 0).all(axis=-1))


METRIC = Metric(
    title=WHAT,
    symbol="Balanced accuracy",
    tasks=frozenset({"multiclass"}),
    needs=("true", "predicted"),
    value=value,
    fast=FastPath(lambda rows: (cells(rows),), finish),
    intervals=("bootstrap",),
    explanation="The share of each class that the model recognises, averaged over classes, so that rare ones count as much as "
    "common ones.",
    source="Brodersen et al. 2010, doi:10.1109/ICPR.2010.764",
)
