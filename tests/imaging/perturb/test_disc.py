"""The blur of a disc by few weights: their sums written out, their transfer held against Bessel's function, the same on a device."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy.special import j1

torch = pytest.importorskip("torch")

from validate.imaging.perturb.cosines import by_fourier  # noqa: E402
from validate.imaging.perturb.defocus import PERTURBATION, Defocus, diameter  # noqa: E402
from validate.imaging.perturb.disc import LARGEST, blurred, of_weights, weights  # noqa: E402
from validate.imaging.perturb.draw import Draw  # noqa: E402
from validate.imaging.perturb.stack import Later, Stack  # noqa: E402

NOBODY = Draw([], "cpu")
ANCHORED = [diameter(Defocus.model_validate(options), 512) for options in PERTURBATION.severities]
DRAWN = [float(one) for one in np.random.default_rng(3).uniform(0, LARGEST, 40)]


def whole(width: float) -> Any:
    """All weights, float64, the middle in the middle."""
    quarter = weights(width).astype(np.float64)
    down = np.concatenate([quarter[:0:-1], quarter])
    return np.concatenate([down[:, :0:-1], down], axis=1)


def noise(*shape: int) -> Any:
    return np.random.default_rng(1).normal(500, 100, shape).astype(np.float32)


def stack_of(voxels: Any) -> Stack:
    return Stack(torch.from_numpy(voxels), 0.0, 1.0)


@pytest.mark.parametrize("width", [0.0, 0.7, 2.6, 7.9, 9.1, 15.6, 20.0, LARGEST])
@pytest.mark.parametrize("size", [(37, 52), (12, 15), (3, 5), (5, 3), (1, 9)])
def test_it_is_the_sum_over_a_mirrored_image(size: tuple[int, int], width: float) -> None:
    image, kernel = noise(1, 2, *size, 2), whole(width)
    reach = len(kernel) // 2
    around = ((0, 0), (0, 0), (reach, reach), (reach, reach), (0, 0))
    wide = np.pad(
        image.astype(np.float64), around, mode="symmetric"
    )  # scipy.ndimage (1.17) errs where a kernel is so much larger
    windows = np.lib.stride_tricks.sliding_window_view(wide, kernel.shape, axis=(2, 3))
    wanted = np.einsum("nzyxcij,ij->nzyxc", windows, kernel)
    assert np.abs(blurred(stack_of(image), width, NOBODY).numpy() - wanted).max() < 1e-3


@pytest.mark.parametrize("width", [0.7, 9.1, LARGEST])
@pytest.mark.parametrize("size", [(48, 64), (7, 31), (1, 9)])
def test_another_device_finds_the_same_by_fourier(size: tuple[int, int], width: float) -> None:
    image = noise(1, 3, *size, 1)
    planes = torch.from_numpy(image[0, ..., 0])
    found = by_fourier(lambda: planes, of_weights(width, *size), NOBODY)
    assert float((found - blurred(stack_of(image), width, NOBODY)[0, ..., 0]).abs().max()) < 2e-3


@pytest.mark.parametrize("width", ANCHORED + DRAWN)
def test_the_transfer_is_that_of_the_disc(width: float) -> None:
    kernel = whole(width)
    frequency = np.fft.fftfreq(256)
    waves = np.exp(-2j * np.pi * np.outer(frequency, np.arange(len(kernel)) - len(kernel) // 2))
    away = np.hypot(frequency[:, None], frequency[None])
    argument = np.maximum(np.pi * width * away, 1e-9)
    error = np.abs(waves @ kernel @ waves.T - 2 * j1(argument) / argument)
    right = (0.003, 0.01, 0.02) if width >= 12 else (0.006, 0.017, 0.055)  # as the head of disc.py has it
    found = [error[away <= upto].max() for upto in (0.25, 0.4, 1.0)]
    assert all(one < most for one, most in zip(found, right, strict=True))


@pytest.mark.parametrize("width", ANCHORED + DRAWN)
def test_what_is_flat_stays_flat_and_the_second_moment_is_that_of_the_disc(width: float) -> None:
    kernel = whole(width)
    steps = np.arange(len(kernel)) - len(kernel) // 2
    assert kernel.sum() == pytest.approx(1, abs=2e-7)
    # by hand: the mean of y² over a disc of radius r is r²/4
    assert (kernel * steps[:, None] ** 2).sum() == pytest.approx((width / 2) ** 2 / 4, abs=5e-6)
    assert (kernel * steps[None] ** 2).sum() == pytest.approx((width / 2) ** 2 / 4, abs=5e-6)
    flat = np.full((1, 1, 20, 33, 1), 700, np.float32)
    assert np.abs(blurred(stack_of(flat), width, NOBODY).numpy() - 700).max() < 1e-3


def test_without_an_error_of_focus_nothing_changes_and_with_little_little() -> None:
    image = noise(1, 1, 30, 40, 3)
    assert np.array_equal(blurred(stack_of(image), 0.0, NOBODY).numpy(), image)
    # by hand: next to nothing is missing of any frequency, (π·0.01·f)²/8 ≤ 6e-5 of it
    assert np.abs(blurred(stack_of(image), 0.01, NOBODY).numpy() - image).max() < 0.05


def test_from_the_largest_disc_of_weights_to_the_first_of_cosines_is_no_step() -> None:
    image = noise(1, 1, 128, 128, 1)
    last, next_ = (blurred(stack_of(image), width, NOBODY).numpy() for width in (LARGEST, LARGEST + 1e-6))
    assert np.std(last - next_) < 0.3 < 0.1 * np.std(last)  # of noise of 100, of which all frequencies have as much


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32])
def test_planes_are_those_of_the_voxels(colour: bool, kind: Any) -> None:
    shape = (2, 6, 7, 3) if colour else (2, 6, 7)
    images = [np.random.default_rng(i).integers(0, 200, shape).astype(kind) for i in range(2)]
    voxels = np.stack(images).astype(np.float32).reshape(2, 2, 6, 7, -1)
    later = Stack(Later(voxels.shape, lambda: torch.from_numpy(voxels), images), 0.0, 1.0)
    one_by_one = np.stack([plane.astype(np.float32) for plane in later.planes()])
    wanted = np.moveaxis(voxels, -1, 2).reshape(-1, 6, 7).copy()
    assert np.array_equal(one_by_one, wanted)
    made = later.voxels.add_(1)  # and from here on, of what was made of them
    assert np.array_equal(np.stack(list(later.planes())), np.moveaxis(made.numpy(), -1, 2).reshape(-1, 6, 7))
    assert np.array_equal(np.stack(list(stack_of(made.numpy()).planes())), wanted + 1)


@pytest.mark.parametrize("options", PERTURBATION.severities)
def test_each_severity_of_defocus_blurs_waves_as_its_disc(bench: Any, options: dict[str, float]) -> None:
    size = 128  # of which the middle quarter is seen: as many pixels across as of 512
    options = {**options, "field": 45 / 4}
    for frequency, error in bench.beside_a_disc(size, **options):
        assert error < (0.6 if frequency < 0.25 else 5.5)  # of 100


def test_bytes_and_numbers_are_blurred_alike(bench: Any) -> None:
    voxels = np.random.default_rng(2).integers(0, 255, (1, 31, 40, 3))
    blur = partial(bench.disturbed, "defocus", dioptres=6.0, field=5.0)
    volumes = [bench.image(voxels), bench.image(voxels)]
    object.__setattr__(volumes[1], "voxels", voxels.astype(np.uint8))
    assert np.array_equal(blur(volumes[0]), blur(volumes[1]))
