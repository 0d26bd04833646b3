"""Rounding, by hand: what a reader sees of a sealed number."""

from __future__ import annotations

from typing import Any

import pytest

from validate.report import moments, view
from validate.report.printed import printed
from validate.report.reasons import reason_words
from validate.report.sealed import Node


def node(value: Any) -> Node:
    return Node("estimates.json", ("estimates", 3, "value"), value)


def estimate(value: float | None, low: float | None = None, high: float | None = None, **fields: Any) -> Node:
    interval = None if low is None else {"low": low, "high": high, "level": 0.95, "method": "wilson"}
    return Node(
        "estimates.json", (), {"value": value, "interval": interval, "unit": "proportion", "status": "ok", **fields}
    )


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.88518, "proportion", "88.5%"),
        (0.9256, "index", "0.926"),
        (0.0, "proportion", "0.0%"),
        (1.0, "index", "1.000"),
        (0.0004, "index", "<0.001"),
        (0.0002, "proportion", "<0.1%"),
        (0.99997, "proportion", ">99.9%"),
        (0.9996, "index", ">0.999"),
        (-0.0931, "index", "−0.093"),
        (12.5, "index", "12.500"),
    ],
)
def test_a_number_is_rounded_once_and_never_to_a_bound_it_does_not_reach(value: float, unit: str, text: str) -> None:
    assert str(view.number(node(value), unit)) == text


def test_rounding_never_hides_on_which_side_of_a_goal_a_number_lies() -> None:
    assert str(view.number(node(0.79996), "proportion", against=0.8)) == "79.996%"


@pytest.mark.parametrize(("value", "text"), [(1274, "1,274 images"), (1, "1 image"), (0, "0 images")])
def test_a_count_has_its_thousands_and_its_noun(value: int, text: str) -> None:
    assert str(view.count(node(value), "image")) == text


def test_an_estimate_is_value_and_limits_with_an_en_dash() -> None:
    assert str(view.estimate(estimate(0.88518, 0.8523, 0.9117))).replace("\u2060", "") == "88.5% (85.2–91.2)"


def test_limits_below_zero_are_joined_by_a_word_and_not_by_a_dash() -> None:
    found = estimate(-0.093, -0.152, -0.035, unit="index")
    assert str(view.estimate(found)) == "−0.093 (−0.152 to −0.035)"


def test_what_has_no_value_is_told_with_the_reason() -> None:
    shown = view.estimate(estimate(None, status="undefined", reason="AUROC needs both classes: 0 positives"))
    assert str(shown) == "not defined: AUROC needs both classes: 0 positives"
    assert shown.absent


def test_what_has_no_limits_is_told_with_the_reason() -> None:
    shown = view.estimate(estimate(0.8, status="too_few", reason="4 patients are too few"))
    assert str(shown) == "80.0% (too few for limits: 4 patients are too few)"


def test_an_estimate_that_is_not_there_is_said_not_to_be() -> None:
    assert str(view.estimate(node(None))) == "not in this evidence"


@pytest.mark.parametrize(("value", "text"), [(0.0312, "p = 0.031"), (0.0000001, "p < 0.001"), (None, "no p value")])
def test_a_small_p_is_a_bound(value: float | None, text: str) -> None:
    assert str(view.p_value(node(value))).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0931, "proportion", "+9.3"),
        (-0.0235, "proportion_difference", "−2.4"),
        (1.2049, "mm", "+1.20"),
        (-0.0931, "index", "−0.093"),
        (0.0, "index", "0.000"),
    ],
)
def test_a_difference_has_its_sign(value: float, unit: str, text: str) -> None:
    assert str(view.signed(node(value), unit)) == text


def test_a_time_is_a_day_and_a_minute_with_its_zone() -> None:
    assert str(moments.minute(node("2026-03-03T14:05:09+00:00"))).replace("\u00a0", " ") == "3 Mar 2026, 14:05 UTC"
    assert str(moments.day(node("not a time"))) == "not a time"


def test_a_goal_has_no_places_that_the_protocol_does_not_have() -> None:
    criterion = Node("verdict.json", (), {"limit": "lower", "direction": "at_least", "goal": 0.8})
    assert str(view.goal(criterion, "proportion")) == "lower limit ≥ 80%"
    assert str(view.goal(criterion, "index")) == "lower limit ≥ 0.80"


def test_an_address_is_a_json_pointer_with_its_escapes() -> None:
    assert Node("estimates.json", ("a/b", "c~d", 0), 1).address == "estimates.json#/a~1b/c~0d/0"


def test_absent_values_are_absent_nodes_and_no_error() -> None:
    empty = node({"a": [1]})
    assert empty["b"]["c"][3].value is None
    assert empty["a"][0].value == 1
    assert not empty["b"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("decode:truncated", "File cut short"),
        ("rule:view_position", "By the rule on view position"),
        ("odd_code", "Odd code"),
    ],
)
def test_a_reason_code_is_told_in_words(code: str, words: str) -> None:
    assert reason_words(code) == words


def test_limits_near_the_end_of_a_scale_read_as_the_value_beside_them() -> None:
    shown = str(view.estimate(estimate(0.9998, 0.9996, 1.0, unit="index"))).replace("\u2060", "")
    assert shown == ">0.999 (>0.999–1.000)"
    assert str(view.signed(node(-0.0002), "index")) == "0.000"


def test_what_has_no_limits_is_named_with_the_addresses_of_its_numbers() -> None:
    threshold = Node("estimates.json", ("estimates", 3, "condition", "threshold"), 0.5)
    name = printed("F1 score at threshold ") + view.words(threshold)
    (told,) = view.reasons([(name, estimate(0.8, reason="3 patients"))])
    assert str(told) == "F1 score at threshold 0.5: 3 patients"
    assert any(
        address and address.endswith("/condition/threshold") for address in (piece.address for piece in told.pieces)
    )
