from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import validate
from validate.errors import DataError


def boxes() -> tuple[np.ndarray, np.ndarray]:
    one, other = np.zeros((10, 20, 20), bool), np.zeros((10, 20, 20), bool)
    one[2:6, 4:14, 4:14] = True
    other[2:6, 5:15, 4:14] = True
    return one, other


def test_one_call_gives_every_figure_of_two_masks() -> None:
    one, other = boxes()
    found = validate.compare_masks(one, other, spacing=(3.0, 0.75, 0.75), tolerance=2.0)
    assert found.dice == found.precision == found.recall == 0.9  # by hand: 9 of 10 rows
    assert found.iou == pytest.approx(360 / 440)
    assert found.volume_reference == found.volume_prediction == pytest.approx(400 * 3 * 0.75 * 0.75 / 1000)
    assert found.volume_difference == 0
    assert found.hd == pytest.approx(0.75)
    assert found.nsd == 1.0
    assert (found.lesions.found, found.lesions.missed, found.lesions.invented) == (1, 0, 0)
    assert found.undefined == {}


def test_the_two_boundaries_give_different_figures_and_say_which_they_are() -> None:
    one, other = boxes()
    kept = {"spacing": (3.0, 0.75, 0.75), "tolerance": 0.5}
    surfel = validate.compare_masks(one, other, boundary="surfel", **kept)
    voxel = validate.compare_masks(one, other, boundary="voxel", **kept)
    assert (surfel.boundary, voxel.boundary) == ("surfel", "voxel")
    assert surfel.nsd != voxel.nsd


def test_a_plane_is_measured_in_two_directions() -> None:
    one, other = (mask[3] for mask in boxes())
    found = validate.compare_masks(one, other, spacing=(0.5, 0.25), tolerance=0.5)
    assert found.hd == pytest.approx(0.5)
    assert found.volume_reference == pytest.approx(100 * 0.5 * 0.25)  # mm²


def test_whole_numbers_are_taken_as_masks_and_nothing_else_is() -> None:
    one, other = boxes()
    as_numbers = validate.compare_masks(one.astype(np.uint8), other.astype(float), spacing=(1, 1, 1), tolerance=1)
    assert as_numbers.dice == 0.9
    for strange in (one * 2, one * 0.5, np.where(one, np.nan, 0.0)):
        with pytest.raises(DataError, match="expected 0 and 1 only"):
            validate.compare_masks(strange, other, spacing=(1, 1, 1), tolerance=1)


def test_an_empty_mask_is_no_zero_and_no_perfect_score() -> None:
    one, _ = boxes()
    empty = np.zeros_like(one)
    half = validate.compare_masks(one, empty, spacing=(1, 1, 1), tolerance=1, centreline=True)
    assert (half.dice, half.hd, half.nsd, half.precision, half.centreline_dice) == (0.0, None, None, None, None)
    assert half.undefined["hd"] == "a surface distance needs both masks: the prediction is empty."
    both = validate.compare_masks(empty, empty, spacing=(1, 1, 1), tolerance=1)
    assert both.dice is None
    assert both.undefined["dice"] == "Dice needs a voxel: both masks are empty."


def test_the_centreline_of_a_broken_vessel_is_found_by_half() -> None:
    one = np.zeros((9, 9, 41), bool)
    one[3:6, 3:6, 2:39] = True
    other = one.copy()
    other[:, :, 20:] = False
    found = validate.compare_masks(one, other, spacing=(1, 1, 1), tolerance=1, centreline=True)
    assert found.centreline_dice is not None
    assert 0.6 < found.centreline_dice < 0.75  # by hand: precision 1, sensitivity about a half


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spacing": (1, 1)}, "spacing has 2 numbers for 3 axes"),
        ({"spacing": (1, 0, 1)}, "expected lengths above 0"),
        ({"spacing": (1, -1, 1)}, "expected lengths above 0"),
        ({"spacing": (1, float("nan"), 1)}, "expected lengths above 0"),
        ({"tolerance": -1}, "tolerance is -1 mm"),
        ({"boundary": "surface"}, "expected 'surfel' or 'voxel'"),
        ({"connectivity": 8}, "expected one of 6, 18, 26"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(change: dict[str, Any], message: str) -> None:
    one, other = boxes()
    with pytest.raises(DataError, match=message):
        validate.compare_masks(one, other, **({"spacing": (1, 1, 1), "tolerance": 1} | change))


def test_masks_of_another_shape_are_refused_and_never_resampled() -> None:
    one, other = boxes()
    with pytest.raises(DataError, match=r"shape \(10, 20, 20\), the prediction \(9, 20, 20\)"):
        validate.compare_masks(one, other[1:], spacing=(1, 1, 1), tolerance=1)
    with pytest.raises(DataError, match="not empty"):
        validate.compare_masks(one[:0], other[:0], spacing=(1, 1, 1), tolerance=1)
    with pytest.raises(DataError, match="expected bool"):
        validate.compare_masks(one.astype(str), other, spacing=(1, 1, 1), tolerance=1)
