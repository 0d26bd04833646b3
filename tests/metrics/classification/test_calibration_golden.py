"""Calibration and net benefit on 120 rows from a formula, against R (tests/golden/r/calibration.R)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validate.errors import Undefined
from validate.metrics.metric import Rows
from validate.registry import load
from validate.stats.calibration import at_prevalence, hosmer_lemeshow, observed_over_expected, spiegelhalter
from validate.stats.loess import loess

# R 4.2.2: glm, loess (surface = "direct"), val.prob of rms 6.5.0, and sums. With more than 128 distinct
# probabilities the curve is made at 128 of them and straight between, which moves an ICI by less than 1e-4.
GOLDEN = [
    ("calibration_in_the_large", {}, -0.410323698165, 1e-9),
    ("calibration_slope", {}, 1.370943765551, 1e-9),
    ("observed_expected_ratio", {}, 0.861237644089, 1e-11),
    ("ici", {}, 0.112550332429, 1e-9),
    ("e50", {}, 0.090883378336, 1e-9),
    ("e90", {}, 0.241480017827, 1e-9),
    ("emax", {}, 0.295085529230, 1e-9),
    ("brier", {}, 0.147315772331, 1e-11),
    ("scaled_brier", {}, 0.397173310155, 1e-11),
    ("ece", {}, 0.247971475000, 1e-11),
    ("squared_ece_debiased", {}, 0.095010589042, 1e-11),
    ("ece_equal_mass", {}, 0.232949558333, 1e-11),
    ("net_benefit", {"threshold_probability": 0.1}, 0.362962962963, 1e-11),
    ("net_benefit", {"threshold_probability": 0.35}, 0.291025641026, 1e-11),
]
I = np.arange(1, 121)  # noqa: E741
P = np.round(((53 * I) % 151 + 0.5) / 152, 6)
Y = ((29 * I) % 97) / 97 < P**1.4


@pytest.mark.parametrize(("name", "options", "expected", "within"), GOLDEN)
def test_calibration_is_what_r_says(name: str, options: dict[str, float], expected: float, within: float) -> None:
    metric = load("metrics", f"classification.{name}")
    found = metric.value(Rows({"score": P, "positive": Y}, options), np.ones(120, np.int64))
    assert found == pytest.approx(expected, abs=within)


def test_spiegelhalters_z_is_val_probs() -> None:
    assert spiegelhalter(P, Y) == pytest.approx((-1.229775360686, 0.218781237345), abs=1e-11)
    with pytest.raises(Undefined, match="one half"):
        spiegelhalter(np.full(4, 0.5), Y[:4])


def test_hosmer_and_lemeshows_statistic_by_hand() -> None:
    # two groups of two: .2 .4 with one positive, .6 .8 with two: (1-.6)²/(.6·.7) + (2-1.4)²/(1.4·.3)
    found = hosmer_lemeshow([0.2, 0.4, 0.6, 0.8], [0, 1, 1, 1], groups=2)
    assert found.statistic == pytest.approx(0.16 / 0.42 + 0.36 / 0.42)
    assert found.degrees == 2
    with pytest.raises(Undefined, match="there are 4"):
        hosmer_lemeshow([0.2, 0.4, 0.6, 0.8], [0, 1, 1, 1])
    with pytest.raises(Undefined, match="expects nobody"):
        hosmer_lemeshow([0.0, 0.0, 0.6, 0.8], [0, 0, 1, 1], groups=2)


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.floats(0.001, 0.999))
def test_a_shift_of_prevalence_and_back_changes_nothing(stated: float, wanted: float, p: float) -> None:
    there = at_prevalence([p, stated], stated=stated, wanted=wanted)
    assert there[1] == pytest.approx(wanted)  # who was average stays average
    assert at_prevalence(there, stated=wanted, wanted=stated)[0] == pytest.approx(p, rel=1e-9)


def test_a_shift_from_or_to_nobody_is_refused() -> None:
    for stated, wanted in ((0.0, 0.5), (0.5, 1.0)):
        with pytest.raises(ValueError, match="expected both between 0 and 1"):
            at_prevalence([0.5], stated=stated, wanted=wanted)


def test_scores_that_are_no_probabilities_are_refused_in_words() -> None:
    rows = Rows({"score": np.array([0.2, 1.7]), "positive": np.array([True, False])}, {"threshold_probability": 0.2})
    for name in {name for name, *_ in GOLDEN}:
        with pytest.raises(ValueError, match=r"scores from 0\.2 to 1\.7; calibration needs probabilities"):
            load("metrics", f"classification.{name}").value(rows, np.ones(2, np.int64))


@given(st.integers(0, 10_000), st.integers(3, 60))
@settings(max_examples=40, deadline=None)
def test_the_curve_of_a_parabola_is_the_parabola_and_weights_are_rows(seed: int, n: int) -> None:
    generator = np.random.default_rng(seed)
    x = np.unique(np.round(generator.random(n), 3))
    if x.size < 4:
        return
    weights = generator.integers(1, 4, x.size)
    parabola = 0.2 + 0.5 * x - 0.3 * x**2
    np.testing.assert_allclose(loess(x, parabola, span=1.0), parabola, atol=1e-6)
    y = generator.random(x.size)
    by_weight = np.repeat(loess(x, y, weights.astype(float)), weights)
    np.testing.assert_allclose(by_weight, loess(np.repeat(x, weights), np.repeat(y, weights)), atol=1e-12)


def test_a_curve_that_can_not_be_is_refused() -> None:
    x = np.arange(4.0)
    with pytest.raises(ValueError, match=r"expected \(n,\) each"):
        loess(x, x[:2])
    with pytest.raises(ValueError, match="a span of 0"):
        loess(x, x, span=0)
    with pytest.raises(ValueError, match="at least one row with a weight"):
        loess(x, x, np.zeros(4))


def test_clusters_widen_the_limits_and_the_order_of_rows_changes_nothing() -> None:
    cluster = np.repeat(np.arange(40), 3)
    once = observed_over_expected(P, Y, cluster=cluster)
    order = np.random.default_rng(1).permutation(120)
    again = observed_over_expected(P[order], Y[order], cluster=cluster[order])
    assert (again.low, again.high) == pytest.approx((once.low, once.high))
