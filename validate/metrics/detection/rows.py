"""Rows of a study of marks: cases, lesions and marks one below the other, each knowing what it is.

"case", "lesion", "mark", "false_mark" : bool, what a row is (a false mark is a mark)
"score" : of a case its highest mark, of a lesion the mark that hit it, -inf where there is none; of a mark its own
"highest_false" : of a case its highest false mark, -inf where there is none      "abnormal" : the case has a lesion
"share" : of a lesion, one over the lesions of its case      "flagged" : the score reaches the operating point
"matched", "ignored", "counted", "rank" : of marks and lesions, stats.detection.coco      "place" : the order of equal scores
"class" : number of the kind of lesion, where rows are of several; 0 of a case
Rows of one case belong to one patient, and are resampled together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.metric import Rows
from validate.stats.detection.free_response import LUNA_RATES
from validate.stats.tallies.marked import SLACK

TASKS = frozenset({"detection"})
FROC = ("lesion", "false_mark", "case", "score")
BOOK = "Chakraborty 2017, Observer Performance Methods for Diagnostic Imaging, doi:10.1201/9781351228190"
LUNA = "Setio et al. 2017, doi:10.1016/j.media.2017.06.015"
__all__ = ["BOOK", "FROC", "LUNA", "LUNA_RATES", "TASKS", "refuse_none", "sensitivities"]


def refuse_none(what: str, **counts: float) -> None:
    """Raise Undefined where one of the counts is 0."""
    for name, count in counts.items():
        if count <= 0:
            words = name.replace("_", " ")
            raise Undefined(f"{what} needs at least 1 {words}: there is none")


def sensitivities(rows: Rows, weights: NDArray[np.int64], rates: tuple[float, ...], what: str) -> NDArray[np.float64]:
    """At each rate the share of lesions found at the loosest threshold with no more false marks per case. Raises Undefined."""
    lesion, false = np.asarray(rows["lesion"], np.bool_), np.asarray(rows["false_mark"], np.bool_)
    cases, lesions = float(weights[rows["case"]].sum()), float(weights[lesion].sum())
    refuse_none(what, lesion=lesions, case=cases)
    score = np.asarray(rows["score"], np.float64)
    found = lesion & (score > -np.inf)
    cuts = np.unique(np.concatenate((score[found], score[false])))[::-1]
    hits, wrong = (_reached(score[part], weights[part], cuts) for part in (found, false))
    best = [hits[wrong <= (rate + SLACK) * cases].max(initial=0.0) for rate in rates]
    return np.asarray(best, np.float64) / lesions


def _reached(score: NDArray[np.float64], weights: NDArray[np.int64], cuts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weight of the scores at or above each cut."""
    order = np.argsort(-score, kind="stable")
    total = np.concatenate(([0.0], np.cumsum(weights[order], dtype=np.float64)))
    return np.asarray(total[np.searchsorted(-score[order], -cuts, side="right")])
