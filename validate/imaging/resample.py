"""Voxels of a volume on another grid of the same space: axis by axis where the axes agree, point by point where they don't.

A point outside the centres of the outermost voxels takes the border's value up to half a voxel away; beyond, it is outside.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from validate.imaging.banded_volume import banded_volume
from validate.imaging.mask import Grid
from validate.imaging.resize import Band, Method, band, nearest_places

Interpolation = Literal["nearest", "linear"]
HALF = 0.5 + 1e-6  # a centre on the edge of a volume belongs to it, whatever rounding says
ALIGNED = 1e-5  # of a voxel, to which axes must agree for the way axis by axis


def rescaled(
    voxels: NDArray[Any],
    size: tuple[int, int, int],
    scale: tuple[float, float, float],
    *,
    method: Method,
    antialias: bool,
) -> NDArray[np.float32]:
    """(channel, z, y, x) → (channel, *size): along each axis, voxel i covers ours from scale · i to scale · (i + 1).

    method, antialias : as of torch's interpolate with align_corners=False, along each axis
    """
    if method == "nearest":
        found = voxels
        for axis, (new, step) in enumerate(zip(size, scale, strict=True), start=1):
            if new != found.shape[axis] or step != 1:
                found = np.take(found, nearest_places(found.shape[axis], new, step), axis=axis)
        return np.ascontiguousarray(found, dtype=np.float32)
    axes = zip(voxels.shape[1:], size, scale, strict=True)
    down, rows, columns = (band(old, new, step, method, antialias=antialias) for old, new, step in axes)
    return banded_volume(voxels, down, rows, columns)


def on_grid(
    voxels: NDArray[Any], here: Grid, there: Grid, *, method: Interpolation, outside: float = 0.0
) -> NDArray[Any]:
    """(channel, z, y, x) on `here` → (channel, *there.shape); the type stays for nearest, float32 for linear."""
    across = np.linalg.inv(here.affine) @ there.affine  # index of theirs (x, y, z) → of ours
    kind = voxels.dtype if method == "nearest" else np.float32
    found = np.full((voxels.shape[0], *there.shape), outside, kind)
    scale, start = np.diag(across)[:3], across[:3, 3]
    if np.abs(across[:3, :3] - np.diag(scale)).max() * max(there.shape) < ALIGNED:
        return _along_axes(voxels, found, scale[::-1], start[::-1], method)
    return _point_by_point(voxels, found, across, method)


def _along_axes(
    voxels: NDArray[Any], found: NDArray[Any], scale: NDArray[np.float64], start: NDArray[np.float64], method: str
) -> NDArray[Any]:
    inside, places = [], []
    for old, new, step, first in zip(voxels.shape[1:], found.shape[1:], scale, start, strict=True):
        centres = np.arange(new) * step + first
        within = np.flatnonzero((centres >= -HALF) & (centres <= old - 1 + HALF))
        inside.append(within)
        places.append(np.clip(centres[within], 0, old - 1))
    if not all(within.size for within in inside):
        return found
    if method == "nearest":
        taken = voxels
        for axis, some in enumerate(places, start=1):
            taken = np.take(taken, np.floor(some + 0.5).astype(np.int64), axis=axis)
    else:
        down, rows, columns = (_between(some, old) for some, old in zip(places, voxels.shape[1:], strict=True))
        taken = banded_volume(voxels, down, rows, columns)
    found[(slice(None), *(slice(within[0], within[-1] + 1) for within in inside))] = taken
    return found


def _between(places: NDArray[np.float64], old: int) -> Band:
    """Linear between the two voxels of `old` that each place lies between; of those it lies on where all of them do."""
    low = np.minimum(places.astype(np.int64), max(old - 2, 0))
    share = places - low
    if ((share == 0) | (share == 1)).all():
        return Band((low + share.astype(np.int64))[None], np.ones((1, len(places), 1)))
    return Band(np.stack([low, np.minimum(low + 1, old - 1)]), np.stack([1 - share, share])[..., None])


def _point_by_point(
    voxels: NDArray[Any], found: NDArray[Any], across: NDArray[np.float64], method: str
) -> NDArray[Any]:
    from scipy.ndimage import map_coordinates

    _, depth, height, width = found.shape
    limit = np.array(voxels.shape[1:], np.float64)[:, None] - 1
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    for level in range(depth):
        points = np.stack([columns.ravel(), rows.ravel(), np.full(rows.size, level), np.ones(rows.size)])
        index = (across @ points)[2::-1]  # (z, y, x)
        inside = ((index >= -HALF) & (index <= limit + HALF)).min(axis=0).astype(bool)
        index = np.clip(index[:, inside], 0, limit)
        for channel in range(voxels.shape[0]):
            plane = found[channel, level].reshape(-1)
            if method == "nearest":
                k, j, i = np.floor(index + 0.5).astype(np.int64)
                plane[inside] = voxels[channel, k, j, i]
            else:
                plane[inside] = map_coordinates(voxels[channel], index, order=1, output=np.float32, mode="nearest")
    return found
