"""Kaplan–Meier, log-rank and Harrell's C against R's survival package and cases by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate.errors import Undefined
from validate.stats.survival import concordance, kaplan_meier, log_rank, number_at_risk

# tests/golden/r/survival.R has the same patients and prints what is expected below (R 4.2.2, survival 3.5.3)
TIME = np.array([5, 8, 8, 12, 13, 17, 20, 21, 25, 28, 30, 30, 4, 6, 6, 9, 10, 11, 14, 15, 15, 18, 22, 26], float)
EVENT = np.array([1, 0, 1, 1, 0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 0], bool)
SECOND = np.arange(24) >= 12
RISK = np.array([4, 2, 5, 3, 1, 6, 2, 3, 4, 1, 2, 3, 9, 7, 8, 6, 5, 7, 4, 8, 6, 5, 5, 7], float) / 10


def test_medians_with_limits_are_those_of_r() -> None:
    assert kaplan_meier(TIME[~SECOND], EVENT[~SECOND]).median() == (25, 17, None)  # survfit: 25 (17, NA)
    assert kaplan_meier(TIME[SECOND], EVENT[SECOND]).median() == (14, 9, None)  # survfit: 14 (9, NA)


def test_the_curve_and_its_limits_are_those_of_r() -> None:
    curve = kaplan_meier(TIME, EVENT)
    found = np.array([curve.at(time) for time in (8, 15, 25)]).T
    assert found[0] == pytest.approx([0.791666666666667, 0.553574608262108, 0.253062678062678], abs=1e-13)
    assert found[1] == pytest.approx([0.644777814650912, 0.379418327550733, 0.112980118303854], abs=1e-13)
    assert found[2] == pytest.approx([0.972018727800724, 0.807670122027965, 0.566831757566586], abs=1e-13)
    assert number_at_risk(TIME, (8, 15, 25)).tolist() == [20, 12, 5]


def test_the_log_rank_statistic_is_that_of_r() -> None:
    found = log_rank(TIME, EVENT, SECOND)
    assert found.statistic == pytest.approx(2.43015134102184, abs=1e-12)  # survdiff
    assert (found.observed, found.expected) == (9, pytest.approx(6.0963469501513, abs=1e-12))
    assert found.p == pytest.approx(0.11902, abs=1e-5)  # pchisq(2.43015134102184, 1, lower.tail = FALSE)


def test_concordance_is_that_of_r() -> None:
    assert concordance(TIME, EVENT, RISK)[0] == pytest.approx(0.746341463414634, abs=1e-14)


def test_a_curve_by_hand() -> None:
    # times 1, 2+, 3, 3, 4+: at 1 5 are at risk → 4/5; at 3 3 are → 4/5 · 1/3
    time, event = np.array([1.0, 2.0, 3.0, 3.0, 4.0]), np.array([True, False, True, True, False])
    curve = kaplan_meier(time, event)
    assert curve.survival.tolist() == pytest.approx([4 / 5, 4 / 15])
    assert curve.at_risk.tolist() == [5, 3] and curve.events.tolist() == [1, 2]
    assert curve.at(0.5) == (1.0, 1.0, 1.0) and curve.at(3.5)[0] == pytest.approx(4 / 15)
    assert number_at_risk(time, [0.0, 3.0, 5.0]).tolist() == [5, 3, 0]
    assert curve.median()[0] == 3.0


def test_concordance_by_hand_counts_ties_as_halves_and_no_pair_of_two_events_at_once() -> None:
    # ordered pairs: (1, 2+), (1, 3), (1, 3'); 3 and 3' are one time. Risks 0.9 > 0.1, 0.9 = 0.9, 0.9 > 0.5: 2.5 of 3
    time, event = np.array([1.0, 2.0, 3.0, 3.0]), np.array([True, False, True, True])
    assert concordance(time, event, np.array([0.9, 0.1, 0.9, 0.5]))[0] == pytest.approx(2.5 / 3)


def test_nothing_known_is_undefined_and_no_number() -> None:
    with pytest.raises(Undefined, match="at least 1 patient"):
        kaplan_meier(np.array([]), np.array([], np.bool_))
    with pytest.raises(Undefined, match="two groups"):
        log_rank(np.array([1.0]), np.array([True]), np.array([True]))
    with pytest.raises(Undefined, match="both groups are at risk"):
        log_rank(np.array([1.0, 2.0]), np.array([False, False]), np.array([True, False]))
    assert np.isnan(concordance(np.array([1.0, 2.0]), np.array([False, False]), np.array([0.1, 0.2]))[0])


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.booleans(), st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=40
    )
)
def test_weights_are_rows_repeated_and_a_curve_never_rises(rows: list[tuple[int, bool, int, int]]) -> None:
    time, event, risk, weight = (np.array(column) for column in zip(*rows, strict=True))
    time, event, risk = time.astype(float), event.astype(bool), risk.astype(float)
    (weighted,) = concordance(time, event, risk, weight[None, :].astype(np.uint8))
    (repeated,) = concordance(*(np.repeat(one, weight) for one in (time, event, risk)))
    assert weighted == pytest.approx(repeated, nan_ok=True)
    curve = kaplan_meier(time, event)
    assert (
        (np.diff(curve.survival) <= 0).all()
        and (curve.low <= curve.survival).all()
        and (curve.high >= curve.survival).all()
    )
    assert not np.isnan(np.concatenate([curve.survival, curve.low, curve.high])).any()
