"""Partial area under the ROC curve, as it is: the area over a stated range of false positive rates or sensitivities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.metrics.classification.confusion import ratio
from validate.metrics.classification.stretch import check_range, stretch_of
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """∫ TPR dFPR over [fpr_low, fpr_high], or ∫ specificity dTPR over [tpr_low, tpr_high]; ties are straight lines.

    At most the width of the range. Raises Undefined unless both classes carry weight.
    """
    area, _, positives, negatives = stretch_of(rows.condition).parts(rows, weights, "The partial AUROC")
    return area / positives / negatives


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    area, _, positives, negatives = np.moveaxis(sums[0], -1, 0)
    return Values(*ratio(area, positives * negatives))


METRIC = Metric(
    title="Partial area under the ROC curve (raw)",
    symbol="pAUROC",
    tasks=frozenset({"classification"}),
    needs=("score", "positive"),
    value=value,
    fast=FastPath(lambda rows: (stretch_of(rows.condition).tally(rows),), finish),
    options=("fpr_low", "fpr_high", "tpr_low", "tpr_high"),
    check_options=check_range,
    example={"fpr_low": 0.0, "fpr_high": 0.2},
    intervals=("bootstrap",),
    explanation="The area under the part of the ROC curve that matters for this use, as it is: at most the width of that part.",
    source="McClish 1989, doi:10.1177/0272989X8900900307; both directions as in pROC, doi:10.1186/1471-2105-12-77",
)
