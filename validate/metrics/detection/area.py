"""Lesions against cases without lesions: what the areas AFROC and wAFROC have in common."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.metrics.detection.rows import refuse_none
from validate.metrics.metric import Rows

MARKED = ("lesion", "case", "abnormal", "score", "highest_false")


def lesions_and_normal_cases(rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """(scores, lesions, rows that are paired)."""
    lesion = np.asarray(rows["lesion"], np.bool_)
    normal = np.asarray(rows["case"] & ~rows["abnormal"])
    return np.where(lesion, rows["score"], rows["highest_false"]), lesion, lesion | normal


def weighted_area(rows: Rows, weights: NDArray[np.int64], share: NDArray[np.float64], what: str) -> float:
    """Share : (n,) what each lesion counts. Raises Undefined without a lesion, or without a case that has none."""
    scores, lesion, among = lesions_and_normal_cases(rows)
    normal = among & ~lesion
    refuse_none(what, lesion=weights[lesion].sum(), case_without_lesions=weights[normal].sum())
    order = np.argsort(scores[normal], kind="stable")
    ordered, below = scores[normal][order], np.concatenate(([0.0], np.cumsum(weights[normal][order], dtype=np.float64)))
    beaten = (
        below[np.searchsorted(ordered, scores[lesion], side="left")]
        + below[np.searchsorted(ordered, scores[lesion], side="right")]
    ) / 2
    counts = weights[lesion] * share[lesion]
    # shares of a third do not add up to one exactly
    return min(float((counts * beaten).sum() / (counts.sum() * below[-1])), 1.0)
