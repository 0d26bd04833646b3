"""HR-AUC: the ROC area of cases, each with the score of its highest mark, hit or false."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.auroc import finish as auroc_finish
from validate.metrics.detection.rows import BOOK, TASKS
from validate.metrics.metric import FastPath, Metric, Rows
from validate.stats.tallies.concordance import Concordance


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """Pairs of a case with a lesion and one without in the right order, ties half; no mark is the lowest score. Raises Undefined."""
    sides = [rows["case"] & side for side in (rows["abnormal"], ~rows["abnormal"])]
    positives, negatives = (int(weights[side].sum()) for side in sides)
    if not positives or not negatives:
        raise Undefined(
            f"The ROC area of cases needs cases of both kinds: {positives} with lesions and {negatives} without"
        )
    score = np.asarray(rows["score"], np.float64)
    order = np.argsort(score[sides[1]], kind="stable")
    ordered, below = (
        score[sides[1]][order],
        np.concatenate(([0.0], np.cumsum(weights[sides[1]][order], dtype=np.float64))),
    )
    ends = (below[np.searchsorted(ordered, score[sides[0]], side=side)] for side in ("left", "right"))
    return float((weights[sides[0]] * sum(ends) / 2).sum() / (positives * negatives))


def tallies(rows: Rows) -> tuple[Concordance]:
    """One ranked pass over cases."""
    return (Concordance(np.asarray(rows["score"]), np.asarray(rows["abnormal"]), np.asarray(rows["case"])),)


METRIC = Metric(
    title="ROC area of cases by their highest mark (HR-AUC)",
    symbol="HR-AUC",
    tasks=TASKS,
    needs=("case", "abnormal", "score"),
    value=value,
    fast=FastPath(tallies, auroc_finish),
    intervals=("bootstrap",),
    resampled_by="bca",
    explanation="The chance that a case with a lesion has a higher mark than a case without one, wherever the marks stand.",
    source=BOOK,
)
