"""Lesion sensitivity at a stated rate of false marks per case: a step of the FROC curve, never between two."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from validate.metrics.classification.confusion import ratio
from validate.metrics.detection.rows import BOOK, FROC, TASKS, sensitivities
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.stats.tallies.marked import Marked


def check(options: Mapping[str, float]) -> str | None:
    """What is wrong with the options."""
    rate = options.get("rate")
    if rate is None or not math.isfinite(rate) or rate < 0:
        return f"got {rate}, expected rate: false marks per case, 0 or more, such as 1"
    return None


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """Lesions found at the loosest threshold with `rate` or fewer false marks per case, of all lesions. Raises Undefined."""
    return float(sensitivities(rows, weights, (rows.condition["rate"],), "Sensitivity at a rate of false marks")[0])


def tallies(rows: Rows) -> tuple[Marked]:
    """One sweep down the scores."""
    return (Marked(rows["score"], rows["lesion"], rows["false_mark"], rows["case"], (rows.condition["rate"],)),)


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    values, defined = ratio(sums[0][..., 2], sums[0][..., 1])
    return Values(values, defined & (sums[0][..., 0] > 0))


METRIC = Metric(
    title="Lesion sensitivity at a rate of false marks",
    symbol="Sensitivity at a rate",
    tasks=TASKS,
    needs=FROC,
    value=value,
    fast=FastPath(tallies, finish),
    options=("rate",),
    check_options=check,
    example={"rate": 1.0},
    unit="proportion",
    intervals=("bootstrap",),
    resampled_by="bca",
    events="lesions",
    explanation="Of all lesions, the share that is marked where the threshold lets so many false marks per case stand, cases "
    "without lesions included.",
    source=BOOK,
)
