from __future__ import annotations

import numpy as np
import pytest

from validate.analyses.precision_recall import precision_band, precision_recall
from validate.stats.resample import ClusterWeights, resampling_key


def sample(n: int = 400, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.3
    return np.round(rng.normal(positive * 1.5, 1.0), 1), positive


def test_the_points_are_those_of_scikit_learn_and_so_is_the_area_under_their_steps() -> None:
    from sklearn.metrics import average_precision_score, precision_recall_curve

    score, positive = sample()
    found = precision_recall(score, positive)
    precision, recall, _ = precision_recall_curve(positive, score)
    assert set(zip(found.recall, found.precision, strict=True)) <= set(zip(recall, precision, strict=True))
    steps = np.diff(np.append(0.0, found.recall)) * found.precision
    assert steps.sum() == pytest.approx(average_precision_score(positive, score), abs=1e-12)
    assert found.prevalence == positive.mean()


def test_the_band_is_that_of_repeated_rows() -> None:
    score, positive = sample(80)
    weights = ClusterWeights(80, 64, resampling_key(1, "x"))
    drawn = np.empty((80, 64), np.uint8)
    weights.fill(0, drawn)
    band = precision_band(score, positive, cluster=np.arange(80), weights=weights, level=0.95, points=20)
    assert band is not None
    curves = []
    for column in drawn.T:
        one = precision_recall(np.repeat(score, column), np.repeat(positive, column))
        curves.append([one.precision[np.argmax(one.recall >= at - 1e-12)] for at in band.recall])
    assert np.quantile(curves, 0.025, axis=0) == pytest.approx(band.low, abs=1e-12)
    assert np.quantile(curves, 0.975, axis=0) == pytest.approx(band.high, abs=1e-12)
