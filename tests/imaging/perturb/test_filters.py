"""Filters by sums of symmetric pairs and by transforms, against sums written out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

torch = pytest.importorskip("torch")

from validate.imaging.perturb.draw import Draw  # noqa: E402
from validate.imaging.perturb.filters import _by_shifts, gaussian, transferred  # noqa: E402
from validate.imaging.perturb.phase_kernel import turned  # noqa: E402


@pytest.mark.parametrize("sigma", [1.2, 3.0, 12.0])
@pytest.mark.parametrize("size", [(50, 41), (129, 64), (200, 33)])
def test_a_gaussian_is_scipys(sigma: float, size: tuple[int, int]) -> None:
    image = np.random.default_rng(1).normal(0, 100, (2, 3, *size, 1)).astype(np.float32)
    found = gaussian(torch.from_numpy(image), (sigma, sigma / 1.1)).numpy()
    wanted = gaussian_filter(
        image.astype(np.float64), (0, 0, sigma, sigma / 1.1, 0), mode="nearest", radius=tuple(
            max(int(4 * s + 0.5), 6) if s else 0 for s in (0, 0, sigma, sigma / 1.1, 0))
    )  # fmt: skip
    assert np.abs(found - wanted).max() < 2e-3


def test_another_device_filters_by_shifts_and_finds_the_same() -> None:
    image = torch.from_numpy(np.random.default_rng(1).normal(0, 100, (1, 1, 70, 60, 1)).astype(np.float32))
    by_shifts = _by_shifts(_by_shifts(image[0, :, :, :, 0], 1, 2.0), 2, 0.7)
    assert float((by_shifts - gaussian(image, (2.0, 0.7))[0, :, :, :, 0]).abs().max()) < 1e-3


@pytest.mark.parametrize("size", [(64, 50), (3, 200), (1, 1)])
def test_a_transfer_of_one_changes_nothing_and_one_of_nothing_leaves_the_mean_of_a_mirrored_image(
    size: tuple[int, int],
) -> None:
    image = torch.from_numpy(np.random.default_rng(1).normal(0, 100, (2, 2, *size, 3)).astype(np.float32))
    same = transferred(image, lambda rows, columns: torch.ones(rows, columns // 2 + 1), Draw([], "cpu"))
    assert float((same - image).abs().max()) < 1e-3
    none = transferred(image, lambda rows, columns: torch.zeros(rows, columns // 2 + 1), Draw([], "cpu"))
    assert float(none.abs().max()) == 0


@pytest.mark.parametrize("turns", [0.0, 0.25, 0.5, -1.75, 9.3])
def test_a_phase_of_so_many_turns_is_that_complex_number(turns: float) -> None:
    time = np.linspace(-0.5, 0.5, 37, dtype=np.float32)[None].repeat(3, axis=0)
    down, across = np.full((1, 3), turns, np.float32), np.linspace(0, 5, 37, dtype=np.float32)[None]
    found = np.empty((1, 3, 74), np.float32)
    turned(time, down, across, found)
    wanted = np.exp(2j * np.pi * time.astype(np.float64) * (turns + across.astype(np.float64)))
    assert np.abs(found[0, :, ::2] - wanted.real).max() < 1e-5
    assert np.abs(found[0, :, 1::2] - wanted.imag).max() < 1e-5
