"""Cohen's kappa with any weights of disagreement, from the table of true class against answer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.metric import Rows, Values
from validate.metrics.multiclass.table import table_of, weighted_table

Array = NDArray[Any]


def disagreement(classes: int, power: int) -> NDArray[np.float64]:
    """(K, K + 1): how wrong an answer is, from 0 to 1. power : 0 any other class alike, 1 linear, 2 quadratic.

    No answer, in the last column, is as wrong as the farthest grade.
    """
    grade = np.arange(classes, dtype=np.float64)
    far = np.maximum(grade, classes - 1 - grade)
    distance = np.concatenate((np.abs(grade[:, None] - grade), far[:, None]), axis=1) / max(classes - 1, 1)
    return np.asarray((distance > 0).astype(np.float64) if power == 0 else distance**power)


def kappa(rows: Rows, weights: NDArray[np.int64], *, power: int, what: str) -> float:
    """1 - observed over expected disagreement (doi:10.1037/h0026256).

    Raises Undefined without a case, and where chance alone would leave no disagreement.
    """
    observed, expected = _disagreements(weighted_table(rows, weights), power)
    if expected <= 0:
        raise Undefined(f"{what} needs cases of two classes, or answers of two: there is at most one")
    return float(1.0 - observed / expected)


def kappas(sums: Array, rows: Rows, *, power: int) -> Values:
    """The same from the kernel's sums."""
    observed, expected = _disagreements(table_of(sums, rows), power)
    defined = expected > 0
    share = np.divide(observed, expected, out=np.zeros_like(observed), where=defined)
    return Values(np.where(defined, 1.0 - share, 0.0), defined)


def _disagreements(table: Array, power: int) -> tuple[Array, Array]:
    """Observed and expected, each times the number of cases, over the last two axes."""
    wrong = disagreement(table.shape[-2], power)
    total = table.sum(axis=(-2, -1))
    true, answer = table.sum(axis=-1), table.sum(axis=-2)
    expected = np.einsum("...i,ij,...j->...", true, wrong, answer)
    observed = (table * wrong).sum(axis=(-2, -1))
    return observed, np.divide(expected, total, out=np.zeros_like(expected), where=total > 0)
