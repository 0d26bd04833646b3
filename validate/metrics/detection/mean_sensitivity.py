"""The mean of lesion sensitivities at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false marks per case: the CPM of LUNA16, on the staircase."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.metrics.classification.confusion import ratio
from validate.metrics.detection.rows import FROC, LUNA, LUNA_RATES, TASKS, sensitivities
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.stats.tallies.marked import Marked


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """Mean over the seven rates. Raises Undefined without a lesion."""
    return float(sensitivities(rows, weights, LUNA_RATES, "The competition performance metric").mean())


def tallies(rows: Rows) -> tuple[Marked]:
    """One sweep down the scores for all seven."""
    return (Marked(rows["score"], rows["lesion"], rows["false_mark"], rows["case"], LUNA_RATES),)


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    values, defined = ratio(sums[0][..., 2:].sum(axis=-1), sums[0][..., 1])
    return Values(values / len(LUNA_RATES), defined & (sums[0][..., 0] > 0))


METRIC = Metric(
    title="Mean lesion sensitivity at 1/8 to 8 false marks per case (CPM)",
    symbol="CPM",
    tasks=TASKS,
    needs=FROC,
    value=value,
    fast=FastPath(tallies, finish),
    intervals=("bootstrap",),
    resampled_by="bca",
    events="lesions",
    explanation="Lesion sensitivity averaged over seven rates of false marks, from one in eight cases to eight per case.",
    source=f"{LUNA}; read off the steps of the curve, where the script of that challenge draws lines between them",
)
