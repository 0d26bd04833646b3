"""Machine code and numpy give the same bits, of any image, size and method."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from validate.imaging import plane_kernels
from validate.imaging.preprocess import apply
from validate.imaging.resize import Method, resized
from validate.imaging.voi import Ramp, shaped, windowed
from validate.imaging.volume import Volume


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Machine code that is not open yet; a test opens it by appending, after it has compiled."""
    plane_kernels.open_kernels()
    state: list[bool] = []
    monkeypatch.setattr(plane_kernels, "_open", state)
    yield state


@pytest.mark.parametrize(
    ("method", "antialias"), [("bilinear", False), ("bilinear", True), ("bicubic", False), ("area", False)]
)
@pytest.mark.parametrize(("old", "new"), [((51, 40), (22, 23)), ((30, 17), (64, 64)), ((9, 9), (9, 4))])
def test_resizing_has_the_same_bits(
    closed: list[bool], method: Method, antialias: bool, old: tuple[int, int], new: tuple[int, int]
) -> None:
    image = np.random.default_rng(1).normal(100, 300, (3, *old)).astype(np.float32)
    by_numpy = resized(image, new, method=method, antialias=antialias)
    closed.append(True)
    for given in (image, np.asfortranarray(image)):
        assert np.array_equal(resized(given, new, method=method, antialias=antialias), by_numpy)


def test_windowing_has_the_same_bits_and_keeps_what_is_not_a_number(closed: list[bool]) -> None:
    values = np.random.default_rng(1).normal(100, 900, (1, 300, 200)).astype(np.float32)
    values[0, 0, :3] = np.nan, np.inf, -np.inf
    before = windowed(values, center=130.5, width=401.0), shaped(values, Ramp(-70.0, 403.3, 0.0))
    closed.append(True)
    after = windowed(values, center=130.5, width=401.0), shaped(values, Ramp(-70.0, 403.3, 0.0))
    for one, other in zip(before, after, strict=True):
        assert np.array_equal(one, other, equal_nan=True)
    assert np.isnan(after[0][0, 0, 0])


@pytest.mark.parametrize("seed", range(30))
def test_a_window_and_a_resizing_are_done_together_with_the_bits_of_one_after_the_other(
    closed: list[bool], seed: int
) -> None:
    random = np.random.default_rng(seed)
    channels, old, new = int(random.integers(1, 4)), random.integers(1, 90, 2), random.integers(1, 90, 2)
    values = random.normal(500, 600, (1, *old, channels)).astype(np.float32)
    planes = np.ascontiguousarray(np.moveaxis(values, 3, 1))
    window = {"window": {"source": "values", "center": 500.0, "width": float(random.uniform(1.5, 2000))}}
    method = str(random.choice(["bilinear", "bicubic", "area"]))
    options = {"method": method, "antialias": bool(method != "area" and random.random() < 0.5)}
    resize = {"resize": {"size": [int(new[0]), int(new[1])], **options}}
    volume = Volume(np.moveaxis(planes, 1, 3), affine=None, spacing=None, unit="stored", source={})
    closed.append(True)
    between = apply(volume, [window])
    after = Volume(np.moveaxis(between[None], 1, 3), affine=None, spacing=None, unit="grey", source={})
    assert np.array_equal(apply(volume, [window, resize]), apply(after, [resize]))
