"""False marks per case at the operating point: what the three of this family have in common."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from validate.metrics.classification.confusion import ratio
from validate.metrics.detection.rows import BOOK, TASKS, refuse_none
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.stats.tallies.sum import Sum
from validate.stats.tallies.tally import Tally

Chosen = Callable[[Rows], NDArray[np.bool_]]


def false_marks(words: str, chosen: Chosen, explanation: str) -> Metric:
    """Words : "case", "case without lesions", …    chosen : rows of such cases and their marks."""

    def parts(rows: Rows) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        own = chosen(rows)
        return own & rows["false_mark"] & rows["flagged"], own & rows["case"]

    def value(rows: Rows, weights: NDArray[np.int64]) -> float:
        false, cases = (int(weights[part].sum()) for part in parts(rows))
        refuse_none(f"False marks per {words}", **{words.replace(" ", "_"): cases})
        return false / cases

    def tallies(rows: Rows) -> tuple[Tally, ...]:
        return tuple(Sum(part.astype(float)) for part in parts(rows))

    return Metric(
        title=f"False marks per {words}",
        symbol="FP rate",
        tasks=TASKS,
        needs=("false_mark", "case", "abnormal", "flagged"),
        condition=("threshold",),
        value=value,
        fast=FastPath(tallies, _finish),
        unit="count",
        bounds=(0.0, math.inf),
        better="lower",
        intervals=("bootstrap",),
        resampled_by="bca",
        explanation=explanation,
        source=BOOK,
    )


def _finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    del rows
    return Values(*ratio(sums[0][..., 0], sums[1][..., 0]))
