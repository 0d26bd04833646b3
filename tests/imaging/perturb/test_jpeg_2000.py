"""JPEG 2000 without its bytes: what decoders make of a stream with the same steps, and the fidelity that was asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validate.imaging.perturb.jpeg_2000 import BACK, INTO, decoded
from validate.imaging.perturb.wavelet_code import LEVELS, Bands, bands, norm
from validate.imaging.perturb.wavelet_kernel import analysed, mixed, quantised, synthesised

imagecodecs = pytest.importorskip("imagecodecs")


def picture(shape: tuple[int, int], peak: float, seed: int = 1) -> Any:
    y, x = np.mgrid[: shape[0], : shape[1]]
    waves = 0.5 + 0.3 * np.sin(x / 6 + seed) * np.cos(y / 9) + 0.1 * (x > shape[1] / 2)
    return (peak * (waves + np.random.default_rng(seed).normal(0, 0.01, shape))).clip(0, peak).round()


def steps_in(stream: bytes, bits: int) -> Any:
    """Of each band, from the marker QCD (ISO/IEC 15444-1 A.6.4, equation E-3; the gains of table E.1)."""
    at = stream.find(b"\xff\x5c")
    length, style = int.from_bytes(stream[at + 2 : at + 4], "big"), stream[at + 4] & 31
    assert style == 2, "steps are not written out for each band"
    words = [int.from_bytes(stream[at + 5 + 2 * i : at + 7 + 2 * i], "big") for i in range((length - 3) // 2)]
    gains = [0] + [1, 1, 2] * LEVELS
    return np.array(
        [2.0 ** (bits + g - (w >> 11)) * (1 + (w & 2047) / 2048) for w, g in zip(words, gains, strict=True)]
    )


def by_steps(plane: Any, steps: Any) -> Any:
    given, found = plane.astype(np.float32), np.empty(plane.shape, np.float32)
    analysed(given, LEVELS)
    quantised(given, bands(*plane.shape).places, steps.astype(np.float32), found)
    synthesised(found, LEVELS)
    return found


def near(found: Any, decoder: Any) -> None:
    """To a grey level, but where a coefficient lay on the border of its interval and the coder's arithmetic put it beside."""
    off = np.abs(found - decoder.astype(np.float64))
    assert (off <= 1).mean() > 0.98, (off.max(), off.mean(), (off <= 1).mean())


@pytest.mark.parametrize("shape", [(120, 160), (97, 131)])
@pytest.mark.parametrize("coarse", [1e-4, 2e-3, 2e-2])
def test_what_comes_back_is_what_decoders_make_of_a_stream_with_these_steps(shape: Any, coarse: float) -> None:
    grey = picture(shape, 65535).astype(np.uint16)
    stream = bytes(imagecodecs.htj2k_encode(grey, level=coarse, reversible=False))  # OpenJPH: the wavelets of part 1
    found = np.rint(by_steps(grey - 32768.0, steps_in(stream, 16)) + 32768).clip(0, 65535)
    for decoder in (imagecodecs.htj2k_decode, imagecodecs.jpeg2k_decode):  # OpenJPH, OpenJPEG
        near(found, decoder(stream))
    assert np.abs(found - grey).max() > 4  # something was lost


def test_colour_comes_back_as_decoders_have_it() -> None:
    colour = np.stack([picture((90, 120), 255, seed) for seed in (1, 2, 3)], axis=-1).astype(np.uint8)
    stream = bytes(imagecodecs.htj2k_encode(colour, level=0.02, reversible=False, rgb=True))
    steps = steps_in(stream, 8)
    planes, inside, found = np.moveaxis(colour, -1, 0) - np.float32(128), *(np.empty((3, 90, 120), np.float32),) * 2
    mixed(planes.astype(np.float32), INTO, inside)
    inside = np.stack([by_steps(plane, steps) for plane in inside])
    mixed(inside, BACK, found)
    near(np.moveaxis(np.rint(found + 128).clip(0, 255), 0, -1), imagecodecs.jpeg2k_decode(stream))


def fidelity(found: Any, given: Any, peak: float) -> float:
    return float(20 * np.log10(peak / np.sqrt(((found.astype(np.float64) - given) ** 2).mean())))


