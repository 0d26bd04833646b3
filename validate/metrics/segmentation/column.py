"""The column of a measure, and what all statistics of measures share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.casewise.measure import MEASURES, Measure
from validate.errors import Undefined
from validate.metrics.metric import Rows

Array = NDArray[Any]
TASKS = frozenset({"segmentation"})


def column(rows: Rows, name: str) -> NDArray[np.float64]:
    """Values of one measure, all of them finite: rows without one never reach a metric."""
    return np.asarray(rows[name], np.float64)


def refuse_few(weights: NDArray[np.int64], what: str, least: int = 1) -> None:
    """Raise Undefined where fewer cases than this carry weight."""
    count = int(weights.sum())
    if count < least:
        cases = "1 case" if least == 1 else f"{least} cases"
        raise Undefined(f"{what} needs at least {cases} with a value: there {'is 1' if count == 1 else 'are none'}")


def each_measure(
    make: Callable[[Measure], Any], keep: Callable[[Measure], bool] = lambda _measure: True
) -> dict[str, Any]:
    """A metric for each measure, by the measure's name."""
    return {name: make(measure) for name, measure in MEASURES.items() if keep(measure)}
