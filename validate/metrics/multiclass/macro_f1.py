"""Macro F1: the F1 score of each class against the rest, averaged over classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.metrics.multiclass.table import cells, refuse_absent, refuse_empty, table_of, weighted_table

WHAT = "Macro F1"


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """Mean of 2 TP / (cases of the class + answers of the class). Raises Undefined where a class has no case."""
    refuse_empty(weights, WHAT)
    table = weighted_table(rows, weights)
    refuse_absent(table, WHAT)
    return float(_scores(table).mean())


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    table = table_of(sums[0], rows)
    return Values(_scores(table).mean(axis=-1), (table.sum(axis=-1) > 0).all(axis=-1))


def _scores(table: Array) -> Array:
    """(…, K)."""
    right = np.diagonal(table, axis1=-2, axis2=-1)
    both = table.sum(axis=-1) + table.sum(axis=-2)[..., :-1]
    scores: Array = np.divide(2 * right, both, out=np.zeros_like(both), where=both > 0)
    return scores


METRIC = Metric(
    title=WHAT,
    symbol="Macro F1",
    tasks=frozenset({"multiclass"}),
    needs=("true", "predicted"),
    value=value,
    fast=FastPath(lambda rows: (cells(rows),), finish),
    intervals=("bootstrap",),
    prevalence_dependent=True,
    explanation="How well each class is found and kept apart from the others (F1), averaged over classes.",
    source="Opitz & Burst 2019, doi:10.48550/arXiv.1911.03347 (the mean of F1 scores)",
)
