from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2, f_oneway, kstest

from validate.analyses.differences import GroupValues
from validate.analyses.heterogeneity import heterogeneity


def normal(value: list[float], error: list[float], *, replicates: int = 20_000, seed: int = 5) -> GroupValues:
    drawn = np.random.default_rng(seed).normal(value, error, (replicates, len(value)))
    known = np.ones(len(value), np.bool_)
    return GroupValues(np.array(value), known, drawn, np.ones_like(drawn, dtype=np.bool_))


def test_independent_levels_give_cochrans_q_and_its_p() -> None:
    value, error = [0.80, 0.85, 0.70], [0.03, 0.04, 0.05]
    weights = 1 / np.square(error)
    mean = np.average(value, weights=weights)
    q = float(np.sum(weights * (np.array(value) - mean) ** 2))  # Cochran 1954, by hand
    found = heterogeneity(normal(value, error), [10**6] * 3)
    assert found.statistic == pytest.approx(q, rel=0.03)
    assert found.p == pytest.approx(chi2.sf(q, 2), abs=0.01)
    assert found.i_squared == pytest.approx(max(0.0, 1 - 2 / q), abs=0.02)


def test_p_is_uniform_where_levels_are_equal() -> None:
    rng, error = np.random.default_rng(11), [0.03, 0.05, 0.02, 0.04]
    ps = []
    for seed in range(200):
        value = rng.normal(0.8, error)
        p = heterogeneity(normal(value.tolist(), error, replicates=2000, seed=seed), [10**6] * 4).p
        assert p is not None
        ps.append(p)
    assert kstest(ps, "uniform").pvalue > 0.01


def test_few_patients_are_judged_as_welch_does() -> None:
    rng = np.random.default_rng(4)
    samples = [rng.normal(mean, spread, n) for mean, spread, n in ((0, 1, 8), (0.8, 2, 12), (1.5, 1, 6))]
    welch = f_oneway(*samples, equal_var=False).pvalue  # scipy 1.17, Welch's ANOVA
    value = [float(sample.mean()) for sample in samples]
    # the bootstrap's variance of a mean is the plug-in one, Σ(x - mean)²/n², without n/(n-1)
    error = [float(sample.std() / np.sqrt(len(sample))) for sample in samples]
    found = heterogeneity(normal(value, error, replicates=200_000), [len(sample) for sample in samples])
    assert found.p == pytest.approx(welch, rel=0.02)


def test_a_level_of_one_patient_decides_nothing() -> None:
    assert heterogeneity(normal([0.8, 0.9], [0.1, 0.1], replicates=100), [50, 1]).p is None


def test_one_level_has_nothing_to_differ_from() -> None:
    found = heterogeneity(normal([0.8], [0.1], replicates=10), [50])
    assert found.p is None
    assert found.reason == "fewer than two levels have enough cases to be compared"


def test_levels_that_never_vary_decide_nothing() -> None:
    found = heterogeneity(normal([0.8, 1.0, 1.0], [0.1, 0.0, 0.0], replicates=100), [50] * 3)
    assert found.p is None
    assert found.reason == "too few: the levels do not vary under resampling"


def test_a_level_without_a_value_is_said() -> None:
    groups = normal([0.8, 0.9], [0.1, 0.1], replicates=100)
    undefined = GroupValues(groups.value, np.array([True, False]), groups.replicate, groups.replicate_defined)
    assert heterogeneity(undefined, [50] * 2).reason == "not defined in every level"


def test_the_spread_between_levels_is_dersimonian_and_lairds() -> None:
    # R 4.2.2, metafor 3.8.1: rma(yi = c(.80, .85, .70, .92), vi = c(.03, .04, .05, .02)^2, method = "DL")
    found = heterogeneity(normal([0.80, 0.85, 0.70, 0.92], [0.03, 0.04, 0.05, 0.02], replicates=400_000), [10**6] * 4)
    assert found.between_sd == pytest.approx(TAU, rel=0.02)
    assert found.i_squared == pytest.approx(I_SQUARED, rel=0.01)
    assert found.i_squared_low is not None
    assert found.i_squared_high is not None
    assert found.i_squared_low < I_SQUARED < found.i_squared_high


def test_of_three_levels_no_spread_between_them_is_claimed_and_of_two_no_limits_of_i_squared() -> None:
    three = heterogeneity(normal([0.80, 0.85, 0.70], [0.03, 0.04, 0.05]), [10**6] * 3)
    assert three.between_sd is None
    assert three.i_squared_low is not None
    two = heterogeneity(normal([0.80, 0.70], [0.03, 0.04]), [10**6] * 2)
    assert two.i_squared_low is None


TAU, I_SQUARED = 0.0835527555, 0.871054139492
