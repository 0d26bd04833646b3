"""The resampling kernel: sums against plain arithmetic, and bad input refused before the compiled loops."""

from __future__ import annotations

import numpy as np
import pytest

from validate.stats.kernel import group_codes, tally
from validate.stats.resample import AsObserved, LeaveOneOut
from validate.stats.tallies.tally import Binned, Concordance, PrecisionSteps, Sum, Tally

CLUSTER = np.array([0, 0, 1, 2])
GROUPS = np.array([[True, True, True, True], [True, False, False, True], [False, False, False, False]])
SCORE = np.array([0.9, 0.4, 0.4, 0.1])
POSITIVE = np.array([True, True, False, False])


def sums(item: Tally, weights: AsObserved | LeaveOneOut | None = None) -> np.ndarray:
    (result,) = tally([item], cluster=CLUSTER, groups=GROUPS, weights=weights or AsObserved(3), workers=1)
    return result


def test_a_row_is_listed_under_each_of_its_groups_and_padded() -> None:
    assert group_codes(GROUPS).tolist() == [[0, 1], [0, 3], [0, 3], [0, 1]]


def test_a_binned_sum_adds_each_value_to_its_level_in_each_group() -> None:
    item = Binned(np.array([1.0, 2.0, 4.0, 8.0]), np.array([0, 1, 1, 0], np.int32), 2)
    assert sums(item)[0].tolist() == [[9.0, 6.0], [9.0, 0.0], [0.0, 0.0]]  # by hand


def test_leaving_a_cluster_out_takes_all_its_rows_away() -> None:
    result = sums(Sum(np.array([1.0, 2.0, 4.0, 8.0])), LeaveOneOut(3))
    assert result[:, 0, 0].tolist() == [12.0, 11.0, 7.0]  # by hand: 15 - 3, 15 - 4, 15 - 8


def test_a_tied_pair_counts_half() -> None:
    # by hand: .9 beats both negatives, .4 ties one and beats one: 3.5 of 2 · 2 pairs
    assert sums(Concordance(SCORE, POSITIVE))[0, 0].tolist() == [3.5, 2.0, 2.0]


def test_a_monotone_change_of_scale_changes_no_rank_tally() -> None:
    for kind in (Concordance, PrecisionSteps):
        assert np.array_equal(sums(kind(SCORE, POSITIVE)), sums(kind(np.exp(5 * SCORE), POSITIVE)))


def test_swapping_classes_and_signs_keeps_the_pairs() -> None:
    swapped = sums(Concordance(-SCORE, ~POSITIVE))
    assert np.array_equal(sums(Concordance(SCORE, POSITIVE)), swapped[..., [0, 2, 1]])


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (Binned(np.ones(4), np.array([0, 1, -1, 0], np.int32), 2), "codes from -1 to 1, expected 0 … 1"),
        (Binned(np.ones(4), np.array([0, 1, 2, 0], np.int32), 2), "codes from 0 to 2, expected 0 … 1"),
        (Binned(np.ones(4), np.zeros(3, np.int32), 2), "with 3 codes, expected 4"),
        (Sum(np.array([0.0, np.inf, 0.0, 0.0])), "infinite value in a Binned"),
        (Sum(np.array([0.0, np.nan, 0.0, 0.0])), "NaN in a Binned"),
        (Sum(np.ones(3)), "a Binned of 3 rows, expected 4"),
        (Concordance(np.array([0.0, np.nan, 0.0, 0.0]), POSITIVE), "NaN in a Concordance"),
    ],
)
def test_a_tally_that_points_outside_or_has_no_number_is_refused(item: Tally, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sums(item)


def test_a_cluster_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a cluster outside 0 … 1"):
        tally([Sum(np.ones(4))], cluster=CLUSTER, groups=GROUPS, weights=AsObserved(2))


def test_groups_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"groups of shape \(3, 3\) and type bool, expected \(groups, 4\) bool"):
        tally([Sum(np.ones(4))], cluster=CLUSTER, groups=GROUPS[:, :3], weights=AsObserved(3))
