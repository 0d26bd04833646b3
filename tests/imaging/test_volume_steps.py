"""Steps on volumes do what they say, and a point of the patient keeps its value wherever its voxel goes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from validate.imaging.mask import Grid
from validate.imaging.placed import Placed, Placement, placement_of
from validate.imaging.preprocess import STEPS, apply, apply_to_volume
from validate.imaging.resample import on_grid, rescaled
from validate.imaging.volume import DecodeFailure, Volume

TURNED = np.array([[0, 0, 2.5, -40], [-0.8, 0, 0, 10], [0, 0.6, 0, 5], [0, 0, 0, 1.0]])  # columns run to anterior


def linear(shape: tuple[int, int, int], affine: np.ndarray) -> Volume:
    """Value 2x + 3y - z + 7 of the patient's coordinates: linear interpolation anywhere gives it exactly."""
    z, y, x = np.meshgrid(*(np.arange(size) for size in shape), indexing="ij")
    points = np.stack([x, y, z, np.ones_like(x)], axis=-1) @ affine.T
    return Volume(points @ np.array([2, 3, -1, 7.0]), affine=affine)


def at_centres(placed: Placed) -> np.ndarray:
    """What the linear image has at the voxels of `placed`."""
    assert placed.affine is not None
    return linear(placed.shape, placed.affine).voxels


@pytest.mark.parametrize(
    "step",
    [
        {"orientation": {"to": "LPS"}},
        {"orientation": {"to": "RAS"}},
        {"orientation": {"to": "SAR"}},
        {"crop": {"size": [4, 5, 6]}},
        {"crop_foreground": {"above": -75.0, "margin": 1}},
        {"clip": {"low": -1e6, "high": 1e6}},
    ],
)
def test_no_voxel_leaves_its_place(step: dict[str, Any]) -> None:
    placed = apply_to_volume(linear((6, 9, 11), TURNED), [step])
    np.testing.assert_allclose(placed.voxels[0], at_centres(placed), rtol=1e-5)


def test_axes_run_to_the_sides_that_are_asked_for() -> None:
    placed = apply_to_volume(linear((6, 9, 11), TURNED), [{"orientation": {"to": "RAS"}}])
    assert placed.affine is not None and placed.grid is not None
    np.testing.assert_allclose(np.sign(np.diag(placed.affine)[:3]), [-1, -1, 1])  # right, anterior, superior in LPS
    np.testing.assert_allclose(placed.grid.spacing, (0.6, 0.8, 2.5))
    assert placed.shape == (9, 11, 6)


@pytest.mark.parametrize("spacing", [[2.0, 1.0, 0.5], [3.1, 0.25, 0.7]])
def test_spacing_keeps_linear_images_linear(spacing: list[float]) -> None:
    placed = apply_to_volume(linear((8, 12, 10), TURNED), [{"spacing": {"to": spacing, "method": "linear"}}])
    assert placed.grid is not None
    np.testing.assert_allclose(placed.grid.spacing, spacing, rtol=1e-5)
    inner = (slice(2, -2),) * 3
    np.testing.assert_allclose(placed.voxels[0][inner], at_centres(placed)[inner], rtol=1e-4)
    # the first edge of each axis stays where it was
    edge = np.array([-0.5, -0.5, -0.5, 1])
    np.testing.assert_allclose(placed.affine @ edge, TURNED @ edge, atol=1e-9)


@pytest.mark.parametrize("method", ["bilinear", "area", "nearest", "bicubic"])
def test_resizing_a_volume_is_what_torch_does(method: str) -> None:
    torch = pytest.importorskip("torch")
    voxels = np.random.default_rng(1).normal(size=(1, 7, 10, 9)).astype(np.float32)
    size = (5, 13, 4)
    ours = rescaled(
        voxels, size, tuple(a / b for a, b in zip((7, 10, 9), size, strict=True)), method=method, antialias=False
    )  # type: ignore[arg-type]
    names = {"bilinear": "trilinear", "nearest": "nearest-exact", "area": "area"}
    if method not in names:
        assert ours.shape == (1, *size)  # torch has no tricubic
        return
    theirs = torch.nn.functional.interpolate(torch.from_numpy(voxels)[None], size=size, mode=names[method])[0].numpy()
    np.testing.assert_allclose(ours, theirs, atol=2e-6)


def test_pixelwise_steps_are_the_same_as_of_an_image() -> None:
    voxels = np.random.default_rng(2).integers(0, 1000, (3, 5, 4)).astype(np.int16)
    windows = ({"center": 400.0, "width": 300.0, "function": "LINEAR"},)
    volume = Volume(voxels, affine=np.eye(4), source={"range": (0.0, 1023.0), "windows": windows})
    steps: list[dict[str, dict[str, Any]]] = [
        {"window": {"source": "window", "index": 0}},
        {"scale": {"to": [-1.0, 1.0]}},
        {"normalise": {"mean": [0.1], "std": [0.5]}},
        {"channels": {"count": 3}},
    ]
    whole = apply_to_volume(volume, steps).voxels
    for level in range(3):
        plane = Volume(voxels[level : level + 1], source=volume.source)
        np.testing.assert_array_equal(whole[:, level], apply(plane, steps))


