"""What may happen to any image: each disturbance against what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from validate.imaging.volume import DecodeFailure
from validate.registry import load


def textured(seed: int = 1) -> Any:
    y, x = np.mgrid[:96, :128]
    return (500 + 200 * np.sin(x / 5) * np.cos(y / 7) + np.random.default_rng(seed).normal(0, 30, (96, 128)))[None]


def test_jpeg_2000_keeps_the_fidelity_asked_for_and_jpeg_falls_with_quality(bench: Any) -> None:
    voxels = textured()
    for psnr in (44, 30):
        found = bench.disturbed("jpeg_2000", bench.image(voxels), psnr=psnr)
        assert 20 * np.log10(1000 / np.sqrt(((found - voxels.clip(0, 1000)) ** 2).mean())) == pytest.approx(
            psnr, abs=2.5
        )
    errors = [np.abs(bench.disturbed("jpeg", bench.image(voxels), quality=q) - voxels).mean() for q in (90, 10)]
    assert errors[0] < errors[1]


def test_what_is_beyond_the_smaller_grid_is_gone(bench: Any) -> None:
    x = np.arange(240)
    fine, coarse = (np.tile(500 + 100 * np.cos(2 * np.pi * x / period), (1, 60, 1)) for period in (2.5, 40.0))
    for wave, least, most in ((fine, 0.0, 0.75), (coarse, 0.9, 1.0)):
        found = bench.disturbed("resize_chain", bench.image(wave), factor=3.0)[0, 30, 60:180] - 500
        phase = np.exp(-2j * np.pi * x[60:180] / (2.5 if wave is fine else 40.0))
        assert least <= 2 * abs(np.mean(found * phase)) / 100 <= most


def test_a_point_is_turned_and_shifted_to_its_place(bench: Any) -> None:
    voxels = np.zeros((1, 101, 101))
    voxels[0, 50, 80] = 1000.0  # 30 to the right of the middle
    found = bench.disturbed("rotation", bench.image(voxels), degrees=20.0)[0]
    y, x = (float((found * grid).sum() / found.sum()) - 50 for grid in np.mgrid[:101, :101])
    assert np.hypot(y, x) == pytest.approx(30, abs=0.3)
    assert abs(np.degrees(np.arctan2(y, x))) == pytest.approx(20, abs=0.5)
    middle = np.zeros((1, 101, 101))
    middle[0, 50, 50] = 1000.0
    found = bench.disturbed("translation", bench.image(middle), share=0.2)[0]
    y, x = (float((found * grid).sum() / found.sum()) - 50 for grid in np.mgrid[:101, :101])
    assert np.hypot(y, x) == pytest.approx(0.2 * 101, abs=0.2)


def test_what_a_crop_leaves_stays_where_it_was_in_the_patient(bench: Any) -> None:
    y, x = np.mgrid[:80, :90]
    volume = bench.image((1000 * y + x)[None])
    for name, options in (("crop", {"kept": 0.7}), ("padding", {"share": 0.1})):
        done = load("perturbations", name)(volume, options, np.random.default_rng(3))
        place = np.argwhere(done.voxels[0] == 40045.0)
        assert len(place) == 1
        assert done.affine @ np.array([place[0][1], place[0][0], 0, 1]) == pytest.approx([45, 40, 0, 1])


def test_so_many_slices_are_lost_and_the_rest_is_in_order(bench: Any) -> None:
    volume = bench.image(np.arange(40.0)[:, None, None] * np.ones((1, 4, 5)))
    found = bench.disturbed("missing_slices", volume, share=0.25)[:, 0, 0]
    assert len(found) == 30 and (np.diff(found) > 0).all()
    with pytest.raises(DecodeFailure, match="needs 3 slices"):
        bench.disturbed("missing_slices", bench.image(np.zeros((1, 4, 5))), share=0.25)


def test_each_way_round_is_itself_again_when_done_often_enough(bench: Any) -> None:
    voxels = np.random.default_rng(1).uniform(0, 1000, (1, 32, 32)).astype(np.float32)
    for way, times in (("left_right", 2), ("upside_down", 2), ("half_turn", 2), ("quarter_turn", 4), ("transposed", 2)):
        found = voxels
        for _ in range(times):
            found = bench.disturbed("orientation", bench.image(found), way=way)
        assert np.abs(found - voxels).max() < 1e-2, way
    quarter = bench.disturbed("orientation", bench.image(voxels), way="quarter_turn")
    assert quarter[0] == pytest.approx(np.rot90(voxels[0]), abs=1e-3)


def test_text_is_white_and_as_high_as_it_says(bench: Any) -> None:
    found = bench.disturbed("burned_in_text", bench.flat(200, (1, 200, 300)), height=0.1, lines=1)[0]
    rows, _ = np.nonzero(found == 1000)
    assert rows.max() - rows.min() + 1 == 20


def test_a_wrong_series_and_a_foreign_image_hold_nothing_of_the_finding(bench: Any) -> None:
    voxels = textured()
    voxels[0, 40:50, 60:70] = 950.0
    for kind in ("phantom", "blank"):
        found = bench.disturbed("wrong_series", bench.image(voxels), kind=kind)
        assert (
            abs(np.corrcoef(found.ravel() + 1e-9 * voxels.ravel() * 0, voxels.ravel())[0, 1]) < 0.2
            if found.std()
            else True
        )
    for kind in ("hand", "abdomen_slice", "photograph", "noise"):
        found = bench.disturbed("foreign_image", bench.image(voxels), kind=kind)
        assert abs(np.corrcoef(found.ravel(), voxels.ravel())[0, 1]) < 0.2, kind
        assert found.min() >= -0.01 and found.max() <= 1000.01
    inverted = bench.disturbed("foreign_image", bench.image(voxels), kind="inverted")
    assert np.corrcoef(inverted.ravel(), voxels.ravel())[0, 1] == pytest.approx(-1, abs=1e-3)
