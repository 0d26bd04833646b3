"""Radiographs: each disturbance against its physics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest


@pytest.mark.parametrize("fraction", [0.5, 0.25, 0.0625])
@pytest.mark.parametrize("grey", [0.3, 0.5, 0.8])
def test_noise_has_the_variance_of_the_quanta(bench: Any, fraction: float, grey: float) -> None:
    found = bench.disturbed("quantum_noise", bench.flat(1000 * grey, pixel=0.2), fraction=fraction)
    log = (found / 1000 - grey) * 1.5 * math.log(10)  # of the signal
    quanta = 2.5 * 30174 * 0.2**2 * 0.6 * 10 ** (1.5 * (0.5 - grey))  # by hand, IEC 62220-1:2003 RQA 5
    assert log.var() == pytest.approx((1 / fraction - 1) / quanta, rel=0.03)
    assert log.mean() == pytest.approx(0, abs=4 * log.std() / 256)


@pytest.mark.parametrize("f50", [0.5, 1.0, 2.0])
def test_the_added_mtf_is_one_half_where_it_says(bench: Any, f50: float) -> None:
    pixel = 0.1
    x = np.arange(400) * pixel
    for frequency in (f50, f50 / 2):
        wave = 500 + 100 * np.cos(2 * np.pi * frequency * x)
        found = bench.disturbed("detector_blur", bench.image(np.tile(wave, (1, 40, 1)), pixel=pixel), f50=f50)
        middle = found[0, 20, 100:300] - 500
        amplitude = 2 * abs(np.mean(middle * np.exp(-2j * np.pi * frequency * x[100:300])))
        assert amplitude / 100 == pytest.approx(0.5 ** ((frequency / f50) ** 2), abs=0.01)


def test_a_small_detail_keeps_what_scatter_leaves_of_its_contrast(bench: Any) -> None:
    voxels = np.full((1, 256, 256), 500.0)
    voxels[0, 126:130, 126:130] = 540.0
    before = 10 ** (-1.5 * 0.04) - 1  # of the signal
    found = bench.disturbed("scatter", bench.image(voxels, pixel=1.0), fraction=0.4, spread=40.0)
    after = 10 ** (-1.5 * (found[0, 128, 128] - found[0, 100, 100]) / 1000) - 1
    assert after / before == pytest.approx(1 - 0.4, abs=0.01)
    assert found[0, 40, 40] == pytest.approx(500, abs=1)  # an even field stays as it was


def test_a_tone_curve_keeps_black_and_white_and_bends_the_middle(bench: Any) -> None:
    ramp = np.tile(np.linspace(-100, 1100, 121), (1, 8, 1))
    found = bench.disturbed("tone_curve", bench.image(ramp), gamma=2.0)
    assert found[0, 0] == pytest.approx(
        [v if v <= 0 or v >= 1000 else 1000 * (v / 1000) ** 2 for v in ramp[0, 0]], abs=0.1
    )


def test_a_window_is_moved_and_narrowed(bench: Any) -> None:
    ramp = np.tile(np.linspace(0, 1000, 101), (1, 4, 1))
    found = bench.disturbed("windowing", bench.image(ramp), shift=0.1, width=0.5)
    # by hand: the new window runs from 0.6 - 0.25 to 0.6 + 0.25 of the old
    assert found[0, 0, 35] == pytest.approx(0, abs=0.1) and found[0, 0, 60] == pytest.approx(500, abs=0.1)
    assert found[0, 0, 85] == pytest.approx(1000, abs=0.1) and found[0, 0, 95] == 1000


def test_rounding_to_fewer_bits_has_the_variance_of_a_step(bench: Any) -> None:
    values = np.random.default_rng(1).uniform(0, 1000, (1, 300, 300))
    found = bench.disturbed("bit_depth", bench.image(values), bits=5)
    step = 1000 / 31
    assert len(np.unique(found)) == 32
    assert (found - values).var() == pytest.approx(step**2 / 12, rel=0.02)


def test_blades_cover_no_more_than_they_say_and_no_less_than_half(bench: Any) -> None:
    found = bench.disturbed("collimation", bench.flat(800, (1, 200, 200), pixel=0.5), border=20.0, penumbra=0.5)
    dark = (found[0] < 400).sum(axis=0)
    covered = [(found[0, 100] < 400)[:100].sum(), (found[0, 100] < 400)[100:].sum(), (found[0, :, 100] < 400).sum()]
    assert 20 <= covered[0] <= 41 and 20 <= covered[1] <= 41 and 40 <= covered[2] <= 82
    assert dark.max() == 200 and found[0, 100, 100] == 800


def test_a_marker_is_as_high_as_it_says_and_white(bench: Any) -> None:
    found = bench.disturbed("laterality_marker", bench.flat(200, (1, 200, 240), pixel=0.5), height=14.0, letter="L")
    rows, _ = np.nonzero(found[0] == 1000)
    assert (rows.max() - rows.min() + 1) * 0.5 == pytest.approx(14.0, abs=0.5)


def test_so_many_lines_are_lost(bench: Any) -> None:
    found = bench.disturbed("dead_lines", bench.flat(600, (1, 400, 400)), lines=7)
    lost = (found[0] == 0).all(axis=0).sum() + (found[0] == 0).all(axis=1).sum()
    assert 5 <= lost <= 7  # two may fall on one place