def test_standardising_leaves_mean_zero_and_deviation_one() -> None:
    volume = Volume(np.random.default_rng(3).normal(50, 9, (4, 6, 5)), affine=np.eye(4))
    voxels = apply_to_volume(volume, [{"standardise": {}}]).voxels
    assert abs(float(voxels.mean())) < 1e-5 and float(voxels.std()) == pytest.approx(1, abs=1e-5)
    above = apply_to_volume(volume, [{"standardise": {"above": 50.0}}]).voxels
    chosen = volume.voxels[volume.voxels > 50]
    np.testing.assert_allclose(above[0], (volume.voxels - chosen.mean()) / chosen.std(), atol=1e-4)


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([{"spacing": {"to": [1e-3, 1e-3, 1e-3], "method": "linear"}}], "preprocess:too_large"),
        ([{"crop": {"size": [99, 4, 4]}}], "preprocess:too_small"),
        ([{"crop": {"size": [4, 4]}}], "preprocess:size"),
        ([{"crop_foreground": {"above": 1e9}}], "preprocess:empty"),
        ([{"standardise": {"above": 1e9}}], "preprocess:empty"),
        ([{"clip": {"low": 0, "high": 1e-9}}, {"crop_foreground": {"above": 1}}], "preprocess:empty"),
    ],
)
def test_what_can_not_be_done_on_a_volume_is_its_failure(steps: Any, reason: str) -> None:
    volume = linear((8, 8, 8), np.diag([300.0, 300, 300, 1]))
    with pytest.raises(DecodeFailure) as caught:
        apply_to_volume(volume, steps)
    assert caught.value.reason == reason


def test_a_volume_without_a_place_has_no_orientation_and_no_spacing() -> None:
    volume = Volume(np.zeros((3, 3, 3)))
    for step in ({"orientation": {"to": "LPS"}}, {"spacing": {"to": [1, 1, 1], "method": "nearest"}}):
        with pytest.raises(DecodeFailure, match="where the volume lies"):
            apply_to_volume(volume, [step])
    assert apply_to_volume(volume, [{"crop": {"size": [1, 2, 3]}}]).grid is None


def test_an_orientation_names_each_axis_once() -> None:
    for wrong in ("LLS", "LP", "XYZ", "lps"):
        with pytest.raises(ValueError, match="pattern"):
            STEPS["orientation"].model_validate({"to": wrong})


@pytest.mark.parametrize("oblique", [False, True])
def test_back_on_the_first_grid_stands_what_was_there(oblique: bool) -> None:
    affine = TURNED.copy()
    if oblique:
        angle = np.deg2rad(17)
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        affine[:3, :3] = turn @ affine[:3, :3]
    volume = linear((10, 12, 11), affine)
    steps: list[dict[str, dict[str, Any]]] = [
        {"orientation": {"to": "RAS"}},
        {"spacing": {"to": [1.5, 1.0, 0.9], "method": "linear"}},
        {"pad": {"size": [40, 40, 40], "value": 0.0}},
    ]
    placed = apply_to_volume(volume, steps)
    here = Grid((10, 12, 11), affine)
    assert placed.grid is not None
    back = on_grid(placed.voxels, placed.grid, here, method="linear")
    inner = (slice(2, -2),) * 3
    np.testing.assert_allclose(back[0][inner], volume.voxels[inner], rtol=1e-3, atol=1e-2)
    other = Grid((10, 12, 11), affine @ np.array([[1, 0.01, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]))
    point_by_point = on_grid(placed.voxels, placed.grid, other, method="linear")
    np.testing.assert_allclose(
        point_by_point[0][inner], linear((10, 12, 11), other.affine).voxels[inner], rtol=1e-2, atol=0.1
    )


def test_outside_of_what_was_seen_is_nothing() -> None:
    here, there = Grid((2, 2, 2), np.eye(4)), Grid((2, 2, 4), np.eye(4))
    back = on_grid(np.ones((1, 2, 2, 2), np.uint8), here, there, method="nearest")
    assert back[0, 0].tolist() == [[1, 1, 0, 0], [1, 1, 0, 0]] and back.dtype == np.uint8


def test_a_placement_comes_back_as_it_was_written() -> None:
    placement = Placement(Grid((1, 2, 3), TURNED), Grid((4, 5, 6), np.eye(4)))
    again = placement_of(placement.document())
    assert again.seen.shape == (1, 2, 3) and np.array_equal(again.seen.affine, TURNED)
    assert again.image.is_same(placement.image)
