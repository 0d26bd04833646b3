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
            psnr, abs=0.25
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


@pytest.mark.parametrize("quality", [50, 25, 10])
def test_the_mean_of_a_block_is_a_multiple_of_the_first_step_of_the_table(bench: Any, quality: int) -> None:
    means = np.random.default_rng(1).integers(40, 215, (12, 16)) / 255 * 1000
    blocks = np.kron(means, np.ones((8, 8)))[None]
    found = bench.disturbed("jpeg", bench.image(blocks), quality=quality)[0] * 255 / 1000 - 128
    # T.81 annex K: the first entry of the table is 16, of a coefficient that is 8 times the mean; libjpeg's 5000/quality percent
    step = np.floor((16 * 5000 // quality + 50) / 100) / 8
    of_blocks = found.reshape(12, 8, 16, 8).mean(axis=(1, 3)) / step
    assert np.abs(of_blocks - of_blocks.round()).max() < 0.51 / step
    assert np.abs(of_blocks * step - (means * 255 / 1000 - 128)).max() <= step / 2 + 0.51


def test_a_scout_is_the_mean_over_the_slices_and_a_reformat_their_front(bench: Any) -> None:
    y = np.arange(64.0)
    voxels = (np.arange(6.0)[:, None, None] * 50 + 2 * y[None, :, None]) * np.ones((1, 1, 48))
    scout = bench.disturbed("wrong_series", bench.image(voxels), kind="scout")
    assert np.array_equal(scout[0], scout[5]) and scout[0, 8, 10] == pytest.approx(125 + 2 * 8, abs=20)
    front = bench.disturbed("wrong_series", bench.image(voxels), kind="reformat")[0]
    middle = voxels[:, 32, 0]
    assert front[0, 5] == pytest.approx(middle[0]) and front[-1, 5] == pytest.approx(middle[-1])
    assert (np.diff(front[:, 5]) >= 0).all()
    screen = bench.disturbed("wrong_series", bench.flat(600, (1, 64, 48)), kind="screen")[0]
    assert (screen[:32, :24] == 600).all() and (screen[32:] == 0).all() and (screen[:32, 24:] == 1000).any()


def test_white_noise_has_the_deviation_asked_for_and_a_view_from_the_side_is_half_as_wide(bench: Any) -> None:
    noise = bench.disturbed("gaussian_noise", bench.flat(500), sigma=20.0)[0] - 500
    assert noise.std() == pytest.approx(20, rel=0.02) and abs(noise.mean()) < 0.4
    assert abs(np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1]) < 0.02
    side = bench.disturbed("foreign_image", bench.flat(600, (1, 40, 80)), kind="lateral")[0]
    assert (side[:, 20:60] > 599).all() and (side[:, :20] == 0).all() and (side[:, 60:] == 0).all()
    broken = bench.disturbed("foreign_image", bench.flat(600, (1, 40, 80)), kind="half")[0]
    assert (broken[:20] > 599).all() and (broken[20:] == 0).all()
    values = np.unique(bench.disturbed("foreign_image", bench.image(textured()), kind="saturated"))
    assert values.tolist() == [0.0, 1000.0]
