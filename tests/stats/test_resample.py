"""The resampling weights: exactly multinomial, the same bits everywhere, bounded memory."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from validate.stats.compiled import LANES
from validate.stats.resample import AsObserved, ClusterWeights, LeaveOneOut, block_count, resampling_key

KEY = resampling_key(20261122, "cohort")


def all_weights(clusters: int, replicates: int, key: bytes = KEY, strata: np.ndarray | None = None) -> np.ndarray:
    weights = ClusterWeights(clusters, replicates, key, strata)
    drawn = np.empty((clusters, block_count(weights) * LANES), np.uint8)
    for block in range(block_count(weights)):
        own = np.empty((clusters, LANES), np.uint8)
        weights.fill(block, own)
        drawn[:, block * LANES : (block + 1) * LANES] = own
    return drawn[:, :replicates]


@pytest.mark.parametrize("clusters", [1, 2, 20, 63, 64, 65, 1000, 5000])
def test_every_replicate_draws_as_many_clusters_as_there_are(clusters: int) -> None:
    assert (all_weights(clusters, 256).sum(axis=0, dtype=np.int64) == clusters).all()


@pytest.mark.parametrize("clusters", [20, 100, 1000])
def test_weights_have_the_distribution_of_a_multinomial_draw(clusters: int) -> None:
    drawn = all_weights(clusters, 6400)
    # A cluster's weight is Binomial(n, 1/n): its mean 1, its variance 1 - 1/n, two clusters' covariance -1/n.
    counts = np.bincount(drawn[::7].ravel(), minlength=8)[:8]
    expected = stats.binom.pmf(np.arange(8), clusters, 1 / clusters) * counts.sum()
    keep = expected > 5
    assert stats.chisquare(counts[keep], expected[keep] * counts[keep].sum() / expected[keep].sum()).pvalue > 1e-4
    assert drawn.var(axis=1).mean() == pytest.approx(1 - 1 / clusters, rel=0.02)
    first, second = drawn[0].astype(float), drawn[clusters // 2].astype(float)
    assert np.cov(first, second)[0, 1] == pytest.approx(-1 / clusters, abs=4 / np.sqrt(6400))


def test_no_cluster_is_favoured() -> None:
    totals = all_weights(200, 12_800).sum(axis=1, dtype=np.int64)
    assert stats.chisquare(totals).pvalue > 1e-4


def test_more_replicates_do_not_change_the_first_ones() -> None:
    assert np.array_equal(all_weights(300, 100), all_weights(300, 1000)[:, :100])


def test_seed_and_cohort_and_purpose_each_change_the_stream() -> None:
    keys = [resampling_key(1, "a"), resampling_key(2, "a"), resampling_key(1, "b"), resampling_key(1, "a", "other")]
    drawn = [all_weights(100, 64, key).tobytes() for key in keys]
    assert len(set(drawn)) == 4


def test_the_bits_are_these_on_every_machine() -> None:
    drawn = all_weights(100, 64)
    assert drawn[:8, 0].tolist() == FIRST_WEIGHTS  # regression: a change of stream changes every bootstrap number
    assert drawn[:8, 63].tolist() == LAST_WEIGHTS


FIRST_WEIGHTS = [1, 0, 1, 1, 0, 4, 2, 1]
LAST_WEIGHTS = [1, 0, 2, 2, 1, 0, 2, 2]


def test_strata_keep_their_size_in_every_replicate() -> None:
    strata = np.array([0] * 30 + [1] * 70)
    drawn = all_weights(100, 128, strata=strata)
    assert (drawn[:30].sum(axis=0) == 30).all()
    assert (drawn[30:].sum(axis=0) == 70).all()


def test_leave_one_out_leaves_each_cluster_out_once() -> None:
    weights = LeaveOneOut(100)
    own = np.empty((100, LANES), np.uint8)
    left_out = []
    for block in range(block_count(weights)):
        weights.fill(block, own)
        lanes = min(LANES, 100 - block * LANES)
        left_out += own[:, :lanes].argmin(axis=0).tolist()
        assert (own[:, :lanes].sum(axis=0) == 99).all()
    assert left_out == list(range(100))


def test_the_observed_data_weigh_one_each() -> None:
    own = np.empty((5, LANES), np.uint8)
    AsObserved(5).fill(0, own)
    assert (own == 1).all()


@pytest.mark.parametrize(
    ("clusters", "replicates", "strata", "message"),
    [
        (0, 10, None, "0 clusters"),
        (10, 0, None, "0 replicates"),
        (1 << 31, 10, None, "at most"),
        (10, 10, np.zeros(3, np.int64), r"strata of shape \(3,\), expected \(10,\)"),
    ],
)
def test_impossible_weights_are_refused(clusters: int, replicates: int, strata: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ClusterWeights(clusters, replicates, KEY, strata)  # type: ignore[arg-type]
