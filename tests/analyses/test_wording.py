from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate.analyses.wording import count_of, group_phrase, listed, number_word, printed, printed_goal, printed_limits


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (1, "image", "1 image"),
        (0, "positive image", "0 positive images"),
        (2, "study", "2 studies"),
        (1274, "series", "1,274 series"),
    ],
)
def test_counts_agree_with_their_noun(count: int, noun: str, text: str) -> None:
    assert count_of(count, noun) == text


def test_numbers_are_printed_as_a_reader_expects() -> None:
    assert printed(0.74138, "proportion") == "74.1%"
    assert printed(0.92649, "index") == "0.926"
    assert printed(-0.0931, "index") == "−0.093"
    assert printed_limits(0.609, 0.84, "proportion") == "60.9–84.0%"
    assert printed_limits(-0.152, -0.035, "index") == "−0.152 to −0.035"
    assert printed_goal(0.8, "index") == "0.80"
    assert printed_goal(0.65, "proportion") == "65%"
    assert printed_goal(0.825, "proportion") == "82.5%"


@given(st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_rounding_never_hides_on_which_side_of_the_goal_a_limit_is(value: float, goal: float) -> None:
    for unit, scale in (("proportion", 100), ("index", 1)):
        shown = float(printed(value, unit, against=goal).rstrip("%"))
        if abs(value - goal) * scale > 1e-6:
            assert (shown < goal * scale) == (value < goal)
            assert (shown > goal * scale) == (value > goal)


def test_groups_are_named_in_words() -> None:
    assert group_phrase({"manufacturer": "Fujifilm"}) == "on Fujifilm scanners"
    assert group_phrase({"sex": "F"}) == "in female patients"
    assert group_phrase({"sex": "missing"}) == "where sex is not known"
    assert group_phrase({"view_position": "AP"}) == "where view position is AP"
    assert group_phrase({"age_band": "18–40", "site": "A"}) == "at age 18–40 and at site A"


def test_lists_and_small_numbers_are_words() -> None:
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert (number_word(0), number_word(3), number_word(11)) == ("no", "three", "11")