@pytest.mark.parametrize("psnr", [60, 50, 44, 38, 33, 28])
@pytest.mark.parametrize("shape", [(96, 128), (65, 201), (31, 9)])
def test_grey_has_the_fidelity_that_was_asked_for(shape: Any, psnr: int) -> None:
    given = picture(shape, 4095)[None].astype(np.float32)
    found = decoded(given, 12, psnr)
    assert np.array_equal(found, np.rint(found)) and found.min() >= 0 and found.max() <= 4095
    assert fidelity(found, given, 4095) == pytest.approx(psnr, abs=0.25 if given.size > 1000 else 0.5)


@pytest.mark.parametrize("psnr", [44, 33])
def test_colour_has_the_fidelity_that_was_asked_for(psnr: int) -> None:
    given = np.stack([picture((96, 128), 255, seed) for seed in (1, 2, 3)]).astype(np.float32)
    assert fidelity(decoded(given, 8, psnr), given, 255) == pytest.approx(psnr, abs=0.25)


def test_the_error_is_where_that_of_openjpeg_is() -> None:
    """Other steps, so not the same error; but alike from frequency to frequency, and in size."""
    given = picture((192, 192), 4095).astype(np.float32)
    raw = imagecodecs.jpeg2k_encode(given.astype(np.uint16), level=44, reversible=False, bitspersample=12)
    theirs, ours = imagecodecs.jpeg2k_decode(raw) - given, decoded(given[None], 12, 44)[0] - given
    bins = np.digitize(np.hypot(*np.meshgrid(*(np.fft.fftfreq(192),) * 2)), (0.05, 0.1, 0.2, 0.3))
    power = [np.bincount(bins.ravel(), np.abs(np.fft.fft2(one)).ravel() ** 2) for one in (ours, theirs)]
    assert 0.5 < (power[0].sum() / power[1].sum()) < 2
    assert (power[0] / power[1] > 0.4).all() and (power[0] / power[1] < 2.5).all(), power[0] / power[1]


def test_what_is_flat_stays_and_what_is_one_pixel_too() -> None:
    for shape in ((1, 1), (1, 40), (40, 1), (2, 3)):
        for value in (0.0, 700.0, 4095.0):
            found = decoded(np.full((1, *shape), value, np.float32), 12, 50)
            assert np.abs(found - value).max() <= 13 * np.sqrt(np.prod(shape))  # 50 dB of 4095: 12.9


@given(rows=st.integers(1, 70), columns=st.integers(1, 70), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_wavelets_come_back(rows: int, columns: int, seed: int) -> None:
    plane = np.random.default_rng(seed).normal(0, 100, (rows, columns)).astype(np.float32)
    there = plane.copy()
    analysed(there, LEVELS)
    synthesised(there, LEVELS)
    assert np.abs(there - plane).max() < 2e-3


def test_what_is_even_is_all_in_the_smoothest_band() -> None:
    plane = np.full((64, 96), 7, np.float32)
    analysed(plane, LEVELS)
    assert plane[:2, :3] == pytest.approx(7, abs=1e-4)  # ISO/IEC 15444-1 F.3: the low-pass filter keeps what is even
    plane[:2, :3] = 0
    assert np.abs(plane).max() < 1e-4


def test_norms_are_those_of_openjpeg() -> None:
    # OpenJPEG 2.5, dwt.c, opj_dwt_norms_real: levels 1 to 5 of the smooth band, and of the band that is rough along both, whose
    # filter of what is rough is half as large there
    smooth, rough = (1.965, 4.177, 8.403, 16.90, 33.84), (2.080, 3.865, 8.307, 17.18, 34.71)
    for level in range(1, 6):
        assert norm(level, high=False) ** 2 == pytest.approx(smooth[level - 1], rel=0.03)
        assert norm(level, high=True) ** 2 * 4 == pytest.approx(rough[level - 1], rel=0.03), level


def test_steps_are_such_as_can_be_written() -> None:
    steps = Bands(np.zeros((3, 4), np.int64), np.array([1.0, 1.37, 0.52])).steps(3.3)
    mantissa, _ = np.frexp(steps)
    assert np.array_equal(mantissa * 4096, np.rint(mantissa * 4096)) and steps == pytest.approx(
        [3.3, 2.409, 6.346], rel=3e-4
    )
