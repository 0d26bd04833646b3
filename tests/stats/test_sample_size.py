"""How many cases a new study needs, against enumeration and a hand-worked formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, norm

from validate.stats.proportion import wilson
from validate.stats.sample_size import (
    events_for_proportion,
    hanley_mcneil_variance,
    positives_for_auroc,
    proportion_power,
    size_at_goal,
)


@pytest.mark.parametrize(
    ("assumed", "goal", "events"),
    [(0.90, 0.80, 100), (0.92, 0.85, 167), (0.95, 0.90, 217), (0.90, 0.85, 347), (0.85, 0.80, 454)],
)
def test_events_are_the_first_to_reach_four_fifths_of_power(assumed: float, goal: float, events: int) -> None:
    # by enumeration of the binomial, smallest n with power of at least 0.8
    assert events_for_proportion(assumed=assumed, goal=goal) == events
    assert proportion_power(events, assumed=assumed, goal=goal) >= 0.8
    enumerated = sum(binom.pmf(x, events, assumed) for x in range(events + 1) if wilson(x, events).low >= goal)
    assert proportion_power(events, assumed=assumed, goal=goal) == pytest.approx(enumerated)


def test_a_goal_from_above_is_the_mirror_image() -> None:
    assert events_for_proportion(assumed=0.1, goal=0.2) == events_for_proportion(assumed=0.9, goal=0.8)


def test_clusters_multiply_the_events() -> None:
    assert events_for_proportion(assumed=0.9, goal=0.8, design_effect=1.25) == 125


def test_the_size_at_the_goal_is_the_chance_of_a_false_pass() -> None:
    limits = np.asarray(wilson(np.arange(101), 100).low)
    assert size_at_goal(100, limits, 0.8) == pytest.approx(binom.sf(87, 100, 0.8))  # 88 of 100 is the first to pass
    assert size_at_goal(20, np.asarray(wilson(np.arange(21), 20).low), 0.9) == 0.0  # not even 20 of 20 pass


def test_the_variance_is_hanley_and_mcneils() -> None:
    # computed in R 4.2.2 from the formula, for pROC 1.18.0 aSAH s100b: 41 poor and 72 good outcomes
    assert hanley_mcneil_variance(0.7313685636856, 41, 72) == pytest.approx(0.002626365594432, abs=1e-12)


def test_positives_for_an_auroc_solve_the_power_equation() -> None:
    needed = positives_for_auroc(assumed=0.9, goal=0.8)
    distance = math.log(0.9 / 0.1) - math.log(0.8 / 0.2)
    quantiles = norm.ppf(0.975) + norm.ppf(0.8)

    def reach(n: int) -> float:
        return quantiles * math.sqrt(hanley_mcneil_variance(0.9, n, n)) / 0.09

    assert reach(needed) <= distance < reach(needed - 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"assumed": 0.8}, "no study is large enough"),
        ({"assumed": 1.0}, "between 0 and 1"),
        ({"goal": 0.0}, "between 0 and 1"),
        ({"power": 1.5}, "between 0 and 1"),
        ({"assumed": 0.80001}, "too close"),
    ],
)
def test_a_study_that_can_not_be_planned_is_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        positives_for_auroc(**{"assumed": 0.9, "goal": 0.8, **change})
    if "close" not in message:
        with pytest.raises(ValueError, match=message):
            events_for_proportion(**{"assumed": 0.9, "goal": 0.8, **change})
