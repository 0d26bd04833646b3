"""Volumes on other slices, rows and columns: machine code and numpy give the same bits, and both what torch and dense matrices give."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validate.imaging import plane_kernels
from validate.imaging.mask import Grid
from validate.imaging.resample import on_grid, rescaled
from validate.imaging.resize import Method, axis_weights, resized

Three = tuple[int, int, int]
LINEAR: list[tuple[Method, bool]] = [
    ("bilinear", False), ("bilinear", True), ("bicubic", False), ("bicubic", True), ("area", False),
]  # fmt: skip
SIZES: list[tuple[Three, Three]] = [
    ((9, 20, 16), (9, 11, 23)),  # slices stay
    ((12, 9, 7), (5, 9, 7)),  # only slices change
    ((12, 9, 7), (30, 9, 7)),
    ((24, 18, 17), (8, 16, 16)),  # fewer slices: mixed first
    ((6, 18, 17), (16, 13, 12)),  # more slices: planes first
    ((7, 8, 9), (1, 1, 1)),
    ((1, 1, 2), (3, 4, 5)),
    ((5, 6, 7), (5, 6, 7)),
]  # fmt: skip


def scale_of(old: Sequence[int], new: Sequence[int]) -> Any:
    return tuple(a / b for a, b in zip(old, new, strict=True))


def volume(shape: Sequence[int], channels: int = 2) -> Any:
    return np.random.default_rng(1).normal(100, 300, (channels, *shape)).astype(np.float32)


sizes = st.tuples(*[st.integers(1, 18)] * 3)


@settings(max_examples=60)
@given(sizes, sizes, st.sampled_from(LINEAR), st.integers(1, 3), st.sampled_from([None, 0.93, 1.04]), st.booleans())
def test_machine_code_gives_the_bits_of_numpy(
    old: Three, new: Three, how: tuple[Method, bool], channels: int, stretch: float | None, turned: bool
) -> None:
    voxels = volume(old, channels)
    if turned:  # as the step `orientation` leaves them
        voxels = np.asfortranarray(voxels.astype(np.int16))[:, ::-1]
    scale = tuple((stretch or 1.0) * one for one in scale_of(old, new))
    plane_kernels.open_kernels()
    found = []
    for state in ([], [True]):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(plane_kernels, "_open", state)
            found.append(rescaled(voxels, new, scale, method=how[0], antialias=how[1]))  # type: ignore[arg-type]
    assert found[0].dtype == np.float32 and found[0].shape == (channels, *new)
    assert np.array_equal(*found)


@pytest.mark.parametrize(("method", "antialias"), LINEAR)
@pytest.mark.parametrize(("old", "new"), SIZES)
@pytest.mark.parametrize("stretch", [1.0, 0.97])
def test_a_volume_is_the_product_with_the_weights_of_each_axis(
    method: Method, antialias: bool, old: Three, new: Three, stretch: float
) -> None:
    voxels = volume(old)
    scale = tuple(stretch * one for one in scale_of(old, new))
    axes = zip(old, new, scale, strict=True)
    z, y, x = (axis_weights(a, b, step, method, antialias=antialias) for a, b, step in axes)
    dense = np.einsum("czyx,kz,jy,ix->ckji", voxels.astype(np.float64), z, y, x)
    found = rescaled(voxels, new, scale, method=method, antialias=antialias)  # type: ignore[arg-type]
    np.testing.assert_allclose(
        found, dense, rtol=0, atol=2e-7 * np.abs(voxels).max() * (2 if method == "bicubic" else 1)
    )


@pytest.mark.parametrize(
    ("method", "mode"), [("bilinear", "trilinear"), ("area", "area"), ("nearest", "nearest-exact")]
)
@pytest.mark.parametrize(("old", "new"), SIZES)
def test_a_volume_is_what_torch_makes_of_it(method: Method, mode: str, old: Three, new: Three) -> None:
    torch = pytest.importorskip("torch")
    voxels = volume(old) / 300
    theirs = torch.nn.functional.interpolate(torch.from_numpy(voxels)[None], size=new, mode=mode)[0].numpy()
    ours = rescaled(voxels, new, scale_of(old, new), method=method, antialias=False)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)  # whose shares are in single precision


def test_slices_that_stay_are_resized_as_images_are() -> None:
    voxels = volume((4, 30, 21))
    found = rescaled(voxels, (4, 13, 40), scale_of((4, 30, 21), (4, 13, 40)), method="bicubic", antialias=True)
    for level in range(4):
        image = resized(voxels[:, level], (13, 40), method="bicubic", antialias=True)
        assert np.array_equal(found[:, level], image)


@pytest.mark.parametrize("new", [(40, 64, 80), (10, 64, 80), (40, 128, 100), (20, 50, 60)])
def test_there_is_no_second_volume(new: Three, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plane_kernels, "_open", [])
    voxels = volume((20, 128, 100), 1)
    rescaled(voxels, new, scale_of((20, 128, 100), new), method="bilinear", antialias=False)  # weights are kept
    tracemalloc.start()
    found = rescaled(voxels, new, scale_of((20, 128, 100), new), method="bilinear", antialias=False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    slices = 5 * max(voxels[0, 0].size, found[0, 0].size) * 8
    assert peak < found.nbytes + slices


@pytest.mark.parametrize("across", [(1.3, 0.4, 0.77), (-1.0, 0.6, -2.0), (1.0, 1.0, 1.0), (0.5, 1.0, -1.0)])
def test_a_mask_comes_back_as_scipy_interpolates(across: tuple[float, float, float]) -> None:
    from scipy.ndimage import map_coordinates

    voxels, shape = volume((6, 9, 11)), (12, 13, 10)
    start = np.where(np.array(across) > 0, -0.75, np.array([10.0, 8.0, 5.0]))
    affine = np.diag([*across, 1.0])
    affine[:3, 3] = start
    found = on_grid(voxels, Grid((6, 9, 11), np.eye(4)), Grid(shape, affine), method="linear", outside=-7.0)
    z, y, x = (np.arange(n) * across[2 - k] + start[2 - k] for k, n in enumerate(shape))
    places = np.stack(np.meshgrid(z, y, x, indexing="ij"))
    limit = np.array([5, 8, 10.0]).reshape(3, 1, 1, 1)
    inside = ((places > -0.5 - 1e-6) & (places < limit + 0.5 + 1e-6)).all(axis=0)
    for channel in range(2):
        theirs = map_coordinates(voxels[channel].astype(np.float64), np.clip(places, 0, limit), order=1)
        np.testing.assert_allclose(found[channel], np.where(inside, theirs, -7.0), rtol=0, atol=2e-4)


def test_a_grid_beside_the_volume_has_nothing_of_it() -> None:
    affine = np.eye(4)
    affine[0, 3] = 100.0
    found = on_grid(volume((3, 4, 5)), Grid((3, 4, 5), np.eye(4)), Grid((3, 4, 5), affine), method="linear")
    assert not found.any()
