"""Partial area under the ROC curve, standardised by McClish: 0.5 is guessing and 1 is perfect, whatever the range."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.metrics.classification import partial_auroc
from validate.metrics.classification.stretch import check_range, stretch_of
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """(1 + (area - least) / (most - least)) / 2, least being the area under the diagonal, most the width of the range.

    Below the diagonal it falls below 0.5. Raises Undefined unless both classes carry weight.
    """
    return float(_standardised(np.asarray(partial_auroc.value(rows, weights)), rows))


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    raw = partial_auroc.finish(sums, rows)
    return Values(np.where(raw.defined, _standardised(raw.value, rows), 0.0), raw.defined)


def _standardised(area: Array, rows: Rows) -> Array:
    part = stretch_of(rows.condition)
    least, most = (part.high**2 - part.low**2) / 2, part.high - part.low
    return np.asarray((1 + (area - least) / (most - least)) / 2)


METRIC = Metric(
    title="Partial area under the ROC curve (standardised, McClish)",
    symbol="sAUROC",
    tasks=frozenset({"classification"}),
    needs=("score", "positive"),
    value=value,
    fast=FastPath(lambda rows: (stretch_of(rows.condition).tally(rows),), finish),
    options=("fpr_low", "fpr_high", "tpr_low", "tpr_high"),
    check_options=check_range,
    example={"tpr_low": 0.8, "tpr_high": 1.0},
    intervals=("bootstrap",),
    bounds=(float("-inf"), 1.0),
    explanation="The area under the part of the ROC curve that matters for this use, rescaled: 0.5 is guessing, 1 is perfect.",
    source="McClish 1989, doi:10.1177/0272989X8900900307",
)
