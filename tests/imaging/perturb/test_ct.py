"""CT: each disturbance against its physics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


@pytest.mark.parametrize("fraction", [0.5, 0.25])
def test_noise_grows_as_the_dose_falls_and_has_the_colour_of_back_projection(bench: Any, fraction: float) -> None:
    volume = bench.flat(40, (6, 256, 256), pixel=0.7, unit="HU")
    found = bench.disturbed("ct_dose", volume, fraction=fraction, noise=10.0, cut_off=0.35) - 40
    assert found.std() == pytest.approx(10 * np.sqrt(1 / fraction - 1), rel=0.02)
    power = (np.abs(np.fft.fft2(found)) ** 2).mean(axis=0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(256, 0.7), np.fft.fftfreq(256, 0.7), indexing="ij"))

    def band(low: float, high: float) -> Any:
        return power[(frequency >= low) & (frequency < high)].mean()

    expected = [f * np.exp(-((f / 0.35) ** 2)) for f in (0.1, 0.25, 0.5)]
    measured = [band(f - 0.01, f + 0.01) for f in (0.1, 0.25, 0.5)]
    assert np.array(measured) / measured[1] == pytest.approx(np.array(expected) / expected[1], rel=0.08)
    assert band(0, 0.004) < 0.02 * measured[1]  # a ramp lets no mean through


def test_a_kernel_lifts_edges_and_noise_and_keeps_hu(bench: Any) -> None:
    noise = np.random.default_rng(1).normal(0, 10, (1, 256, 256)) + 40
    found = bench.disturbed("ct_kernel", bench.image(noise, pixel=0.7, unit="HU"), gain=1.5, corner=0.4)
    assert found.mean() == pytest.approx(40, abs=0.1)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(256, 0.7), np.fft.fftfreq(256, 0.7), indexing="ij"))
    expected = np.sqrt(np.mean((1 + 1.5 * (1 - np.exp(-((frequency / 0.4) ** 2)))) ** 2))
    assert found.std() / noise.std() == pytest.approx(expected, rel=0.02)


def test_a_thick_slice_averages_what_lies_in_it(bench: Any) -> None:
    voxels = np.random.default_rng(1).normal(0, 10, (40, 64, 64))
    found = bench.disturbed("slice_thickness", bench.image(voxels), thickness=5.0)
    assert found[10:30].std() == pytest.approx(10 / np.sqrt(5), rel=0.03)
    assert found[20] == pytest.approx(voxels[18:23].mean(axis=0), abs=1e-4)
    assert np.array_equal(bench.disturbed("slice_thickness", bench.image(voxels), thickness=1.0), np.float32(voxels))


def test_voltage_moves_iodine_and_leaves_water_and_air(bench: Any) -> None:
    voxels = np.tile(np.array([-1000.0, -100.0, 0.0, 40.0, 360.0]), (1, 4, 1))
    found = bench.disturbed("tube_voltage", bench.image(voxels, unit="HU"), kvp=80.0)[0, 0]
    # by hand: (80/120)^-1.25 = 1.660
    assert found == pytest.approx([-1000, -100, 0, 40, 60 + 1.660 * 300], abs=0.2)


def test_cupping_is_deepest_in_the_middle_and_none_at_the_skin(bench: Any) -> None:
    y, x = np.mgrid[-100:101, -100:101]
    body = np.where((x / 80) ** 2 + (y / 60) ** 2 < 1, 0.0, -1000.0)
    found = bench.disturbed("beam_hardening", bench.image(body[None], unit="HU"), depth=30.0)[0]
    assert found[100, 100] == pytest.approx(-30, abs=0.5)
    assert found[100, 100 + 40] == pytest.approx(-30 * 0.75, abs=0.7)  # 1 - (1/2)²
    assert found[100, 100 + 78] == pytest.approx(0, abs=2) and found[5, 5] == -1000


def test_streaks_fall_with_the_distance_and_are_the_same_on_both_sides(bench: Any) -> None:
    found = bench.disturbed("metal_streaks", bench.flat(0, (1, 401, 401), pixel=1.0), amplitude=50.0, radius=3.0)[0]
    metal = np.argwhere(found == 3000)
    middle = metal.mean(axis=0).round().astype(int)
    assert len(metal) == pytest.approx(np.pi * 9, rel=0.35)
    y, x = np.mgrid[:401, :401]
    radius = np.hypot(y - middle[0], x - middle[1])
    spread = {r: found[np.abs(radius - r) < 1].std() for r in (20, 40, 80)}
    assert spread[20] == pytest.approx(50, rel=0.3)
    assert spread[40] / spread[20] == pytest.approx(0.5, abs=0.06)
    assert spread[80] / spread[20] == pytest.approx(0.25, abs=0.04)
    one, other = found[middle[0] + 30, middle[1] + 17], found[middle[0] - 30, middle[1] - 17]
    assert one == pytest.approx(other, abs=12)


def test_views_disagree_the_more_the_later_they_are(bench: Any) -> None:
    y, x = np.mgrid[:128, :128]
    for shift, most in ((0.0, 1e-2), (4.0, 1.0)):  # the view along x is the middle one, where nothing has moved
        wave = 100 * np.cos(2 * np.pi * x / 16)[None]
        found = bench.disturbed("ct_motion", bench.image(wave), shift=shift)
        assert np.abs(found - wave)[:, 20:-20, 20:-20].max() < most
    diagonal = 100 * np.cos(2 * np.pi * (x + y) / 16)[None]
    found = bench.disturbed("ct_motion", bench.image(diagonal), shift=4.0)[0, 32:96, 32:96]
    answer = 2 * np.mean(found * np.exp(-2j * np.pi * (x + y)[32:96, 32:96] / 16))
    assert abs(answer) == pytest.approx(100, rel=0.03)  # moved as a whole
    assert (
        0 < abs(np.angle(answer)) <= 2 * np.pi * 4.0 / 4 * np.sqrt(2) / 16 + 0.05
    )  # by a quarter of the shift at most
    upright = 100 * np.cos(2 * np.pi * y / 16)[None]
    found = bench.disturbed("ct_motion", bench.image(upright), shift=4.0)[0, 32:96, 32:96]
    assert np.abs(found).max() < 99  # the first view and the last measure it, and see it at two places


def test_beyond_the_field_is_nothing_and_the_rim_of_a_cut_body_is_bright(bench: Any) -> None:
    found = bench.disturbed("field_of_view", bench.flat(0, (1, 200, 200), pixel=1.0), lost=20.0, rim=100.0)[0]
    y, x = np.mgrid[:200, :200] - 99.5
    radius = np.hypot(y, x)
    assert (found[radius > 80.5] == -1024).all() and found[99, 99] == pytest.approx(0, abs=0.1)
    assert found[99, 100 + 78] == pytest.approx(100, abs=30)
    small = np.where(radius < 50, 0.0, -1000.0)
    whole = bench.disturbed("field_of_view", bench.image(small[None], unit="HU"), lost=20.0)[0]
    assert (whole[radius < 45] == 0).all()  # nothing is cut off, so nothing is bright


@pytest.mark.parametrize("thickness", [1.0 + 1e-9, 1.5, 2.0, 3.5, 5.0, 7.3, 40.0])
def test_slices_are_mixed_alike_on_every_device(bench: Any, thickness: float) -> None:
    import torch

    from validate.imaging.perturb.slice_thickness import _by_shifts, box

    voxels = np.random.default_rng(1).normal(0, 100, (9, 7, 5)).astype(np.float32)
    found = bench.disturbed("slice_thickness", bench.image(voxels), thickness=thickness)
    shifted = _by_shifts(torch.from_numpy(voxels)[None, ..., None], box(thickness, 1.0))[0, ..., 0].numpy()
    weights = box(thickness, 1.0).numpy().astype(np.float64)
    reach = weights.size // 2
    wide = np.pad(voxels.astype(np.float64), ((reach, reach), (0, 0), (0, 0)), mode="edge")
    by_hand = np.tensordot(np.lib.stride_tricks.sliding_window_view(wide, weights.size, axis=0), weights, 1)
    for one in (found, shifted):
        np.testing.assert_allclose(one, by_hand, rtol=0, atol=1e-4)
