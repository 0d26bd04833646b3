from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate.analyses.roc import roc_band, roc_curve
from validate.stats.resample import ClusterWeights, resampling_key

Scores = st.lists(st.tuples(st.sampled_from([-np.inf, 0.0, 0.1, 0.1, 0.5, 2.0, np.inf]), st.booleans()), min_size=2)


def sample(n: int = 3000, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.4
    return rng.normal(positive * 1.5, 1.0), positive, rng.integers(0, n // 2, n)


def test_the_corners_are_points_of_scikit_learn_and_leave_the_area_as_it_is() -> None:
    from sklearn.metrics import roc_curve as oracle

    score, positive, _ = sample(200)
    score = np.round(score, 1)
    curve = roc_curve(score, positive)
    fpr, tpr, _ = oracle(positive, score, drop_intermediate=False)
    ours = set(zip(curve.false_positive_rate, curve.sensitivity, strict=True))
    assert ours < set(zip(fpr, tpr, strict=True))
    assert np.trapezoid(curve.sensitivity, curve.false_positive_rate) == pytest.approx(
        np.trapezoid(tpr, fpr), abs=1e-12
    )
    assert curve.deviation == 0


def test_a_thinned_curve_stays_within_what_it_says() -> None:
    score, positive, _ = sample()
    whole, thin = roc_curve(score, positive, most_points=10**9), roc_curve(score, positive)
    assert len(thin.sensitivity) == 400 < len(whole.sensitivity)
    areas = [np.trapezoid(curve.sensitivity, curve.false_positive_rate) for curve in (whole, thin)]
    assert abs(float(areas[0] - areas[1])) < thin.deviation < 0.005


@given(Scores.filter(lambda rows: len({positive for _, positive in rows}) == 2))
def test_a_curve_runs_from_corner_to_corner_and_never_falls(rows: list[tuple[float, bool]]) -> None:
    curve = roc_curve(np.array([s for s, _ in rows]), np.array([p for _, p in rows]))
    for axis in (curve.false_positive_rate, curve.sensitivity):
        assert axis[0] == 0
        assert axis[-1] == 1
        assert np.all(np.diff(axis) >= 0)


def test_the_band_is_that_of_curves_of_repeated_rows() -> None:
    score, positive, cluster = sample(120)
    cluster = np.unique(cluster, return_inverse=True)[1]
    clusters = int(cluster.max()) + 1
    weights = ClusterWeights(clusters, 64, resampling_key(1, "x"))
    drawn = np.empty((clusters, 64), np.uint8)
    weights.fill(0, drawn)
    grid = np.linspace(0, 1, 101)
    curves = []
    for lane in range(64):
        rows = np.repeat(np.arange(len(score)), drawn[cluster, lane])
        curve = roc_curve(score[rows], positive[rows], most_points=10**9)
        curves.append(np.interp(grid, curve.false_positive_rate, curve.sensitivity))
    low, high = np.quantile(curves, [0.025, 0.975], axis=0)
    band = roc_band(score, positive, cluster=cluster, weights=weights, level=0.95)
    assert band is not None
    assert np.allclose(band.low, low)
    assert np.allclose(band.high, high)


def test_grouped_scores_move_the_band_by_little() -> None:
    score, positive, cluster = sample(6000)
    weights = ClusterWeights(3000, 200, resampling_key(1, "x"))
    fine = roc_band(score, positive, cluster=cluster, weights=weights, level=0.95)
    exact = roc_band(np.round(score, 2), positive, cluster=cluster, weights=weights, level=0.95)
    assert fine is not None
    assert exact is not None
    assert fine.bins == 2048
    assert exact.bins < 2048
    assert np.max(np.abs(fine.low - exact.low)) < 0.01


def test_replicates_that_lack_a_class_leave_no_band() -> None:
    score, positive = np.array([0.1, 0.9, 0.4]), np.array([False, True, False])
    weights = ClusterWeights(3, 200, resampling_key(1, "x"))
    assert roc_band(score, positive, cluster=np.arange(3), weights=weights, level=0.95) is None
