"""AUROC, DeLong and Obuchowski against their definitions, worked pair by pair, and against pROC."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from validate.errors import Undefined
from validate.stats.delong import (
    delong,
    delong_covariance,
    delong_limits,
    delong_logit_limits,
    paired_test,
    placements,
    unpaired_test,
)
from validate.stats.obuchowski import clustered_auroc, obuchowski_limits, perfect_limits


def formula_data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sixty rows by a formula that R writes alike (the script below), ties included."""
    i = np.arange(1, 61)
    positive = (i * 7) % 5 < 2
    first = np.round(np.sin(i) + 0.9 * positive, 1)
    second = np.round(np.cos(i * 1.3) + 0.5 * positive, 1)
    return positive, first, second


def study(seed: int, n: int = 50) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.45
    positive[:4] = [True, True, False, False]
    cluster = np.repeat(np.arange(n), rng.integers(1, 4, n))[:n]
    return np.round(rng.normal(size=n) + positive, 1), positive, cluster


def pair_matrix(score: np.ndarray, positive: np.ndarray) -> np.ndarray:
    difference = score[positive][:, None] - score[~positive][None, :]
    return np.where(difference > 0, 1.0, np.where(difference == 0, 0.5, 0.0))


@given(seed=st.integers(0, 2000))
@settings(max_examples=40, deadline=None)
def test_delong_is_its_structural_components_pair_by_pair(seed: int) -> None:
    score, positive, _ = study(seed)
    pairs = pair_matrix(score, positive)
    found = placements(score, positive)
    assert found.auroc == pytest.approx(roc_auc_score(positive, score), abs=1e-14)
    by_hand = pairs.mean(axis=1).var(ddof=1) / pairs.shape[0] + pairs.mean(axis=0).var(ddof=1) / pairs.shape[1]
    assert found.variance == pytest.approx(by_hand, rel=1e-10)


@given(seed=st.integers(0, 2000))
@settings(max_examples=40, deadline=None)
def test_obuchowski_is_its_sums_over_patients(seed: int) -> None:
    score, positive, cluster = study(seed)
    pairs = pair_matrix(score, positive)
    auroc = pairs.mean()
    of_positive, of_negative = pairs.mean(axis=1), pairs.mean(axis=0)
    patients = np.unique(cluster)
    x = np.array([(of_positive[cluster[positive] == c] - auroc).sum() for c in patients])
    y = np.array([(of_negative[cluster[~positive] == c] - auroc).sum() for c in patients])
    m, n = positive.sum(), (~positive).sum()
    with_positive, with_negative = len(set(cluster[positive])), len(set(cluster[~positive]))
    # Obuchowski 1997, equations 3 to 6
    s10 = with_positive / (with_positive - 1) * (x**2).sum() / m
    s01 = with_negative / (with_negative - 1) * (y**2).sum() / n
    s11 = len(patients) / (len(patients) - 1) * (x * y).sum()
    expected = s10 / m + s01 / n + 2 * s11 / (m * n)
    assert clustered_auroc(score, positive, cluster).variance == pytest.approx(expected, rel=1e-9)


def test_with_one_row_a_patient_obuchowski_is_delong() -> None:
    score, positive, _ = study(11)
    alone = clustered_auroc(score, positive, np.arange(score.size))
    assert alone.variance == pytest.approx(placements(score, positive).variance, rel=1e-12)


def test_limits_and_tests_are_those_of_proc() -> None:
    """R 4.2.2, pROC 1.18.0, on the same formula:

    i <- 1:60; y <- (i*7) %% 5 < 2; a <- round(sin(i) + .9*y, 1); b <- round(cos(i*1.3) + .5*y, 1)
    ra <- roc(y, a, direction="<"); rb <- roc(y, b, direction="<"); auc(ra); var(ra); ci.auc(ra); cov(ra, rb)
    roc.test(ra, rb, paired=TRUE); roc.test(ra, rb, paired=FALSE)
    """
    positive, first, second = formula_data()
    found = placements(first, positive)
    assert found.auroc == pytest.approx(PROC["auc"], abs=1e-12)
    assert found.variance == pytest.approx(PROC["var"], rel=1e-10)
    limits = delong_limits(found.auroc, found.variance)
    assert (float(limits.low), float(limits.high)) == pytest.approx(PROC["ci"], abs=1e-10)
    both = delong_covariance(np.stack((first, second)), positive)
    assert both.covariance[0, 1] == pytest.approx(PROC["cov"], rel=1e-9)
    paired = paired_test(first, second, positive)
    assert (paired.statistic, paired.p) == pytest.approx(PROC["paired"], abs=1e-10)
    unpaired = unpaired_test(found, placements(second, positive))
    assert (unpaired.statistic, unpaired.degrees, unpaired.p) == pytest.approx(PROC["unpaired"], abs=1e-8)


