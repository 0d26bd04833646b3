"""`validate.evaluate(task="detection")`: tables in, the same numbers as by hand out, and reasons for what can't be judged."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

import validate
from validate.errors import DataError

CASES = {"case": ["a", "b", "c", "d"], "site": ["x", "x", "y", "y"]}
LESIONS = {
    "case": ["a", "a", "b"],
    "x": [0.0, 50.0, 0.0],
    "y": [0.0, 0.0, 0.0],
    "z": [0.0] * 3,
    "diameter": [10.0, 10.0, 4.0],
}
MARKS = {
    "case": ["a", "a", "b", "c"], "x": [1.0, 90.0, 1.5, 3.0], "y": [0.0] * 4, "z": [0.0] * 4,
    "score": [0.9, 0.95, 0.5, 0.5],
}  # fmt: skip
NEAR = {"criterion": "diameter_fraction", "value": 0.5}


def told(name: str, **more: Any) -> Any:
    options: dict[str, Any] = {"marks": MARKS, "lesions": LESIONS, "key": "case", "hit": NEAR, "replicates": 200}
    found = validate.evaluate(CASES, task="detection", metrics=[name], **{**options, **more})
    return found[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # lesions 0.9, unmarked, 0.5; false 0.95 in a, 0.5 in c: at 1/8 per case none, at 1/4 one of three, from 1/2 on two
        ("mean_sensitivity", (0 + 1 / 3 + 5 * 2 / 3) / 7),
        # normal cases c (0.5) and d (none): 2 wins, half of one, half and one; by case: a two halves, b whole
        ("afroc", (2 + 0.5 + 1.5) / 6),
        ("weighted_afroc", ((2 + 0.5) / 2 + 1.5) / 4),
        ("highest_rating_auc", (2 + 1.5) / 4),
    ],
)
def test_numbers_worked_by_hand(name: str, value: float) -> None:
    assert told(name).value == pytest.approx(value)


def test_a_threshold_gives_the_operating_point_with_its_fraction() -> None:
    one = told("lesion_sensitivity", threshold=0.6)
    assert (one.numerator, one.denominator, one.n_cases, one.n_events) == (1, 3, 4, 3)
    assert told("false_marks_per_normal_case", threshold=0.4).value == pytest.approx(0.5)


def test_marks_may_say_themselves_what_they_hit() -> None:
    lesions = {"case": ["a", "a", "b"], "lesion": ["1", "2", "1"]}
    marks = {"case": ["a", "a", "b", "c"], "score": [0.9, 0.95, 0.5, 0.5], "lesion": ["1", None, "1", None]}
    assert told("afroc", marks=marks, lesions=lesions, hit=None).value == pytest.approx((2 + 0.5 + 1.5) / 6)


def test_groups_of_cases_and_of_lesions() -> None:
    lesions = {**LESIONS, "texture": ["solid", "solid", "other"]}
    found = validate.evaluate(
        CASES, task="detection", marks=MARKS, lesions=lesions, key="case", hit=NEAR, metrics=["lesion_sensitivity"],
        threshold=0.4, by=["site", "texture"], replicates=200,
    )  # fmt: skip
    rows = {tuple(one.stratum.items()): (one.numerator, one.denominator, one.n_cases) for one in found}
    assert rows[("texture", "solid"),] == (1, 2, 4)
    assert rows[("site", "x"),] == (2, 3, 2)


def test_boxes_have_coco_numbers() -> None:
    box = {"case": ["a"], "x_min": [0.0], "y_min": [0.0], "x_max": [10.0], "y_max": [10.0]}
    marks = {**box, "score": [0.5]}
    one = told("coco.ap50", marks=marks, lesions=box, hit={"criterion": "iou", "value": 0.5})
    assert one.value == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"key": None}, "needs marks=, lesions= and key="),
        ({"hit": {"criterion": "nearness"}}, "hit: criterion"),
        ({"hit": {"criterion": "iou", "value": 0.5}}, "overlap is of two of a kind"),
        ({"marks": {**MARKS, "case": ["a", "a", "b", "q"]}}, "1 of 4 rows name no case of the frame"),
        ({"marks": {**MARKS, "score": [0.9, None, 0.5, 0.5]}}, "1 of 4 rows have no number"),
        ({"lesions": {**LESIONS, "diameter": [10.0, -1.0, 4.0]}}, "have no diameter"),
        ({"lesions": {**LESIONS, "x": [0.0, 0.0, 0.0]}}, "lesions: row 2 lies at the very place of row 1"),
        ({"marks": {**MARKS, "x": [90.0, 90.0, 1.5, 3.0]}}, "marks: row 2 lies at the very place of row 1"),
        (
            {"hit": {"criterion": "iou", "value": 1.5}, "marks": {**MARKS, "diameter": [5.0] * 4}},
            "value is 1.5; an overlap",
        ),
        ({"repeated_hits": "twice"}, "expected 'ignore' or 'false_mark'"),
        ({"hit": None}, "no column 'lesion'"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_the_reason(change: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        told("afroc", **change)


def test_marks_belong_to_a_detection_alone() -> None:
    with pytest.raises(DataError, match="belong to task 'detection'"):
        validate.evaluate(pa.table(CASES), task="segmentation", marks=MARKS)
