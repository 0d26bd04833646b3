"""Test objects with known answers, and a way to disturb them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

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


@pytest.fixture(scope="session")
def bench() -> type[Bench]:
    return Bench
