"""An age is read with its unit, counted from two dates, or missing with a reason; never guessed."""

from __future__ import annotations

from datetime import date

import pytest

from validate.cohort.age import age_in_years

STUDIED = date(2025, 6, 1)


@pytest.mark.parametrize(
    ("stated", "years"),
    [("042Y", 42), ("22Y", 22), ("018M", 1.5), ("006M", 0.5), ("001Y", 1), ("104Y", 104), (" 42y ", 42), ("42 Y", 42)],
)
def test_a_stated_age_with_its_unit_is_taken(stated, years):
    found, reason = age_in_years(stated, None, None)
    assert found == pytest.approx(years, abs=0.01)
    assert reason is None


@pytest.mark.parametrize(("stated", "days"), [("010D", 10), ("003W", 21), ("000D", 0)])
def test_days_and_weeks_are_parts_of_a_year(stated, days):
    found, _ = age_in_years(stated, None, None)
    assert found == pytest.approx(days / 365.25)


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        (None, "empty"),
        ("", "empty"),
        ("68", "no unit"),
        ("***", "not an age"),
        ("000Y", "a placeholder"),
        ("000M", "a placeholder"),
        ("000W", "a placeholder"),
        ("\u0661\u0662Y", "not an age"),
        ("999Y", "past any age"),
        ("ADULT", "not an age"),
        ("-05Y", "not an age"),
        ("4.5Y", "not an age"),
    ],
)
def test_what_is_no_age_is_missing_with_its_reason(stated, reason):
    assert age_in_years(stated, None, STUDIED) == (None, reason)


@pytest.mark.parametrize("stated", [None, "68", "***", "000Y"])
def test_two_dates_decide_where_nothing_usable_is_stated(stated):
    assert age_in_years(stated, date(1957, 6, 1), STUDIED) == (68.0, None)
    assert age_in_years(stated, date(1957, 6, 2), STUDIED) == (67.0, None)  # the day before the birthday


def test_a_newborn_by_dates_is_no_year_old():
    found, _ = age_in_years("000Y", date(2025, 5, 22), STUDIED)
    assert found == pytest.approx(10 / 365.25)


def test_a_stated_age_goes_before_dates_that_were_shifted():
    assert age_in_years("042Y", date(2024, 1, 1), STUDIED) == (42.0, None)


@pytest.mark.parametrize(
    ("born", "reason"),
    [
        (date(1900, 1, 1), "birth date is a placeholder"),
        (date(2026, 1, 1), "birth date and study date contradict each other"),
        (date(1890, 5, 5), "birth date and study date contradict each other"),
    ],
)
def test_dates_that_can_not_be_are_missing_with_their_reason(born, reason):
    assert age_in_years(None, born, STUDIED) == (None, reason)
