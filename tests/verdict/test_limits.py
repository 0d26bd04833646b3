from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate.errors import ProtocolError
from validate.protocol.question import Criterion
from validate.verdict.limits import Goal, goal_of, judge

AT_LEAST, AT_MOST = Goal(0.8, "at_least"), Goal(0.8, "at_most")
# every order of a lower limit, an upper limit and the goal, touching included
TABLE = [
    (0.85, 0.95, "PASS", "FAIL"),
    (0.80, 0.95, "PASS", "INCONCLUSIVE"),
    (0.75, 0.95, "INCONCLUSIVE", "INCONCLUSIVE"),
    (0.75, 0.80, "INCONCLUSIVE", "PASS"),
    (0.65, 0.75, "FAIL", "PASS"),
    (0.80, 0.80, "INCONCLUSIVE", "INCONCLUSIVE"),
    (0.90, 0.90, "INCONCLUSIVE", "INCONCLUSIVE"),
    (0.70, 0.70, "INCONCLUSIVE", "INCONCLUSIVE"),
]


@pytest.mark.parametrize(("low", "high", "at_least", "at_most"), TABLE)
def test_limits_decide(build: SimpleNamespace, low: float, high: float, at_least: str, at_most: str) -> None:
    found = build.estimate(low, high)
    assert judge(found, AT_LEAST).outcome == at_least
    assert judge(found, AT_MOST).outcome == at_most


def test_each_reason_is_given_where_it_applies(build: SimpleNamespace) -> None:
    assert judge(build.estimate(0.9, 0.95), AT_LEAST).reason == "limit_meets_goal"
    assert judge(build.estimate(0.5, 0.6), AT_LEAST).reason == "limit_misses_goal"
    assert judge(build.estimate(0.7, 0.9), AT_LEAST).reason == "straddles_goal"
    assert judge(build.undefined(), AT_LEAST).reason == "undefined"
    assert judge(None, AT_LEAST).reason == "undefined"
    assert judge(build.estimate(None, None), AT_LEAST).reason == "too_few"
    assert judge(build.estimate(0.9, 0.95, status="too_few"), AT_LEAST).reason == "too_few"
    assert judge(build.estimate(0.9, 0.95, n_events=19), AT_LEAST, min_events=20).reason == "too_few"
    assert judge(build.estimate(1.0, 1.0), AT_LEAST).reason == "zero_width_interval"


limits = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted)


@given(limits, st.floats(0, 1))
def test_at_most_is_at_least_in_a_mirror(build: SimpleNamespace, pair: list[float], goal: float) -> None:
    low, high = pair
    mirrored = build.estimate(-high, -low)
    upright, mirror = judge(build.estimate(low, high), Goal(goal, "at_least")), judge(mirrored, Goal(-goal, "at_most"))
    assert upright == mirror


@given(limits, st.floats(0, 1), st.floats(0, 1))
def test_a_harder_goal_never_turns_a_miss_into_a_pass(
    build: SimpleNamespace, pair: list[float], goal: float, harder: float
) -> None:
    order = {"FAIL": 0, "INCONCLUSIVE": 1, "PASS": 2}
    found, (easy, hard) = build.estimate(*pair), sorted([goal, harder])
    easy_outcome, hard_outcome = (judge(found, Goal(g, "at_least")).outcome for g in (easy, hard))
    assert order[hard_outcome] <= order[easy_outcome]


@pytest.mark.parametrize(
    ("criterion", "message"),
    [
        ({"limit": "lower"}, "exactly one of at_least and at_most; got neither"),
        ({"limit": "lower", "at_least": 0.8, "at_most": 0.9}, "got both"),
        ({"limit": "upper", "at_least": 0.8}, "limit that decides at_least is the lower one"),
        ({"limit": "lower", "at_most": 0.8}, "limit that decides at_most is the upper one"),
    ],
)
def test_a_criterion_that_the_kinder_limit_would_decide_is_refused(criterion: dict[str, Any], message: str) -> None:
    with pytest.raises(ProtocolError, match=message):
        goal_of(Criterion.model_validate({"endpoint": "sensitivity", "rationale": "x", **criterion}))
