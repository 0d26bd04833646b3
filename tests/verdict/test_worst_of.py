from __future__ import annotations

from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate.verdict.limits import Goal
from validate.verdict.worst_of import WorstOf, judge_levels

GOAL = Goal(0.8, "at_least")
# what one level can be: its arguments, and what it says by itself
KINDS: dict[str, tuple[dict[str, Any], str, str]] = {
    "passes": ({"low": 0.85, "high": 0.95}, "PASS", "limit_meets_goal"),
    "straddles": ({"low": 0.75, "high": 0.85}, "INCONCLUSIVE", "straddles_goal"),
    "misses_alone": ({"low": 0.6, "high": 0.79, "simultaneous": (0.5, 0.81)}, "INCONCLUSIVE", "straddles_goal"),
    "misses_without_simultaneous": ({"low": 0.6, "high": 0.79}, "INCONCLUSIVE", "straddles_goal"),
    "misses_at_zero_width": (
        {"low": 0.6, "high": 0.79, "simultaneous": (0.7, 0.7)}, "INCONCLUSIVE", "straddles_goal",
    ),
    "misses": ({"low": 0.6, "high": 0.75, "simultaneous": (0.55, 0.79)}, "FAIL", "limit_misses_goal"),
    "too_few_events": ({"low": 0.85, "high": 0.95, "n_events": 5}, "INCONCLUSIVE", "level_too_few"),
    "too_few_and_missing_the_goal": (
        {"low": 0.1, "high": 0.2, "simultaneous": (0.1, 0.3), "n_events": 5}, "INCONCLUSIVE", "level_too_few",
    ),
    "no_limits": ({"low": None, "high": None}, "INCONCLUSIVE", "level_too_few"),
    "undefined": ({"low": None, "high": None, "value": None, "status": "undefined"}, "INCONCLUSIVE", "undefined"),
    "zero_width": ({"low": 1.0, "high": 1.0}, "INCONCLUSIVE", "zero_width_interval"),
}  # fmt: skip


def levels(build: SimpleNamespace, *kinds: str) -> WorstOf:
    estimates = [
        build.estimate(**KINDS[kind][0], stratum={"manufacturer": f"level {index}"}) for index, kind in enumerate(kinds)
    ]
    return judge_levels(estimates, GOAL, min_events=20)


@pytest.mark.parametrize("kind", KINDS)
def test_one_level_says_what_it_says(build: SimpleNamespace, kind: str) -> None:
    found = levels(build, kind)
    assert (found.outcome, found.reason) == KINDS[kind][1:]


@pytest.mark.parametrize("kinds", list(product(KINDS, repeat=2)), ids="+".join)
def test_any_fail_fails_and_only_all_pass_passes(build: SimpleNamespace, kinds: tuple[str, str]) -> None:
    found = levels(build, *kinds)
    own = [KINDS[kind][1] for kind in kinds]
    expected = "FAIL" if "FAIL" in own else "INCONCLUSIVE" if "INCONCLUSIVE" in own else "PASS"
    assert found.outcome == expected
    assert found.deciding is not None
    assert found.deciding.judgement.outcome == expected
    assert found.reason == found.deciding.judgement.reason


@given(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=6), st.randoms())
def test_the_order_of_levels_decides_nothing(build: SimpleNamespace, kinds: list[str], random: Any) -> None:
    shuffled = random.sample(kinds, len(kinds))
    assert levels(build, *kinds).outcome == levels(build, *shuffled).outcome


@pytest.mark.parametrize("name", ["missing", "unknown", "Unknown"])
def test_a_level_that_is_none_leaves_it_open_however_good_it_looks(build: SimpleNamespace, name: str) -> None:
    good = build.estimate(0.85, 0.95, stratum={"manufacturer": "GE"})
    unknown = build.estimate(0.95, 0.99, stratum={"manufacturer": name})
    found = judge_levels([good, unknown], GOAL, min_events=None)
    assert (found.outcome, found.reason) == ("INCONCLUSIVE", "level_missing")


def test_a_failing_level_stands_beside_a_missing_one(build: SimpleNamespace) -> None:
    bad = build.estimate(0.5, 0.6, simultaneous=(0.45, 0.65), stratum={"manufacturer": "GE"})
    unknown = build.estimate(0.95, 0.99, stratum={"manufacturer": "missing"})
    found = judge_levels([unknown, bad], GOAL, min_events=None)
    assert found.outcome == "FAIL"
    assert found.deciding is not None
    assert found.deciding.name == "GE"


def test_the_worst_level_is_the_one_with_the_worst_limit(build: SimpleNamespace) -> None:
    estimates = [
        build.estimate(low, low + 0.1, stratum={"manufacturer": name})
        for name, low in (("GE", 0.85), ("Fujifilm", 0.81), ("Philips", 0.83))
    ]
    found = judge_levels(estimates, GOAL, min_events=None)
    assert found.deciding is not None
    assert found.deciding.name == "Fujifilm"
    mirrored = judge_levels(estimates, Goal(0.99, "at_most"), min_events=None)
    assert mirrored.deciding is not None
    assert mirrored.deciding.name == "GE"


def test_no_levels_at_all_decide_nothing() -> None:
    assert judge_levels([], GOAL, min_events=None) == WorstOf("INCONCLUSIVE", "undefined", None, ())
