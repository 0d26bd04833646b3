"""Cases flagged by a mark at the operating point: what case sensitivity and case specificity have in common."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from validate.metrics.classification.confusion import ratio
from validate.metrics.detection.rows import BOOK, TASKS, refuse_none
from validate.metrics.metric import PROPORTION_INTERVALS, Array, FastPath, Fraction, Metric, Rows, Values
from validate.stats.tallies.sum import Sum
from validate.stats.tallies.tally import Tally


def share_of_cases(title: str, kind: Literal["abnormal", "normal"], explanation: str) -> Metric:
    """Of abnormal cases those that are flagged, or of normal cases those that are not."""

    def parts(rows: Rows) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        own = np.asarray(rows["case"] & (rows["abnormal"] if kind == "abnormal" else ~rows["abnormal"]))
        return own & (rows["flagged"] if kind == "abnormal" else ~rows["flagged"]), own

    def value(rows: Rows, weights: NDArray[np.int64]) -> float:
        right, cases = (int(weights[part].sum()) for part in parts(rows))
        side = "case_with_lesions" if kind == "abnormal" else "case_without_lesions"
        refuse_none(title, **{side: cases})
        return right / cases

    def tallies(rows: Rows) -> tuple[Tally, ...]:
        return tuple(Sum(part.astype(float)) for part in parts(rows))

    return Metric(
        title=title,
        symbol=title,
        tasks=TASKS,
        needs=("case", "abnormal", "flagged"),
        condition=("threshold",),
        value=value,
        fast=FastPath(tallies, _finish),
        fraction=lambda rows: Fraction(*parts(rows)),
        unit="proportion",
        intervals=PROPORTION_INTERVALS,
        events="positives" if kind == "abnormal" else "negatives",
        explanation=explanation,
        source=BOOK,
    )


def _finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    del rows
    return Values(*ratio(sums[0][..., 0], sums[1][..., 0]))
