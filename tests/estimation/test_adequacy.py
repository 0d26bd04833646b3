"""The rule that says too_few: sizes and goals decide, results never do."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from validate.estimation.adequacy import AUROC, Minimum, proportion_holds, shortfall, too_small
from validate.stats.proportion import jeffreys, wilson


def test_harder_goals_need_more_patients() -> None:
    minimum = Minimum(25, 100, 200)
    assert [minimum.patients(goal) for goal in (0.6, 0.8, 0.85, 0.9, 0.95, 0.98)] == [25, 25, 100, 100, 200, 500]
    assert minimum.patients(0.1) == minimum.patients(0.9)


def test_a_shortfall_says_what_is_there_what_is_needed_and_what_to_do() -> None:
    said = shortfall(AUROC, "delong", goal=0.8, clusters=50, where="in the rarer class")
    assert said is not None
    assert "50 patients in the rarer class" in said
    assert str(AUROC["delong"].patients(0.8)) in said
    assert "obuchowski" in said


def test_without_a_goal_nothing_is_decided_so_nothing_falls_short() -> None:
    assert shortfall(AUROC, "delong", goal=None, clusters=3) is None


def test_too_small_names_the_count_that_is() -> None:
    assert too_small(clusters=10, of_a_class=5) is None
    assert str(too_small(clusters=9, of_a_class=5)).startswith("9 patients")
    assert str(too_small(of_a_class=4)).startswith("4 patients with an event")


def test_what_is_too_few_is_what_the_protocol_resamples() -> None:
    assert str(too_small(clusters=1, who="site")).startswith("1 site: an interval by resampling")
    assert str(too_small(of_a_class=4, who="study")).startswith("4 studies with an event")
    said = shortfall(AUROC, "delong", goal=0.8, clusters=50, who="site", where="in the rarer class")
    assert said is not None and said.startswith("50 sites in the rarer class: too few for DeLong's limits")


@pytest.mark.parametrize(
    ("events", "goal", "holds"),
    [(20, 0.80, True), (30, 0.70, False), (100, 0.80, False), (100, 0.90, True), (100, 0.85, False)],
)
def test_wilson_holds_where_the_binomial_says_so(events: int, goal: float, holds: bool) -> None:
    # by enumeration: 1.15%, 3.02%, 2.53%, 2.37%, 2.75%
    assert proportion_holds(wilson, events, goal=goal, at_least=True, level=0.95) is holds


def test_a_goal_from_above_mirrors_one_from_below() -> None:
    for events in (20, 50, 100):
        for goal in (0.6, 0.7, 0.8, 0.9):
            below = proportion_holds(wilson, events, goal=goal, at_least=True, level=0.95)
            assert proportion_holds(wilson, events, goal=1 - goal, at_least=False, level=0.95) is below


def test_the_exact_rate_is_the_binomial_tail() -> None:
    assert binom.sf(87, 100, 0.8) > 0.025  # 88 of 100 is the first to pass a goal of 0.80: just too many


def test_jeffreys_is_held_to_the_same_measure_as_wilson() -> None:
    # by hand (binomial sums): with 30 events and a goal of 0.5 Jeffreys passes 2.14%, with 60 and 0.8 it passes 3.08%
    passed = {
        (events, goal): 1
        - binom.cdf(min(k for k in range(events + 1) if jeffreys(k, events).low >= goal) - 1, events, goal)
        for events, goal in ((30, 0.5), (60, 0.8))
    }
    for (events, goal), share in passed.items():
        assert proportion_holds(jeffreys, events, goal=goal, at_least=True, level=0.95) is bool(share <= 0.025)
    assert len({share <= 0.025 for share in passed.values()}) == 2
