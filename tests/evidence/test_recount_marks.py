"""The second way of counting marks: right by hand, and in agreement with the first on boxes of all sizes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from validate.evidence import recount_boxes
from validate.evidence.recount_cases import Marked, way_to_count
from validate.evidence.recount_marks import AT_RATE, AT_THE_POINT, NOT_MARKED, OF_SCORES, Box, Case, Lesion
from validate.stats.detection.coco import NAMES, coco_summary, match

# By hand: two cases with lesions, two without. Of three lesions .9 and .4 are marked, one is not; false marks are .7 .2 .6 .4.
CASES = [
    Case((Lesion(0.9), Lesion(NOT_MARKED)), (0.7,), 0.9),
    Case((Lesion(0.4),), (0.2,), 0.4),
    Case((), (0.6, 0.4), 0.6),
    Case(),
]
BY_HAND = {  # at 0.4, which is reached by what equals it
    "lesion_sensitivity": (2 / 3, 2, 3),
    "precision": (2 / 5, 2, 5),
    "f1": (2 * 2 / (2 * 2 + 3 + 1), None, None),
    "false_marks_per_case": (3 / 4, None, None),
    "false_marks_per_normal_case": (2 / 2, None, None),
    "false_marks_per_abnormal_case": (1 / 2, None, None),
    "case_sensitivity": (2 / 2, 2, 2),
    "case_specificity": (1 / 2, 1, 2),
    # no false mark: above .7, one lesion; one: above .6, one; two: above .4, one; four: two. Rates 1/8 … 8 let 0 1 2 4 8 … stand
    "mean_sensitivity": ((1 + 1 + 1 + 2 + 2 + 2 + 2) / 3 / 7, None, None),
    # highest false marks of cases without lesions: .6 and none. .9 beats both, .4 one, none ties with none
    "afroc": ((2 + 1 + 0.5) / 6, None, None),
    "weighted_afroc": (((2 + 0.5) / 2 + 1) / 4, None, None),
    "highest_rating_auc": ((2 + 1) / 4, None, None),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_each_measure_is_as_by_hand(name: str) -> None:
    assert set(BY_HAND) == {*AT_THE_POINT, *OF_SCORES}
    way = way_to_count(name, {}, of_lesions=False, threshold=0.4, inclusive=True)
    assert way is not None
    found, (value, numerator, denominator) = way(CASES), BY_HAND[name]
    assert math.isclose(found.value, value, rel_tol=1e-12)
    assert (found.numerator, found.denominator) == (numerator, denominator)


@pytest.mark.parametrize(("rate", "found"), [(0, 1), (0.25, 1), (0.74, 1), (0.75, 2), (0.99, 2), (8, 2)])
def test_a_curve_of_marks_is_a_staircase(rate: float, found: int) -> None:
    """The lesion at .4 is tied with a false mark, and .7 and .6 lie above: it is found where three in four cases are let stand."""
    way = way_to_count(AT_RATE, {"rate": rate}, of_lesions=False, threshold=None, inclusive=True)
    assert way is not None
    assert math.isclose(way(CASES).value, found / 3, rel_tol=1e-12)


def test_a_threshold_that_must_be_passed_is_not_passed_by_what_equals_it() -> None:
    way = way_to_count("lesion_sensitivity", {}, of_lesions=False, threshold=0.4, inclusive=False)
    assert way is not None
    assert way(CASES).numerator == 1


def test_what_cannot_be_counted_is_not() -> None:
    assert way_to_count("f1", {}, of_lesions=False, threshold=None, inclusive=True) is None
    assert way_to_count("case_sensitivity", {}, of_lesions=True, threshold=0.5, inclusive=True) is None
    assert way_to_count("another", {}, of_lesions=False, threshold=0.5, inclusive=True) is None


KEY = ("a", "clean", "nodule", "U")
ROW = dict(zip(("model", "pass", "target", "unit"), KEY, strict=True))
MARKED = Marked(
    {
        KEY: [
            {"score": 0.8, "verdict": "hit", "lesion": 0, "matched": None},
            {"score": 0.9, "verdict": "ignored", "lesion": 1, "matched": None},
            {"score": 0.7, "verdict": "repeated", "lesion": 0, "matched": None},
            {"score": 0.3, "verdict": "false", "lesion": None, "matched": None},
        ]
    },
    {
        KEY: [
            {"lesion": 0, "ignore": False, "counted": None},
            {"lesion": 1, "ignore": True, "counted": None},
            {"lesion": 2, "ignore": False, "counted": None},
        ]
    },
)


@pytest.mark.parametrize(
    ("rule", "lesions", "false", "highest"),
    [
        (None, [0.8, -math.inf], (0.3,), 0.8),
        ("worst_case", [-math.inf, -math.inf], (math.inf,), -math.inf),
        ("best_case", [math.inf, math.inf], (), math.inf),
    ],
)
def test_a_case_counts_as_its_marks_say_and_a_failed_one_as_the_rule_says(
    rule: str | None, lesions: list[float], false: tuple[float, ...], highest: float
) -> None:
    case = MARKED.case(ROW, rule, lambda lesion: lesion["lesion"] == 0)
    assert [one.score for one in case.lesions] == lesions
    assert [one.asked for one in case.lesions] == [True, False]
    assert (case.false, case.highest) == (false, highest)


def test_a_failed_case_without_lesions_is_flagged_where_it_counts_as_wrong() -> None:
    worst, best = (Marked().case(ROW, rule, lambda _: True) for rule in ("worst_case", "best_case"))
    assert (worst.highest, worst.highest_false) == (math.inf, math.inf)
    assert (best.highest, best.highest_false) == (-math.inf, -math.inf)


@pytest.mark.parametrize("seed", range(4))
def test_boxes_are_counted_as_the_first_way_counts_them_which_is_held_against_pycocotools(seed: int) -> None:
    rng = np.random.default_rng(seed)
    of_lesion = np.sort(rng.integers(0, 30, 60))
    lesions = np.column_stack((rng.uniform(0, 400, (60, 2)), np.exp(rng.uniform(2, 5.5, (60, 2)))))
    seen = rng.random(60) < 0.8
    near = lesions[seen] + np.column_stack([rng.normal(0, 0.1, (seen.sum(), 4))]) * lesions[seen][:, [2, 3, 2, 3]]
    far = np.column_stack((rng.uniform(0, 400, (40, 2)), np.exp(rng.uniform(2, 5.5, (40, 2)))))
    of_mark = np.concatenate((of_lesion[seen], rng.integers(0, 30, 40)))
    boxes, scores = np.concatenate((near, far)), rng.integers(0, 20, of_mark.size) / 20  # many are tied
    order = np.argsort(of_mark, kind="stable")
    of_mark, boxes, scores = of_mark[order], boxes[order], scores[order]
    found = match(of_mark, boxes, scores, of_lesion, lesions)
    cases = []
    for case in range(30):
        own = found.order[of_mark[found.order] == case].tolist()
        cases.append(
            Case(
                tuple(Lesion(0.0, True, tuple(row)) for row in found.counted[of_lesion == case].tolist()),
                boxes=tuple(
                    Box(
                        scores[n],
                        tuple(found.matched[n].tolist()),
                        tuple(found.ignored[n].tolist()),
                        int(found.rank[n]),
                        case,
                    )
                    for n in own
                ),
            )
        )
    one, other = np.zeros(of_mark.size, int), np.zeros(60, int)
    told = coco_summary(of_mark, one, boxes, scores, of_lesion, other, lesions)
    assert {f"coco.{name.lower()}" for name in NAMES} == set(recount_boxes.MEASURES)
    for name in NAMES:
        value = told[name]
        assert value is not None
        assert recount_boxes.MEASURES[f"coco.{name.lower()}"](cases).value == pytest.approx(value, abs=1e-12), name
