"""A column that is not compared is told with its reason."""

from __future__ import annotations

import math
from typing import Any

import pytest

from validate.analyses.not_compared import lacking, why_not


def test_what_one_cohort_lacks_is_named_this_one_first() -> None:
    assert list(
        lacking(["sex", "age", "kernel", "month"], ["age", "agee", "sex", "score.b", "unit"], passed={"month"})
    ) == [
        ("kernel", "the reference does not have it"),
        ("agee", "only the reference has it"),
    ]


@pytest.mark.parametrize(
    ("now", "before", "reason"),
    [
        ([1.0, 2.0] * 4, ["old", 3.0] * 4, "numbers and words are mixed"),
        ([f"a{n}" for n in range(5)], ["b"] * 5, "more than 3 different words: names, not groups"),
        (["a"] * 9, [None] * 9, "fewer than 5 values: 0 in the reference"),
        ([1.0, math.nan, None], [1.0] * 9, "fewer than 5 values: 1 in this cohort"),
        ([1.0], [None, 2, 3], "fewer than 5 values: 1 in this cohort, 2 in the reference"),
        ([None], [None], "fewer than 5 values: 0 in this cohort, 0 in the reference"),
    ],
)
def test_each_reason(now: list[Any], before: list[Any], reason: str) -> None:
    assert why_not(now, before, fewest=5, most_levels=3) == reason
