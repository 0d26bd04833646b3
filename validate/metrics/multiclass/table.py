"""The table of true class against answer, as one tally shared by every metric of several classes.

A case without an answer that counts against the model has an answer of its own, the last column: it is no class.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.metric import Rows
from validate.stats.tallies.tally import Binned

Array = NDArray[Any]


def classes(rows: Rows) -> int:
    """K, the number of classes or grades, which every case's are numbered in: 0 … K-1, and K for no answer."""
    return int(rows.condition["classes"])


def cells(rows: Rows) -> Binned:
    """Counts by true · (K + 1) + predicted."""
    k = classes(rows)
    return Binned(np.ones(len(rows)), (rows["true"] * (k + 1) + rows["predicted"]).astype(np.int32), k * (k + 1))


def table_of(sums: Array, rows: Rows) -> Array:
    """(…, K, K + 1): the tally's result as tables, true class down and answer across."""
    k = classes(rows)
    return sums.reshape(*sums.shape[:-1], k, k + 1)


def weighted_table(rows: Rows, weights: NDArray[np.int64]) -> NDArray[np.float64]:
    """(K, K + 1): the definition, one sum for each cell."""
    k = classes(rows)
    codes = rows["true"] * (k + 1) + rows["predicted"]
    return np.bincount(codes, weights, k * (k + 1)).reshape(k, k + 1).astype(np.float64)


def refuse_empty(weights: NDArray[np.int64], what: str) -> None:
    """Raise Undefined without a case."""
    if int(weights.sum()) == 0:
        raise Undefined(f"{what} needs at least one case: there is none")


def refuse_absent(table: NDArray[Any], what: str) -> None:
    """Raise Undefined where a class has no case."""
    present = int((table.sum(axis=1) > 0).sum())
    if present < table.shape[0]:
        raise Undefined(f"{what} needs a case of every class: {present} of {table.shape[0]} have one")
