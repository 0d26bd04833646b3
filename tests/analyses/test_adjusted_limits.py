"""Limits at the same case mix: by hand, against Welch's, and where a side has no miss."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from validate.analyses.adjusted_limits import standardised_proportions, weighted_proportions, widened, worth_of
from validate.metrics.metric import Fraction
from validate.stats.proportion import wilson


def rows_of(*counts: tuple[int, int]) -> tuple[Fraction, list[np.ndarray]]:
    """(hits, rows) of each part, one after the other, one row a patient."""
    hits = np.concatenate([np.arange(n) < x for x, n in counts])
    part = np.repeat(np.arange(len(counts)), [n for _, n in counts])
    return Fraction(hits, np.ones(len(hits), bool)), [part == number for number in range(len(counts))]


def test_of_one_cell_it_is_newcombes_difference() -> None:
    # Newcombe 1998 (II), table II, method 10: 56/70 - 48/80 = 0.2, limits 0.0524 to 0.3339
    fraction, (one, other) = rows_of((56, 70), (48, 80))
    drawn = np.random.default_rng(1).normal(0.7, 0.05, (50, 2, 1))
    found = standardised_proportions(fraction, np.arange(150), [[one], [other]], np.ones(1), drawn, level=0.95)
    assert found == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_sides_without_a_miss_have_limits_and_they_are_as_wide_as_the_cells_are_small() -> None:
    fraction, parts = rows_of((9, 9), (30, 30), (12, 12), (40, 40))
    drawn = np.ones((50, 2, 2))
    found = standardised_proportions(
        fraction, np.arange(91), [parts[:2], parts[2:]], np.array([0.5, 0.5]), drawn, level=0.95
    )
    gone = [0.5 * (1 - float(wilson(n, n).low)) for n in (9, 30, 12, 40)]
    assert found == pytest.approx((-math.hypot(gone[0], gone[1]), math.hypot(gone[2], gone[3])))


def test_patients_with_rows_on_both_sides_make_the_limits_narrower() -> None:
    fraction, (one, other) = rows_of((40, 50), (35, 50))
    draws = np.random.default_rng(1).normal(0.0, 0.06, (400, 1))
    together = np.stack([0.8 + draws, 0.7 + draws], axis=1)
    twice = np.concatenate([np.arange(50)] * 2)  # the same fifty patients on both
    paired = standardised_proportions(fraction, twice, [[one], [other]], np.ones(1), together, level=0.95)
    apart = standardised_proportions(fraction, np.arange(100), [[one], [other]], np.ones(1), together, level=0.95)
    assert paired is not None and apart is not None
    assert paired[1] - paired[0] < 0.3 * (apart[1] - apart[0])


def test_equal_weights_leave_wilsons_limits_of_as_many_patients() -> None:
    # replicates with the variance of so many independent patients, p(1 - p)/n · (n - 1)/n
    n, p = 50, np.array([0.8, 0.6])
    rng = np.random.default_rng(2)
    drawn = rng.normal(size=(20000, 2))
    drawn = p + (drawn - drawn.mean(0)) / drawn.std(0, ddof=1) * np.sqrt(p * (1 - p) / n * (n - 1) / n)
    found = weighted_proportions(p, drawn, np.array([n, n]), np.array([n, n]), level=0.95)
    first, second = wilson(40, 50), wilson(30, 50)
    wanted = (
        0.2 - math.hypot(0.8 - float(first.low), float(second.high) - 0.6),
        0.2 + math.hypot(float(first.high) - 0.8, 0.6 - float(second.low)),
    )
    assert found == pytest.approx(wanted, abs=3e-3)


def test_means_of_few_patients_have_limits_as_wide_as_welchs() -> None:
    rng = np.random.default_rng(3)
    one, other = rng.normal(1, 1, 6), rng.normal(0, 2, 9)
    first, second = (sample[rng.integers(0, sample.size, (40000, sample.size))].mean(1) for sample in (one, other))
    found = widened(first - second, [(first, 6), (second, 9)], level=0.95)
    wanted = stats.ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    assert found is not None
    assert found[1] - found[0] == pytest.approx(wanted.high - wanted.low, rel=0.06)


def test_weights_of_a_patient_go_together() -> None:
    # by hand: three patients of weight 2, 1 and 1: (4)² / (4 + 1 + 1)
    assert worth_of(np.array([1.0, 1.0, 1.0, 1.0]), np.array([0, 0, 1, 2])) == pytest.approx(16 / 6)


def test_what_never_varies_has_no_limits() -> None:
    same = np.zeros(40)
    assert widened(same, [(same, 20), (same, 20)], level=0.95) is None
