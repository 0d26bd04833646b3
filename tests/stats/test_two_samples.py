"""Tests by exchanging patients: statistics against SciPy, p values that keep their level, shifts that are found; and CUSUM."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp, norm, t
from sklearn.linear_model import LogisticRegression

from validate.stats.cusum import cusum, run_length, self_starting
from validate.stats.logistic import coefficients, probability
from validate.stats.two_samples import exchange, kolmogorov_smirnov, maximum_mean_discrepancy, total_variation

SECOND = np.repeat([False, True], [60, 50])


def test_the_statistic_is_scipys_and_ties_and_gaps_are_heeded() -> None:
    rng = np.random.default_rng(1)
    for values in (rng.normal(size=110), rng.integers(0, 4, 110).astype(float)):
        values[3] = np.nan
        found = kolmogorov_smirnov(values, exchange(SECOND, np.arange(110), permutations=99, seed=1))
        known = ~np.isnan(values)
        expected = ks_2samp(values[known & ~SECOND], values[known & SECOND]).statistic
        assert found.statistic == pytest.approx(expected, abs=1e-12)


def test_p_values_keep_their_level_where_rows_of_a_patient_are_alike() -> None:
    """Ten images of a patient are one patient: a test that counts rows would call most of these shifted."""
    called, by_rows = 0, 0
    for seed in range(80):
        rng = np.random.default_rng(seed)
        patient = np.repeat(np.arange(40), 10)
        values = rng.normal(size=40)[patient] + 0.1 * rng.normal(size=400)
        second = patient >= 20
        called += kolmogorov_smirnov(values, exchange(second, patient, permutations=99, seed=seed)).p <= 0.05
        by_rows += ks_2samp(values[~second], values[second]).pvalue <= 0.05
    assert called <= 9  # 80 · 5% = 4 expected; 9 or more in one of a hundred studies of this size
    assert by_rows > 40


def test_a_shift_is_found() -> None:
    rng = np.random.default_rng(2)
    exchanged = exchange(SECOND, np.arange(110), permutations=199, seed=3)
    values = rng.normal(size=110) + 1.2 * SECOND
    assert kolmogorov_smirnov(values, exchanged).p <= 0.01
    assert total_variation(["GE" if v < 0.5 else "Siemens" for v in values], exchanged).p <= 0.01
    assert maximum_mean_discrepancy(values[:, None], exchanged).p <= 0.01
    noise = rng.normal(size=(110, 3))
    assert maximum_mean_discrepancy(noise, exchanged).p > 0.05


def test_total_variation_by_hand() -> None:
    levels = ["a", "a", "b", "b", "a", "b", "b", "b"]  # a: 2/4 and 1/4, so 1/4 apart
    second = np.array([False] * 4 + [True] * 4)
    assert total_variation(levels, exchange(second, np.arange(8), permutations=99, seed=1)).statistic == pytest.approx(
        0.25
    )


def test_a_patient_in_both_samples_stays_in_both() -> None:
    second = np.array([False, True, False, False, True, True])
    patient = np.array([0, 0, 1, 2, 3, 4])
    exchanged = exchange(second, patient, permutations=50, seed=1)
    assert (exchanged.permuted[:, 0] == 0).all() and (exchanged.permuted[:, 1] == 1).all()
    assert exchanged.permuted[:, 2:].sum(axis=1).tolist() == [2] * 50


def test_a_sample_without_a_value_is_refused() -> None:
    values = np.where(SECOND, np.nan, 1.0)
    with pytest.raises(ValueError, match="no value of this feature"):
        kolmogorov_smirnov(values, exchange(SECOND, np.arange(110), permutations=99, seed=1))


def test_logistic_regression_is_scikit_learns() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(300, 3))
    y = (rng.random(300) < 1 / (1 + np.exp(-(0.5 + x @ [1.0, -0.7, 0.0])))).astype(float)
    weight = rng.integers(1, 4, 300).astype(float)
    ridge = 1e-3
    found = coefficients(x, y, weight, ridge=ridge)
    other = LogisticRegression(C=1 / (ridge * weight.sum()), tol=1e-10, max_iter=1000).fit(x, y, sample_weight=weight)
    assert found == pytest.approx([*other.intercept_, *other.coef_[0]], abs=1e-4)
    assert probability(x, found) == pytest.approx(other.predict_proba(x)[:, 1], abs=1e-4)
    with pytest.raises(ValueError, match="both classes"):
        coefficients(x, np.ones(300), weight)


def test_cusum_by_hand_and_its_run_length_by_simulation() -> None:
    found = cusum(np.array([0.0, 2.0, 2.0, 2.0, 2.0]), allowance=0.5, decision=5.0)
    assert found.upper.tolist() == [0.0, 1.5, 3.0, 4.5, 6.0] and found.alarm == 4
    assert cusum(np.zeros(50)).alarm is None
    assert run_length() == pytest.approx(
        465, rel=0.02
    )  # Montgomery, Introduction to Statistical Quality Control, table 9.3
    assert run_length(shift=1.0) == pytest.approx(10.4, rel=0.02)
    rng = np.random.default_rng(5)
    lengths = [alarm if (alarm := cusum(rng.normal(1.0, 1, 200)).alarm) is not None else 200 for _ in range(300)]
    assert np.mean(lengths) + 1 == pytest.approx(10.4, rel=0.1)


def test_a_step_is_held_against_the_reference_and_all_steps_before_it() -> None:
    reference = np.array([1.0, 2.0, 3.0, 4.0])
    z = self_starting(reference, [np.array([5.0, 6.0]), np.array([3.5])])
    # by hand: m 2.5, s² 5/3; t = 3 / √(5/3 · 3/4) = √7.2 of 3 degrees of freedom
    assert z[0] == pytest.approx(norm.isf(t.sf(np.sqrt(7.2), 3)), abs=1e-9)
    # by hand: all six have the mean 3.5, so the next step, 3.5, lies on it
    assert z[1] == pytest.approx(0.0, abs=1e-12)
    assert np.allclose(self_starting(-reference, [np.array([-5.0, -6.0])]), -z[:1])
    with pytest.raises(ValueError, match="does not vary"):
        self_starting(np.ones(5), [np.array([1.0])])
    of_three = np.array([2.8, (2.8 + 2.8 + 2.8) / 3])  # one value, but for the rounding of a mean
    assert of_three[0] != of_three[1]
    with pytest.raises(ValueError, match="does not vary"):
        self_starting(of_three, [np.array([2.8])])
    assert np.isfinite(self_starting(np.array([1000.0, 1000.001, 1000.002]), [np.array([1000.001])])).all()


def test_a_small_reference_gives_no_more_false_alarms_than_a_large_one() -> None:
    rng = np.random.default_rng(5)
    alarms = dict.fromkeys((30, 300), 0)
    for size in alarms:
        for _ in range(400):
            z = self_starting(rng.normal(size=size), [rng.normal(size=30) for _ in range(24)])
            alarms[size] += cusum(z).alarm is not None
    # 24 steps of a run length of some 465: 5 of 100. Held against 30 patients alone it was 60 of 100, against 300 it was 20.
    assert all(alarm <= 40 for alarm in alarms.values()), alarms


def test_a_shift_that_stays_is_found_though_later_steps_take_it_for_usual() -> None:
    rng = np.random.default_rng(6)
    found = 0
    for _ in range(100):
        steps = [rng.normal(0.5 * (month >= 12), 1, 30) for month in range(24)]
        found += cusum(self_starting(rng.normal(size=200), steps)).alarm is not None
    assert found >= 97
