"""Marks and lesions by the textbook, one case at a time; docs/detection.md says what each number means."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from validate.evidence.recount_yes_no import Found

NOT_MARKED = -math.inf
CPM_RATES = (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8)
ROUNDING = 1e-9  # of a rate: 0.1 a case of 30 cases are 3 false marks
Reaches = Callable[[float], bool]  # whether a score reaches the operating point


@dataclass(frozen=True, slots=True)
class Lesion:
    """score : of the mark that hit it      asked : whether the estimate is of it      counted : in COCO's four ranges of areas"""

    score: float
    asked: bool = True
    counted: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Box:
    """A mark as COCO sees it; of each range of areas, one bit for each overlap.    rank : among those of its case, from 0
    place : which of two equal scores comes first"""

    score: float
    matched: tuple[int, ...]
    passed_over: tuple[int, ...]
    rank: int
    place: int


@dataclass(frozen=True, slots=True)
class Case:
    """lesions : those that are to be found      false : scores of false marks      highest : of all marks, hit or not"""

    lesions: tuple[Lesion, ...] = ()
    false: tuple[float, ...] = ()
    highest: float = NOT_MARKED
    boxes: tuple[Box, ...] = ()

    @property
    def highest_false(self) -> float:
        return max(self.false, default=NOT_MARKED)


Cases = Sequence[Case]


def _lesions(cases: Cases) -> list[Lesion]:
    return [lesion for case in cases for lesion in case.lesions if lesion.asked]


def _false(cases: Cases) -> list[float]:
    return [score for case in cases for score in case.false]


def _share(hits: int, of: int) -> Found:
    return Found(hits / of if of else math.nan, hits, of)


def _reached(scores: Iterable[float], reaches: Reaches) -> int:
    return sum(1 for score in scores if reaches(score))


def lesion_sensitivity(cases: Cases, reaches: Reaches) -> Found:
    lesions = _lesions(cases)
    return _share(_reached((lesion.score for lesion in lesions), reaches), len(lesions))


def precision(cases: Cases, reaches: Reaches) -> Found:
    hits, false = lesion_sensitivity(cases, reaches).numerator or 0, _reached(_false(cases), reaches)
    return _share(hits, hits + false)


def f1(cases: Cases, reaches: Reaches) -> Found:
    """The harmonic mean of precision and sensitivity, as hits, false marks and misses."""
    lesions, false = _lesions(cases), _reached(_false(cases), reaches)
    hits = _reached((lesion.score for lesion in lesions), reaches)
    of = 2 * hits + false + (len(lesions) - hits)
    return Found(2 * hits / of if of else math.nan)


def false_marks(cases: Cases, reaches: Reaches) -> Found:
    return Found(_reached(_false(cases), reaches) / len(cases) if cases else math.nan)


def case_sensitivity(cases: Cases, reaches: Reaches) -> Found:
    abnormal = [case.highest for case in cases if case.lesions]
    return _share(_reached(abnormal, reaches), len(abnormal))


def case_specificity(cases: Cases, reaches: Reaches) -> Found:
    normal = [case.highest for case in cases if not case.lesions]
    return _share(len(normal) - _reached(normal, reaches), len(normal))


def sensitivity_at(cases: Cases, rate: float) -> Found:
    """With `allowed` false marks, the threshold lies above the next one: only what scores higher than that is found."""
    lesions, false = _lesions(cases), sorted(_false(cases), reverse=True)
    allowed = math.floor(rate * len(cases) + ROUNDING * len(cases))
    refused = false[allowed] if len(false) > allowed else NOT_MARKED
    return Found(sum(lesion.score > refused for lesion in lesions) / len(lesions) if lesions else math.nan)


def mean_sensitivity(cases: Cases) -> Found:
    return Found(math.fsum(sensitivity_at(cases, rate).value for rate in CPM_RATES) / len(CPM_RATES))


def _area(above: Iterable[tuple[float, float]], below: Iterable[float]) -> Found:
    """(score, weight) against scores: the weight of pairs in the right order, ties half, of the weight of all."""
    ranked, won, weights = sorted(below), [], []
    for score, weight in above:
        won.append(weight * (bisect.bisect_left(ranked, score) + bisect.bisect_right(ranked, score)) / 2)
        weights.append(weight)
    whole = math.fsum(weights) * len(ranked)
    return Found(math.fsum(won) / whole if whole else math.nan)


def afroc(cases: Cases) -> Found:
    return _area(((lesion.score, 1.0) for lesion in _lesions(cases)), _highest_false_of_normal(cases))


def weighted_afroc(cases: Cases) -> Found:
    shared = ((one.score, 1 / len(case.lesions)) for case in cases for one in case.lesions if one.asked)
    return _area(shared, _highest_false_of_normal(cases))


def _highest_false_of_normal(cases: Cases) -> Iterable[float]:
    return (case.highest_false for case in cases if not case.lesions)


def highest_rating_auc(cases: Cases) -> Found:
    return _area(((c.highest, 1.0) for c in cases if c.lesions), (c.highest for c in cases if not c.lesions))


AT_THE_POINT: Mapping[str, Callable[[Cases, Reaches], Found]] = {
    "lesion_sensitivity": lesion_sensitivity, "precision": precision, "f1": f1, "false_marks_per_case": false_marks,
    "false_marks_per_normal_case": lambda cases, reaches: false_marks([c for c in cases if not c.lesions], reaches),
    "false_marks_per_abnormal_case": lambda cases, reaches: false_marks([c for c in cases if c.lesions], reaches),
    "case_sensitivity": case_sensitivity, "case_specificity": case_specificity,
}  # fmt: skip
OF_SCORES: Mapping[str, Callable[[Cases], Found]] = {
    "mean_sensitivity": mean_sensitivity, "afroc": afroc, "weighted_afroc": weighted_afroc, "highest_rating_auc": highest_rating_auc,
}  # fmt: skip
AT_RATE = "sensitivity_at_rate"
