"""Ultrasound, fundus and dermoscopy: each disturbance against its physics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import digamma, polygamma

from validate.imaging.perturb.colour_temperature import gains
from validate.imaging.perturb.light import relit, relit_grey
from validate.imaging.perturb.stack import Stack
from validate.imaging.volume import Volume


def colour(value: float, shape: tuple[int, int] = (64, 64)) -> Volume:
    return Volume(np.full((1, *shape, 3), value, np.float32), source={"range": (0.0, 255.0)})


def light(shown: Any) -> Any:
    shown = np.asarray(shown) / 255
    return np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("looks", [2.0, 8.0])
def test_speckle_has_the_spread_of_the_logarithm_of_gamma(bench: Any, looks: float) -> None:
    found = bench.disturbed("speckle", bench.flat(500), looks=looks)
    decibels = (found - 500) / 1000 * 60
    # the logarithm of a gamma of shape N: mean ψ(N) - ln N, variance ψ'(N)
    assert decibels.mean() == pytest.approx(10 / np.log(10) * (digamma(looks) - np.log(looks)), abs=0.05)
    assert decibels.std() == pytest.approx(10 / np.log(10) * np.sqrt(polygamma(1, looks)), rel=0.02)


def test_gain_moves_grey_by_decibels_and_its_slope_over_the_depth(bench: Any) -> None:
    found = bench.disturbed("gain", bench.flat(500, (1, 101, 20)), gain=6.0, slope=12.0)[0, :, 5]
    assert found[50] == pytest.approx(600, abs=0.5)  # 6 of 60 dB
    assert found[0] == pytest.approx(500, abs=0.5) and found[100] == pytest.approx(700, abs=0.5)


def test_twice_the_depth_is_half_the_size_at_the_top(bench: Any) -> None:
    found = bench.disturbed("depth", bench.flat(500, (1, 100, 80)), ratio=2.0)[0]
    assert (
        found[:50, 20:60] == pytest.approx(500.0 * np.ones((50, 40)))
        and (found[51:] == 0).all()
        and (found[:, :19] == 0).all()
    )


def test_behind_an_attenuator_echoes_are_lower_by_its_decibels(bench: Any) -> None:
    found = bench.disturbed("shadow", bench.flat(800, (1, 200, 200)), attenuation=18.0, width=0.2)[0]
    assert found.min() == pytest.approx(800 - 300, abs=5)  # 18 of 60 dB
    assert found[0].min() > 780
    across = (found[-1] < 650).sum()
    assert across == pytest.approx(40, abs=3)


def test_light_falls_by_so_many_stops_across_the_field(bench: Any) -> None:
    found = light(bench.disturbed("illumination", colour(90), stops=2.0)[0, ..., 1])
    assert np.log2(found.max() / found.min()) == pytest.approx(2.0, abs=1.0)
    edge = np.concatenate([found[0], found[-1], found[:, 0], found[:, -1]])
    assert np.log2(edge.max() / edge.min()) >= 2.0 - 0.05  # a diagonal is longer than a side


def test_a_defocused_point_is_a_disc_of_dioptres_times_pupil(bench: Any) -> None:
    voxels = np.zeros((1, 201, 201))
    voxels[0, 100, 100] = 1000.0
    found = bench.disturbed("defocus", bench.image(voxels), dioptres=4.0, pupil=4.0, field=20.0)[0]
    wanted = 4 * 4e-3 / np.radians(20) * 201  # pixels across
    y, x = np.mgrid[:201, :201] - 100
    second = (found * np.hypot(y, x) ** 2)[np.hypot(y, x) < wanted].sum() / found[np.hypot(y, x) < wanted].sum()
    assert found.sum() == pytest.approx(1000, rel=0.02)
    assert (found > found.max() / 2).sum() == pytest.approx(np.pi * (wanted / 2) ** 2, rel=0.12)
    assert second == pytest.approx((wanted / 2) ** 2 / 2, rel=0.25)


def test_channels_follow_planck(bench: Any) -> None:
    red, green, blue = gains(3000, 6500)
    assert green == 1 and red > 1.5 and blue < 0.5
    found = light(bench.disturbed("colour_temperature", colour(60), kelvin=3000.0)[0, 5, 5])
    assert found / light(60) == pytest.approx([red, 1.0, blue], rel=1e-3)
    # Planck by hand at 540 nm: 1/(exp(0.01438777/(540e-9·3000)) - 1) = 1.389e-4
    assert 1 / np.expm1(1.438777e-2 / (540e-9 * 3000)) == pytest.approx(1.389e-4, rel=1e-3)


def test_corners_lose_what_they_should_and_the_middle_nothing(bench: Any) -> None:
    found = light(bench.disturbed("vignetting", colour(120, (101, 101)), loss=0.5)[0, ..., 0])
    assert found[50, 50] == pytest.approx(float(light(120)), rel=1e-3)
    assert found[0, 0] / found[50, 50] == pytest.approx(0.5, rel=1e-2)


def relit_as(way: str, shown: Any, root: Any) -> Any:
    """(n, z, y, x, c) by machine code, or by torch as on a device."""
    torch = pytest.importorskip("torch")
    given, by = torch.from_numpy(shown.copy()), torch.from_numpy(root)
    if way == "torch":
        return relit_grey(given, by).numpy()
    ends = (torch.full((shown.shape[0], 1, 1, 1, 1), end) for end in (0.0, 1.0))
    return relit(Stack(given, *ends), by).voxels.numpy()


@pytest.mark.parametrize("way", ["machine code", "torch"])
@pytest.mark.parametrize("root", [0.0, 0.4, 0.8, 1.0, 1.3, 2.5])
def test_light_is_multiplied_as_the_standard_says_in_the_toe_too(root: float, way: str) -> None:
    shown = np.linspace(0, 1, 4097)
    before = light(255 * shown) * root**2.4
    # IEC 61966-2-1: a line up to 0.0031308, a power beyond
    wanted = np.where(before <= 0.0031308, 12.92 * before, 1.055 * before ** (1 / 2.4) - 0.055).clip(0, 1)
    given = shown.astype(np.float32).reshape(1, 1, 1, -1, 1)
    found = relit_as(way, given, np.full((1, 1, 1, 1, 1), root, np.float32))[0, 0, 0, :, 0]
    assert found == pytest.approx(wanted, abs=3e-4)  # the two branches of the standard meet to 1e-4 only
    assert np.abs(found - wanted)[(shown > 0.06) & (wanted > 0.06)].max(initial=0) < 1e-6
    assert found[0] == 0


@pytest.mark.parametrize("alike", [(), (0,), (2,), (4,), (0, 1, 4), (2, 3), (0, 1, 2, 3)])
def test_light_by_machine_code_is_light_by_torch(alike: tuple[int, ...]) -> None:
    rng = np.random.default_rng(3)
    shown = rng.uniform(-0.1, 1.1, (2, 3, 20, 17, 3)).astype(np.float32)
    shown[:, :, ::2] *= np.float32(0.06)
    shown[:, :, :4] = 0.0
    root = rng.uniform(0, 3, [1 if axis in alike else size for axis, size in enumerate(shown.shape)]).astype(np.float32)
    assert np.abs(relit_as("machine code", shown, root) - relit_as("torch", shown, root)).max() < 3e-7


def test_light_of_what_is_no_number_is_no_number() -> None:
    shown = np.full((1, 1, 2, 40, 1), 0.5, np.float32)
    shown[0, 0, 0, 7] = np.nan
    found = relit_as("machine code", shown, np.full((1, 1, 1, 1, 1), 0.5, np.float32))
    assert np.isnan(found).sum() == 1 and np.isnan(found[0, 0, 0, 7])


def test_speckle_of_a_grain_is_alike_from_pixel_to_pixel(bench: Any) -> None:
    for grain, least, most in ((0.0, -0.05, 0.05), (1.5, 0.75, 0.98)):
        found = bench.disturbed("speckle", bench.flat(500), looks=8.0, grain=grain)[0] - 500
        alike = np.corrcoef(found[:, :-1].ravel(), found[:, 1:].ravel())[0, 1]
        assert least < alike < most, grain


def test_what_is_black_or_darker_holds_no_echo(bench: Any) -> None:
    voxels = np.zeros((1, 20, 30))
    voxels[:, :, 10:] = 400.0
    voxels[:, :, 20:] = -50.0
    for cause, options in (
        ("speckle", {"looks": 4.0}),
        ("gain", {"gain": 8.0}),
        ("shadow", {"attenuation": 18.0, "width": 1.0}),
    ):
        found = bench.disturbed(cause, bench.image(voxels), **options)
        assert np.abs(found - voxels)[:, :, :10].max() < 1e-3 and np.abs(found - voxels)[:, :, 20:].max() < 1e-3, cause
        assert np.abs(found - voxels)[:, 12:, 10:20].max() > 1, cause
