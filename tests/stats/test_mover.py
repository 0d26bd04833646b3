"""Limits of a difference from those of its sides, against published examples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate.stats.limits import Limits
from validate.stats.mover import mover, mover_sum
from validate.stats.proportion import wilson
from validate.stats.proportion_difference import newcombe


def pair(low: float, high: float) -> Limits:
    return Limits(np.asarray(low), np.asarray(high))


def test_of_two_correlations_it_is_what_statpsych_prints() -> None:
    # R statpsych, ci.cor2.gen(.64, .55, .71, .31, .18, .43): 0.33, 0.18 to 0.4776
    found = mover(0.64, pair(0.55, 0.71), 0.31, pair(0.18, 0.43))
    assert (float(found.low), float(found.high)) == pytest.approx((0.18, 0.4776), abs=5e-5)


def test_of_two_that_go_together_it_is_zous_example() -> None:
    # Zou 2007: r = 0.396 and 0.179 of the same 66 people, 0.088 between the two: -0.093 to 0.517
    n, wanted = 66, (-0.093, 0.517)
    first, second, between = 0.396, 0.179, 0.088
    half = 1.959964 / math.sqrt(n - 3)
    limits = [pair(math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)) for r in (first, second)]
    free = 1 - first**2 - second**2 - between**2
    together = ((between - first * second / 2) * free + between**3) / ((1 - first**2) * (1 - second**2))
    found = mover(first, limits[0], second, limits[1], correlation=together)
    assert (float(found.low), float(found.high)) == pytest.approx(wanted, abs=6e-4)


@given(st.integers(0, 30), st.integers(1, 30), st.integers(0, 30), st.integers(1, 30))
def test_with_wilsons_limits_it_is_newcombes(x1: int, n1: int, x2: int, n2: int) -> None:
    x1, x2 = min(x1, n1), min(x2, n2)
    found = mover(x1 / n1, wilson(x1, n1), x2 / n2, wilson(x2, n2))
    wanted = newcombe(x1, n1, x2, n2)
    assert float(found.low) == pytest.approx(float(wanted.low), abs=1e-12)
    assert float(found.high) == pytest.approx(float(wanted.high), abs=1e-12)


@given(st.integers(0, 30), st.integers(1, 30), st.integers(0, 30), st.integers(1, 30), st.floats(-0.9, 0.9))
def test_a_sum_of_one_less_one_is_the_difference(x: int, n: int, y: int, m: int, correlation: float) -> None:
    first, second = wilson(min(x, n), n), wilson(min(y, m), m)
    p, q = min(x, n) / n, min(y, m) / m
    found = mover_sum(
        np.array([1.0, -1.0]), np.array([p, q]), np.array([float(first.low), float(second.low)]),
        np.array([float(first.high), float(second.high)]), correlation=np.array([[1.0, correlation], [correlation, 1.0]]),
    )  # fmt: skip
    wanted = mover(p, first, q, second, correlation=correlation)
    assert (float(found.low), float(found.high)) == pytest.approx((float(wanted.low), float(wanted.high)), abs=1e-12)


def test_a_standardised_difference_by_hand() -> None:
    # two cells of share 3/4 and 1/4; distances to the limits, times the share: first side 0.15, 0.05, second 0.075, 0.1
    found = mover_sum(
        np.array([0.75, 0.25, -0.75, -0.25]), np.array([0.8, 0.6, 0.7, 0.5]), np.array([0.6, 0.4, 0.5, 0.2]),
        np.array([0.9, 0.9, 0.8, 0.9]),
    )  # fmt: skip
    middle = 0.75 * 0.1 + 0.25 * 0.1
    # down: 0.75·0.2, 0.25·0.2 and up to the high limits of the second side: 0.75·0.1, 0.25·0.4
    assert float(found.low) == pytest.approx(middle - math.sqrt(0.15**2 + 0.05**2 + 0.075**2 + 0.1**2))
    # up: 0.75·0.1, 0.25·0.3 and down to the low limits: 0.75·0.2, 0.25·0.3
    assert float(found.high) == pytest.approx(middle + math.sqrt(0.075**2 + 0.075**2 + 0.15**2 + 0.075**2))
