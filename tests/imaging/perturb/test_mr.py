"""MR: each disturbance against its physics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


def test_noise_is_rician_with_the_snr_asked_for(bench: Any) -> None:
    voxels = np.zeros((1, 256, 256))
    voxels[:, :, 128:] = 400.0
    found = bench.disturbed("rician_noise", bench.image(voxels), snr=20.0)[0]
    sigma = 400 / 20
    air, tissue = found[:, :128], found[:, 128:]
    assert air.mean() == pytest.approx(sigma * np.sqrt(np.pi / 2), rel=0.01)  # Rayleigh
    assert air.std() == pytest.approx(sigma * np.sqrt(2 - np.pi / 2), rel=0.02)
    assert tissue.std() == pytest.approx(sigma, rel=0.02)
    assert tissue.mean() / tissue.std() == pytest.approx(20, rel=0.03)


def test_a_field_is_smooth_and_as_uneven_as_asked_for(bench: Any) -> None:
    found = bench.disturbed("bias_field", bench.flat(100, (2, 64, 80)), amplitude=0.3)
    assert found.max() / found.min() == pytest.approx(1.3 / 0.7, rel=1e-3)
    assert np.abs(np.diff(np.log(found), n=2, axis=1)).max() < 0.02
    assert np.array_equal(found[0], found[1])


def test_ghosts_have_half_the_modulation_and_lie_a_period_away(bench: Any) -> None:
    voxels = np.zeros((1, 128, 64))
    voxels[0, 30:34, 20:40] = 100.0
    found = bench.disturbed("ghosting", bench.image(voxels), modulation=0.4, period=4)[0]
    assert found[31, 30] == pytest.approx(100, rel=0.01)
    assert found[31 + 32, 30] == pytest.approx(20, rel=0.02)  # α/2, FOV/4 away
    assert found[(31 - 32) % 128, 30] == pytest.approx(20, rel=0.02)
    assert found[31 + 64, 30] == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize("kept", [0.25, 0.125])
def test_an_edge_overshoots_by_nine_percent_whatever_is_kept(bench: Any, kept: float) -> None:
    voxels = np.zeros((1, 512, 512))
    voxels[0, :, 128:384] = 100.0
    found = bench.disturbed("gibbs", bench.image(voxels + 200), kept=kept)[0, 256] - 200
    assert found.max() == pytest.approx(108.9, abs=1.0)  # Gibbs: 8.95% of the step
    spectrum = np.abs(np.fft.fft(found))
    assert spectrum[int(kept * 256) + 2 : 256].max() < 1e-2 * spectrum[1]


def test_motion_before_the_scan_is_none_and_a_shift_keeps_the_energy(bench: Any) -> None:
    y, x = np.mgrid[-64:64, -64:64]
    head = np.where(np.hypot(x / 1.2, y) < 40, 100.0, 0.0)[None]
    assert bench.disturbed("mr_motion", bench.image(head), shift=0.0) == pytest.approx(head, abs=1e-2)
    found = bench.disturbed("mr_motion", bench.image(head), shift=4.0)
    assert (found**2).sum() == pytest.approx((head**2).sum(), rel=1e-3)  # phases keep |k|²
    assert found[0, :, :10].mean() > 0.2  # what was air holds ghosts


def test_a_spike_adds_a_wave_of_the_height_asked_for(bench: Any) -> None:
    found = bench.disturbed("spike", bench.flat(200, (1, 128, 128)), height=0.25)[0]
    # |200·(1 + 0.25·e^{iφ})| lies between 150 and 250
    assert found.max() == pytest.approx(250, abs=2) and found.min() == pytest.approx(150, abs=2)
    assert (found**2).mean() == pytest.approx(200**2 * (1 + 0.25**2), rel=1e-3)


def test_every_second_line_folds_two_copies_of_half_the_height(bench: Any) -> None:
    voxels = np.zeros((1, 128, 64))
    voxels[0, 20:40, 20:40] = 100.0
    found = bench.disturbed("undersampling", bench.image(voxels), acceleration=2, centre=0.0)[0]
    assert found[30, 30] == pytest.approx(50, abs=0.1) and found[30 + 64, 30] == pytest.approx(50, abs=0.1)
    all_of_it = bench.disturbed("undersampling", bench.image(voxels), acceleration=2, centre=1.0)
    assert all_of_it == pytest.approx(voxels, abs=1e-3)


def test_a_longer_echo_is_a_power_of_the_signal(bench: Any) -> None:
    signal = 1000 * np.exp(-80 / np.linspace(40, 4000, 6400)).reshape(1, 80, 80)  # T2 from 40 ms on, TE 80 ms
    found = bench.disturbed("contrast_shift", bench.image(signal), ratio=1.5)
    top = np.quantile(np.float32(signal), 0.995)
    assert found == pytest.approx(top * (signal / top) ** 1.5, rel=1e-4)


def test_coarse_pixels_hold_the_mean_of_what_lies_in_them(bench: Any) -> None:
    voxels = np.random.default_rng(1).normal(100, 10, (1, 120, 120))
    found = bench.disturbed("resolution", bench.image(voxels), pixel=4.0)
    assert found.mean() == pytest.approx(voxels.mean(), abs=0.05)
    assert found[0, 61:63, 61:63].mean() == pytest.approx(voxels[0, 60:64, 60:64].mean(), abs=1.5)
    assert np.array_equal(bench.disturbed("resolution", bench.image(voxels), pixel=0.5), np.float32(voxels))


def test_lines_after_a_movement_carry_the_phase_of_its_shift(bench: Any) -> None:
    # Lines between two movements see the object where it then is: a shift is a phase (Fourier's theorem).
    y, x = np.mgrid[-32:32, -32:32]
    head = np.where(np.hypot(x / 1.3, y) < 18, 100.0, 0.0)[None]
    found = bench.disturbed("mr_motion", bench.image(head), seed=3, shift=5.0, times=4)[0]
    generator = np.random.Generator(np.random.Philox(key=3))
    moments = generator.random((4,), dtype=np.float32)
    there = np.vstack([np.zeros(2), 5.0 * generator.standard_normal((4, 2), dtype=np.float32)])
    epoch = ((np.arange(64)[:, None] + 0.5) / 64 > moments).sum(axis=1)
    shift = there[epoch] - there[epoch[32]]
    ky, kx = (np.arange(64) - 32) / 64, (np.arange(64) - 32) / 64
    spectrum = np.fft.fftshift(np.fft.fft2(head[0]))
    phase = np.exp(-2j * np.pi * (ky[:, None] * shift[:, :1] + kx[None] * shift[:, 1:]))
    wanted = np.abs(np.fft.ifft2(np.fft.ifftshift(spectrum * phase)))
    assert found == pytest.approx(wanted, abs=1e-3)
    assert np.abs(found - head[0]).max() > 1