PROC = {
    "auc": 0.780092592592593,
    "var": 0.00362702579578083,
    "ci": (0.662054165645740, 0.898131019539445),
    "cov": 6.94524320732051e-05,
    "paired": (-0.270834820685346, 0.786518077361942),
    "unpaired": (-0.268026000228589, 117.293811683540611, 0.789150085548736),
}


@given(seed=st.integers(0, 500))
@settings(max_examples=30, deadline=None)
def test_only_ranks_count_and_swapping_the_classes_mirrors(seed: int) -> None:
    score, positive, cluster = study(seed)
    found = clustered_auroc(score, positive, cluster)
    stretched = clustered_auroc(np.exp(score) * 3 - 7, positive, cluster)
    mirrored = clustered_auroc(-score, ~positive, cluster)
    assert (stretched.auroc, stretched.variance) == pytest.approx((found.auroc, found.variance), rel=1e-12)
    assert (mirrored.auroc, mirrored.variance) == pytest.approx((found.auroc, found.variance), rel=1e-9)


def test_failed_cases_at_infinity_are_the_worst_ranks() -> None:
    positive = np.array([True, True, False, False])
    score = np.array([-np.inf, 0.9, 0.2, np.inf])
    assert placements(score, positive).auroc == 0.25  # by hand: of four pairs only 0.9 over 0.2 is in order


def test_a_perfect_auroc_keeps_an_honest_width() -> None:
    score, positive = np.arange(40.0), np.arange(40) >= 20
    found = clustered_auroc(score, positive, np.arange(40))
    assert (found.auroc, found.variance) == (1.0, 0.0)
    limits = perfect_limits(1.0, found.smaller_class)
    assert float(limits.low) == pytest.approx(20 / (20 + 1.959964**2), abs=1e-6)  # Wilson with n = 20
    assert float(limits.high) == 1.0


def test_logit_limits_stay_inside() -> None:
    limits = delong_logit_limits(0.98, 0.0009)
    assert 0 < float(limits.low) < 0.98 < float(limits.high) < 1
    clustered = clustered_auroc(*study(5))
    bounds = obuchowski_limits(clustered)
    assert 0 < float(bounds.low) < clustered.auroc < float(bounds.high) < 1


@pytest.mark.parametrize("positive", [np.ones(5, bool), np.zeros(5, bool)])
def test_one_class_is_undefined(positive: np.ndarray) -> None:
    with pytest.raises(Undefined, match="needs both classes"):
        clustered_auroc(np.arange(5.0), positive, np.arange(5))


def test_nan_scores_and_uneven_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"NaN|nan"):
        placements([0.1, np.nan, 0.3], np.array([True, False, True]))
    with pytest.raises(ValueError, match="shape"):
        clustered_auroc(np.arange(4.0), np.array([True, False, True, False]), np.arange(3))


@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(2, 40), st.sampled_from([0, 1, 6]))
@settings(max_examples=60, deadline=None)
def test_two_sorts_and_a_merge_give_delongs_variance_ties_or_not(seed: int, m: int, n: int, decimals: int) -> None:
    rng = np.random.default_rng(seed)
    positive = np.arange(m + n) < m
    score = np.round(rng.normal(size=m + n) + positive, decimals)
    score[0] = np.inf if seed % 2 else score[0]
    found, slow = delong(score, positive), placements(score, positive)
    assert found.auroc == pytest.approx(slow.auroc, abs=1e-12)
    assert found.variance == pytest.approx(slow.variance, rel=1e-9, abs=1e-15)


def test_fewer_than_two_of_a_class_have_no_variance() -> None:
    with pytest.raises(Undefined, match="got 1 positive and 3 negative"):
        delong([0.1, 0.2, 0.3, 0.4], np.array([True, False, False, False]))
