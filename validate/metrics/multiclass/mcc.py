"""Matthews correlation coefficient over several classes: the correlation of class and answer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.confusion import ratio
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.metrics.multiclass.table import cells, table_of, weighted_table


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """Gorodkin's R_K (doi:10.1016/j.compbiolchem.2004.09.006). Raises Undefined where classes, or answers, are all one."""
    numerator, denominator = _parts(weighted_table(rows, weights))
    if denominator <= 0:
        raise Undefined("The MCC needs cases of two classes and answers of two: of one kind there is none")
    return float(np.clip(numerator / denominator, -1.0, 1.0))  # roots round: a perfect one may come out a hair above 1


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    value, defined = ratio(*_parts(table_of(sums[0], rows)))
    return Values(np.clip(value, -1.0, 1.0), defined)


def _parts(table: Array) -> tuple[Any, Any]:
    true, answer = table.sum(axis=-1), table.sum(axis=-2)
    total, right = table.sum(axis=(-2, -1)), np.diagonal(table, axis1=-2, axis2=-1).sum(axis=-1)
    together = (true * answer[..., :-1]).sum(axis=-1)
    spread = np.sqrt(total**2 - (answer**2).sum(axis=-1)) * np.sqrt(total**2 - (true**2).sum(axis=-1))
    return right * total - together, spread


METRIC = Metric(
    title="Matthews correlation coefficient over all classes",
    symbol="MCC",
    tasks=frozenset({"multiclass"}),
    needs=("true", "predicted"),
    value=value,
    fast=FastPath(lambda rows: (cells(rows),), finish),
    intervals=("bootstrap",),
    bounds=(-1.0, 1.0),
    prevalence_dependent=True,
    explanation="How far class and answer go together over all classes: 1 is perfect, 0 is chance.",
    source="Gorodkin 2004, doi:10.1016/j.compbiolchem.2004.09.006",
)
