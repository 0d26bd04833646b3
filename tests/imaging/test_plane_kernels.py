"""Machine code and numpy give the same bits, of any image, size and method."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from validate.imaging import plane_kernels
from validate.imaging.resize import Method, resized
from validate.imaging.voi import Ramp, shaped, windowed


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
