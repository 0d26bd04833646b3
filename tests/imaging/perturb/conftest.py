"""Test objects with known answers, and a way to disturb them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scipy.special import j1

from validate.imaging.perturb.defocus import Defocus, diameter
from validate.imaging.volume import Volume
from validate.registry import load


def flat(value: float, shape: tuple[int, ...] = (1, 256, 256), *, pixel: float = 0.2, unit: str = "stored") -> Volume:
    """One value, shown in the middle of a window from 0 to 1000."""
    source = {"range": (-1e6, 1e6), "windows": [{"center": 500.0, "width": 1000.0, "function": "LINEAR"}]}
    return Volume(
        np.full(shape, value, np.float32), affine=np.eye(4), spacing=(1.0, pixel, pixel), unit=unit, source=source
    )


def image(voxels: Any, *, pixel: float = 1.0, unit: str = "stored", low: float = 0.0, high: float = 1000.0) -> Volume:
    source = {
        "range": (-1e6, 1e6),
        "windows": [{"center": (low + high) / 2, "width": high - low, "function": "LINEAR"}],
    }
    voxels = np.asarray(voxels, np.float32)
    return Volume(voxels, affine=np.eye(4), spacing=(1.0, pixel, pixel), unit=unit, source=source)


def disturbed(name: str, volume: Volume, seed: int = 1, **options: Any) -> Any:
    """Voxels, float64."""
    done = load("perturbations", name)(volume, options, np.random.Generator(np.random.Philox(key=seed)))
    return done.voxels.astype(np.float64)


def beside_a_disc(size: int, **options: float) -> Iterator[tuple[float, float]]:
    """Of waves of 100 across `size` pixels that `defocus` blurs: their frequency, cycles a pixel, and how far they are from the disc's."""
    width = diameter(Defocus.model_validate(options), size)
    for down, across in ((0, 9), (24, 24), (50, 0), (70, 110)):
        y, x = (np.cos(np.pi * k * (np.arange(size) + 0.5) / size) for k in (down, across))
        wave = (y[:, None] * x[None])[None]
        found = disturbed("defocus", image(500 + 100 * wave), **options) - 500
        frequency = float(np.hypot(down, across)) / (2 * size)
        argument = np.pi * width * frequency
        yield frequency, float(np.abs(found - 100 * 2 * j1(argument) / argument * wave).max())


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """As in a run; on small images threads would only wait for each other."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)


class Bench:
    """What the tests of one kind of scanner need."""

    flat = staticmethod(flat)
    image = staticmethod(image)
    disturbed = staticmethod(disturbed)
    beside_a_disc = staticmethod(beside_a_disc)


@pytest.fixture(scope="session")
def bench() -> type[Bench]:
    return Bench
