"""Limits from replicates, against what is known of the normal, the mean and the order statistics."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap as scipy_bootstrap
from scipy.stats import norm, ttest_ind

from validate.estimation.bootstrap import (
    INNER,
    SecondLevel,
    bias_corrected,
    expanded,
    percentile,
    second_level_errors,
    studentised,
    undefined_replicates,
)
from validate.estimation.simultaneous import simultaneous_level
from validate.metrics.metric import Values
from validate.stats.limits import normal_quantile
from validate.stats.resample import ClusterWeights


def means(sample: np.ndarray, replicates: int, seed: int = 3) -> np.ndarray:
    drawn = np.random.default_rng(seed).integers(0, sample.size, (replicates, sample.size))
    return np.asarray(sample[drawn].mean(axis=1))


def test_percentile_limits_are_the_quantiles_of_the_replicates() -> None:
    values = np.random.default_rng(1).normal(size=2001)
    found = percentile(values, level=0.9)
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(values, [5, 95])))


def test_expanded_limits_of_a_difference_of_means_are_welchs() -> None:
    # scipy 1.17, ttest_ind(equal_var=False): percentile limits of so few are a tenth narrower
    rng = np.random.default_rng(8)
    first, second = rng.normal(1.0, 2.0, 12), rng.normal(0.0, 1.0, 20)
    drawn = [means(side, 40_000, seed) for seed, side in enumerate((first, second))]
    sides = [(float(one.var(ddof=1)), side.size) for one, side in zip(drawn, (first, second), strict=True)]
    found = expanded(drawn[0] - drawn[1], sides, level=0.95)
    assert found is not None
    wanted = ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    half = (wanted.high - wanted.low) / 2
    plain = percentile(drawn[0] - drawn[1], level=0.95)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.03)
    assert (found.low + found.high) / 2 == pytest.approx((wanted.low + wanted.high) / 2, abs=0.05 * half)
    assert plain.high - plain.low < 0.93 * 2 * half


def test_few_replicates_leave_out_the_tails_on_average() -> None:
    # of 40 replicates the outermost leave out 1 in 41 on each side; linear quantiles would lie further inside
    values, wide = np.arange(40.0), 10**6
    found = expanded(values, [(1.0, wide), (1.0, wide)], level=0.95)
    assert found is not None and (found.low, found.high) == pytest.approx((0.025, 38.975), abs=1e-3)
    assert percentile(values, level=0.95).low > 0.9


def test_where_the_tails_lie_beyond_all_replicates_there_are_no_limits() -> None:
    values, wide = np.arange(1000.0), 10**6
    assert expanded(np.arange(38.0), [(1.0, wide), (1.0, wide)], level=0.95) is None  # the outermost leave out 1 in 39
    assert expanded(values, [(1.0, 2), (1.0, 2)], level=0.95) is None  # Student's with 2 degrees of freedom, 4.3 · √2
    assert expanded(values, [(1.0, 20), (1.0, 20)], level=0.95) is not None
    assert expanded(values, [(1.0, 20), (1.0, 20)], level=0.999) is None


def test_the_monte_carlo_error_is_that_of_a_quantile() -> None:
    # known: the error of a sample quantile is √(p(1-p)/R) / density; for a normal 2.5% quantile and R = 20,000
    errors = [percentile(np.random.default_rng(s).normal(size=20_000), level=0.95).monte_carlo_error for s in range(20)]
    known = np.sqrt(0.025 * 0.975 / 20_000) / norm.pdf(norm.ppf(0.025))
    assert np.mean(errors) == pytest.approx(known, rel=0.15)


def test_bca_limits_are_those_of_scipy_for_a_skewed_mean() -> None:
    sample = np.random.default_rng(5).exponential(size=40)
    known = scipy_bootstrap(
        (sample,), np.mean, n_resamples=40_000, method="BCa", rng=np.random.default_rng(2)
    ).confidence_interval
    left_out = (sample.sum() - sample) / (sample.size - 1)
    found = bias_corrected(means(sample, 40_000), sample.mean(), left_out, level=0.95)
    assert (found.low, found.high) == pytest.approx((known.low, known.high), abs=0.02)


def test_studentised_limits_of_a_normal_mean_are_students() -> None:
    rng = np.random.default_rng(8)
    sample = rng.normal(size=15)
    drawn = sample[rng.integers(0, 15, (40_000, 15))]
    errors = drawn.std(axis=1, ddof=1) / np.sqrt(15)
    found = studentised(drawn.mean(axis=1), sample.mean(), errors, level=0.95, bounds=(-9.0, 9.0))
    half = 2.145 * sample.std(ddof=1) / np.sqrt(15)  # t(14) at 97.5%
    assert (found.low, found.high) == pytest.approx((sample.mean() - half, sample.mean() + half), abs=0.25 * half)


def test_the_second_level_resamples_the_first() -> None:
    first = ClusterWeights(clusters=40, replicates=70, key=b"k" * 32)
    second = SecondLevel(first)
    assert second.replicates == 70 * INNER
    parent, drawn = np.empty((40, 64), np.uint8), np.empty((40, 64), np.uint8)
    first.fill(0, parent)
    second.fill(0, drawn)
    assert (drawn.sum(axis=0) == 40).all()
    for lane in range(64):
        assert (drawn[parent[:, lane // INNER] == 0, lane] == 0).all()  # what the first level left out stays out
    again = np.empty((40, 64), np.uint8)
    SecondLevel(first).fill(0, again)
    assert (again == drawn).all()


def test_second_level_errors_are_standard_deviations_of_each_replicate() -> None:
    values = np.random.default_rng(0).normal(size=(3 * INNER, 2))
    defined = np.ones_like(values, dtype=bool)
    defined[: INNER - 2, 1] = False  # only two values of the first replicate, second group
    found = second_level_errors(Values(values, defined))
    assert found.shape == (3, 2)
    assert found[1, 0] == pytest.approx(values[INNER : 2 * INNER, 0].std(ddof=1))
    assert found[0, 1] == 0.0


def test_undefined_replicates_are_counted_by_group() -> None:
    defined = np.array([[True, False], [True, False], [True, True]])
    assert undefined_replicates(Values(np.zeros((3, 2)), defined)).tolist() == [0, 2]


def test_simultaneous_limits_of_independent_levels_are_sidaks() -> None:
    rng = np.random.default_rng(4)
    replicates = Values(rng.normal(size=(50_000, 6)), np.ones((50_000, 6), bool))
    point = Values(np.zeros((1, 6)), np.ones((1, 6), bool))
    level = simultaneous_level(replicates, point, [1, 2, 3, 4, 5], np.ones(6, bool), level=0.95)
    assert normal_quantile(level) == pytest.approx(normal_quantile(0.95 ** (1 / 5)), abs=0.03)


def test_levels_that_hardly_vary_do_not_make_simultaneous_limits_kinder() -> None:
    flat = Values(np.full((500, 3), 0.5), np.ones((500, 3), bool))
    point = Values(np.full((1, 3), 0.5), np.ones((1, 3), bool))
    level = simultaneous_level(flat, point, [1, 2], np.ones(3, bool), level=0.95)
    assert level == pytest.approx(0.95 ** (1 / 2))
    assert simultaneous_level(flat, point, [1, 2], np.zeros(3, bool), level=0.95) == 0.95
