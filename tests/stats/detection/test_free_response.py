"""FROC and its areas: cases worked by hand, and what must be refused. (The areas agree with RJafroc 2.1.3 on its dataset05.)"""

from __future__ import annotations

import numpy as np
import pytest

from validate.stats.detection import free_response as fr


def marks(lesion_case=(0, 0, 1), lesion_score=(0.9, -np.inf, 0.5), false_case=(0, 2), false_score=(0.95, 0.5), cases=4):
    return fr.FreeResponse(
        cases,
        np.array(lesion_case, dtype=np.int64),
        np.array(lesion_score, dtype=float),
        np.array(false_case, dtype=np.int64),
        np.array(false_score, dtype=float),
    )


def test_ties_enter_together_and_unmarked_lesions_and_cases_stay_in_the_denominators():
    curve = fr.staircase(marks())
    assert curve.threshold.tolist() == [np.inf, 0.95, 0.9, 0.5]
    assert curve.false_per_case.tolist() == [0, 0.25, 0.25, 0.5]
    assert curve.sensitivity.tolist() == pytest.approx([0, 0, 1 / 3, 2 / 3])


def test_sensitivity_is_a_step_and_keeps_the_last_lesion():
    curve = fr.staircase(marks())
    assert [curve.sensitivity_at(rate) for rate in (0, 0.25, 0.49, 0.5, 8)] == pytest.approx(
        [0, 1 / 3, 1 / 3, 2 / 3, 2 / 3]
    )
    assert curve.mean_sensitivity() == pytest.approx((0 + 1 / 3 + 5 * 2 / 3) / 7)


def test_areas_worked_by_hand():
    # Without lesions: case 2 (0.5) and case 3 (no mark). Lesions 0.9: 2 wins; unmarked: half of one; 0.5: half and 1.
    assert fr.afroc(marks()) == pytest.approx((2 + 0.5 + 1.5) / 6)
    assert fr.weighted_afroc(marks()) == pytest.approx((0.5 * 2 + 0.5 * 0.5 + 1.5) / 4)
    assert fr.highest_rating_auc(marks()) == pytest.approx((2 + 1.5) / 4)


@pytest.mark.parametrize(
    "bad",
    [
        {"false_score": (np.nan, 0.5)},
        {"false_score": (-np.inf, 0.5)},
        {"lesion_score": (np.inf, 0.1, 0.2)},
        {"lesion_case": (0, 0, 4)},
        {"false_case": (-1, 2)},
        {"false_case": (0,)},
        {"cases": 0},
    ],
)
def test_what_cannot_be_counted_is_refused(bad):
    with pytest.raises(ValueError, match="expected"):
        marks(**bad)


def test_no_lesion_or_no_case_without_lesions_gives_no_number():
    with pytest.raises(ValueError, match="at least one"):
        fr.staircase(marks(lesion_case=(), lesion_score=()))
    with pytest.raises(ValueError, match="at least one"):
        fr.afroc(marks(cases=3, lesion_case=(0, 1, 2)))
    for rate in (np.nan, -1, np.inf):
        with pytest.raises(ValueError, match="rate"):
            fr.staircase(marks()).sensitivity_at(rate)
