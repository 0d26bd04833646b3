"""FROC as a staircase, and the areas AFROC, wAFROC and HR-AUC, from marks already judged hit or false.

Chakraborty 2017, Observer Performance Methods for Diagnostic Imaging (CRC Press).
Unmarked lesions and cases without a mark score minus infinity: they count in every denominator, and tie with each other by one half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LUNA_RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True, slots=True)
class FreeResponse:
    """One reader's or model's marks on `cases` cases, numbered from 0.

    lesion_case, lesion_score: (lesions,), the best score that hit each lesion, or -inf where none did.
    false_case, false_score: (false marks,), finite scores; higher is more suspicious.
    Raises ValueError for arrays that differ in length, cases outside 0..cases-1, and scores that are NaN or infinite.
    """

    cases: int
    lesion_case: Integers
    lesion_score: Floats
    false_case: Integers
    false_score: Floats

    def __post_init__(self) -> None:
        """Refuse what can't be counted."""
        if self.cases < 1:
            raise ValueError(f"got {self.cases} cases; expected at least 1")
        _check("lesion", self.cases, self.lesion_case, self.lesion_score)
        _check("false", self.cases, self.false_case, self.false_score)
        if np.isneginf(self.false_score).any():
            raise ValueError(
                "a false mark has the score -inf; expected finite scores: leave out marks that were not made"
            )

    @property
    def lesions_of(self) -> Integers:
        """(cases,), how many lesions each case has."""
        return np.bincount(self.lesion_case, minlength=self.cases).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Staircase:
    """Operating points from the strictest threshold to the loosest; the first marks nothing (threshold +inf).

    threshold, false_per_case (false marks per case, cases without lesions included), sensitivity (0 to 1): each (points,).
    """

    threshold: Floats
    false_per_case: Floats
    sensitivity: Floats

    def sensitivity_at(self, rate: float) -> float:
        """The best sensitivity at `rate` or fewer false marks per case: a point that a threshold reaches, never between two."""
        if not np.isfinite(rate) or rate < 0:
            raise ValueError(f"got the rate {rate}; expected a finite number of false marks per case, 0 or more")
        return float(self.sensitivity[self.false_per_case <= rate].max())

    def mean_sensitivity(self, rates: Sequence[float] = LUNA_RATES) -> float:
        """Mean sensitivity at `rates`; on the staircase, where LUNA16's own script interpolates (doi:10.1016/j.media.2017.06.015)."""
        if not len(rates):
            raise ValueError("got no rates; expected at least one number of false marks per case")
        return float(np.mean([self.sensitivity_at(rate) for rate in rates]))


def staircase(marks: FreeResponse) -> Staircase:
    """The FROC curve: one point per distinct score, so that marks of equal score enter together."""
    if not marks.lesion_score.size:
        raise ValueError("got no lesion; sensitivity needs at least one")
    found = np.sort(marks.lesion_score[np.isfinite(marks.lesion_score)])
    false = np.sort(marks.false_score)
    cuts = np.concatenate(([np.inf], np.unique(np.concatenate((found, false)))[::-1]))
    hits = found.size - np.searchsorted(found, cuts, side="left")
    wrong = false.size - np.searchsorted(false, cuts, side="left")
    return Staircase(cuts, wrong / marks.cases, hits / marks.lesion_score.size)


def afroc(marks: FreeResponse) -> float:
    """AFROC area: each lesion against the highest false mark of each case without lesions; every lesion weighs the same."""
    weights = np.full(marks.lesion_score.size, 1.0)
    return _area(marks.lesion_score, weights, _highest_false(marks)[marks.lesions_of == 0])


def weighted_afroc(marks: FreeResponse) -> float:
    """Area under wAFROC: as AFROC, but every case with lesions weighs the same, shared equally by its lesions."""
    weights = 1.0 / marks.lesions_of[marks.lesion_case]
    return _area(marks.lesion_score, weights, _highest_false(marks)[marks.lesions_of == 0])


def highest_rating_auc(marks: FreeResponse) -> float:
    """HR-AUC, the ROC area of cases: each case scores its highest mark, true or false, and minus infinity without one."""
    highest = _highest_false(marks)
    np.maximum.at(highest, marks.lesion_case, marks.lesion_score)
    diseased = marks.lesions_of > 0
    return _area(highest[diseased], np.ones(int(diseased.sum())), highest[~diseased])


def _highest_false(marks: FreeResponse) -> Floats:
    highest = np.full(marks.cases, -np.inf)
    np.maximum.at(highest, marks.false_case, marks.false_score)
    return highest


def _area(positive: Floats, weights: Floats, negative: Floats) -> float:
    if not positive.size or not negative.size:
        raise ValueError(
            f"got {positive.size} positives and {negative.size} cases without lesions; expected at least one of each"
        )
    negative = np.sort(negative)
    below = np.searchsorted(negative, positive, side="left")
    up_to = np.searchsorted(negative, positive, side="right")
    return float(np.sum(weights * (below + up_to)) / (2 * negative.size * np.sum(weights)))


def _check(name: str, cases: int, case: Integers, score: Floats) -> None:
    if case.ndim != 1 or case.shape != score.shape:
        raise ValueError(
            f"{name}_case has shape {case.shape} and {name}_score {score.shape}; expected one case for each score"
        )
    if not np.issubdtype(case.dtype, np.integer):
        raise ValueError(f"{name}_case holds {case.dtype}; expected whole numbers")
    if case.size and (case.min() < 0 or case.max() >= cases):
        raise ValueError(f"{name}_case runs from {case.min()} to {case.max()}; expected 0 to {cases - 1}")
    if np.isnan(score).any() or np.isposinf(score).any():
        raise ValueError(
            f"{name}_score holds NaN or +inf; expected finite scores, and -inf for a lesion that no mark hit"
        )
