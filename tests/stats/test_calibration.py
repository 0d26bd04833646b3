"""Calibration measures against scikit-learn's optimiser and cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from validate.errors import Undefined
from validate.stats.calibration import (
    calibration_in_the_large,
    calibration_slope,
    expected_calibration_error,
    observed_over_expected,
)


def study(seed: int = 5, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    logit = rng.normal(size=n)
    return 1 / (1 + np.exp(-logit)), rng.random(n) < 1 / (1 + np.exp(-(0.3 + 0.8 * logit)))


def fitted(design: np.ndarray, offset: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Maximum likelihood by a general optimiser, errors from its numerical information: no code in common."""

    def loss(b: np.ndarray) -> float:
        eta = offset + design @ b
        return float(np.sum(np.logaddexp(0, eta)) - eta[truth].sum())

    found = optimize.minimize(
        loss, np.zeros(design.shape[1]), method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-12, "maxiter": 4000}
    )
    p = 1 / (1 + np.exp(-(offset + design @ found.x)))
    information = (design * (p * (1 - p))[:, None]).T @ design
    return found.x, np.sqrt(np.diag(np.linalg.inv(information)))


def test_intercept_and_slope_are_the_maximum_of_the_likelihood() -> None:
    probability, truth = study()
    logit = np.log(probability / (1 - probability))
    (large,), (large_error,) = fitted(np.ones((400, 1)), logit, truth)
    (_, slope), (_, slope_error) = fitted(np.column_stack((np.ones(400), logit)), np.zeros(400), truth)
    ours, ours_slope = calibration_in_the_large(probability, truth), calibration_slope(probability, truth)
    assert (ours.value, ours.error) == pytest.approx((large, large_error), abs=1e-5)
    assert (ours_slope.value, ours_slope.error) == pytest.approx((slope, slope_error), abs=1e-5)
    assert ours.low == pytest.approx(ours.value - 1.959964 * ours.error, abs=1e-5)


def test_observed_over_expected_is_a_ratio_of_sums() -> None:
    found = observed_over_expected([0.2, 0.4, 0.6, 0.8], np.array([False, True, True, True]))
    assert found.value == pytest.approx(3 / 2)  # by hand: three positives, 2.0 expected


def test_repeating_each_patient_leaves_clustered_limits_about_where_they_were() -> None:
    probability, truth = study(n=200)
    alone = calibration_slope(probability, truth, cluster=np.arange(200))
    tripled = calibration_slope(np.tile(probability, 3), np.tile(truth, 3), cluster=np.tile(np.arange(200), 3))
    assert tripled.value == pytest.approx(alone.value, rel=1e-8)
    assert tripled.error == pytest.approx(alone.error, rel=0.01)


def test_calibration_error_by_hand() -> None:
    probability, truth = [0.05, 0.15, 0.95, 0.91], np.array([False, True, True, False])
    # bins of width 0.1: |0.05 - 0| + |0.15 - 1| + |0.95 + 0.91 - 1|, over four
    assert expected_calibration_error(probability, truth) == pytest.approx((0.05 + 0.85 + 0.86) / 4)


@pytest.mark.parametrize("truth", [np.zeros(20, bool), np.ones(20, bool)])
def test_one_class_has_no_slope(truth: np.ndarray) -> None:
    with pytest.raises(Undefined):
        calibration_slope(np.linspace(0.1, 0.9, 20), truth)


@pytest.mark.parametrize("probability", [[0.2, 1.2], [-0.1, 0.5], [np.nan, 0.5]])
def test_what_is_no_probability_is_refused(probability: list[float]) -> None:
    with pytest.raises(ValueError, match="probabilit"):
        calibration_in_the_large(probability, np.array([True, False]))
