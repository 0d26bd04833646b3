"""Filters by cosines: sums written out over a mirrored image, the same on a device, and the blur of large discs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.ndimage import convolve

torch = pytest.importorskip("torch")

from validate.imaging.perturb.cosines import by_cosines, by_fourier, cosine_frequencies, mirrored  # noqa: E402
from validate.imaging.perturb.defocus import Defocus, diameter  # noqa: E402
from validate.imaging.perturb.disc import LARGEST  # noqa: E402
from validate.imaging.perturb.draw import Draw  # noqa: E402
from validate.imaging.perturb.stack import Stack  # noqa: E402

NOBODY = Draw([], "cpu")


def of_a_cross(rows: int, columns: int) -> Any:
    """The transfer of 1/2 in the middle and 1/8 at each of four neighbours."""
    y, x = (torch.cos(2 * torch.pi * cosine_frequencies(size)) for size in (rows, columns))
    return 0.5 + y[:, None] / 4 + x[None] / 4


@pytest.mark.parametrize("size", [(16, 20), (7, 31), (1, 9)])
def test_it_is_the_sum_over_a_mirrored_image(size: tuple[int, int]) -> None:
    image = np.random.default_rng(1).normal(0, 100, (2, 3, *size, 2)).astype(np.float32)
    found = mirrored(Stack(torch.from_numpy(image), 0.0, 1.0), of_a_cross, NOBODY).numpy()
    cross = np.array([[0, 0.125, 0], [0.125, 0.5, 0.125], [0, 0.125, 0]])
    wanted = convolve(image.astype(np.float64), cross[None, None, :, :, None], mode="reflect")
    assert np.abs(found - wanted).max() < 1e-3


@pytest.mark.parametrize("size", [(16, 20), (7, 31), (1, 9)])
def test_another_device_finds_the_same_by_fourier(size: tuple[int, int]) -> None:
    planes = torch.from_numpy(np.random.default_rng(2).normal(0, 100, (3, *size)).astype(np.float32))
    gain = torch.rand(size, generator=torch.Generator().manual_seed(1))
    by_fourier_found = by_fourier(lambda: planes, gain, NOBODY)  # first, as the other may write over what it is given
    assert float((by_cosines(lambda: planes, gain, NOBODY) - by_fourier_found).abs().max()) < 1e-3


@pytest.mark.parametrize("width", [24.5, 33.0, 70.0])
def test_a_defocus_of_many_pixels_has_the_very_transfer_of_its_disc(bench: Any, width: float) -> None:
    size = 128
    options = {"dioptres": 6.0, "field": float(np.degrees(6 * 4e-3 * size / width))}
    assert diameter(Defocus.model_validate(options), size) == pytest.approx(width) and width > LARGEST
    assert all(error < 0.01 for _, error in bench.beside_a_disc(size, **options))  # of 100
