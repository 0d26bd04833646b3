"""A share of all cases as a metric: the value, the kernel's path and the fraction, from one question about each row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.metrics.classification.confusion import ratio
from validate.metrics.metric import FastPath, Fraction, Rows, Values
from validate.metrics.multiclass.table import refuse_empty
from validate.stats.tallies.tally import Binned

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Share:
    """what : the name in messages    counted : rows → (n,) bool, those above the line; all cases stand below it."""

    what: str
    counted: Callable[[Rows], NDArray[np.bool_]]

    def value(self, rows: Rows, weights: NDArray[np.int64]) -> float:
        """Counted over all. Raises Undefined without rows."""
        refuse_empty(weights, self.what)
        return float(weights[self.counted(rows)].sum() / weights.sum())

    def fraction(self, rows: Rows) -> Fraction:
        """Which rows are counted, above and below the line."""
        return Fraction(self.counted(rows), np.ones(len(rows), np.bool_))

    @property
    def fast(self) -> FastPath:
        """Two counts."""
        return FastPath(self._tallies, _finish)

    def _tallies(self, rows: Rows) -> tuple[Binned]:
        return (Binned(np.ones(len(rows)), self.counted(rows).astype(np.int32), 2),)


def _finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    del rows
    return Values(*ratio(sums[0][..., 1], sums[0].sum(axis=-1)))
