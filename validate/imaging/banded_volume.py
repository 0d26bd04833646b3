"""A volume on other slices, rows and columns, each a weighted mean of a few: slice by slice, in single precision between the slices
and the planes, so that no second volume is made but the one that is asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.imaging.plane_kernels import layered, serve
from validate.imaging.resize import Band, resize_into


def banded_volume(voxels: NDArray[Any], down: Band, rows: Band, columns: Band) -> NDArray[np.float32]:
    """(channel, z, y, x) → (channel, new z, new y, new x)      down, rows, columns : along z, y and x

    Where no axis changes it may be the voxels themselves.
    """
    bands = (down, rows, columns)
    if all(one.leaves(old) for one, old in zip(bands, voxels.shape[1:], strict=True)):
        return np.ascontiguousarray(voxels, dtype=np.float32)
    found = np.empty((voxels.shape[0], *(one.size[1] for one in bands)), np.float32)
    for channel, to in zip(voxels, found, strict=True):
        given = np.ascontiguousarray(channel, dtype=np.float32)
        if down.leaves(given.shape[0]):
            for level, out in enumerate(to):
                resize_into(out[None], given[level : level + 1], rows, columns)
        elif rows.leaves(given.shape[1]) and columns.leaves(given.shape[2]):
            for level, out in enumerate(to):
                _mix_slices(out, given, down, level)
        elif _slices_first(given.shape, down, rows, columns):
            _by_slices_first(to, given, down, rows, columns)
        else:
            _by_planes_first(to, given, down, rows, columns)
    return found


def _slices_first(old: tuple[int, ...], down: Band, rows: Band, columns: Band) -> bool:
    """Whether it takes fewer products to mix slices before their rows and columns: of the sizes alone, on any machine."""
    (across_slices, levels), (across_rows, height), (across_columns, width) = down.size, rows.size, columns.size
    slices, plane, new_plane = old[0], old[1] * old[2], height * width
    resizing = height * (across_rows * old[2] + across_columns * width)
    first = levels * (across_slices * plane + resizing)
    return first <= slices * resizing + levels * across_slices * new_plane


def _by_slices_first(
    found: NDArray[np.float32], given: NDArray[np.float32], down: Band, rows: Band, columns: Band
) -> None:
    plane = np.empty(given.shape[1:], np.float32)
    for level, out in enumerate(found):
        _mix_slices(plane, given, down, level)
        resize_into(out[None], plane[None], rows, columns)


def _by_planes_first(
    found: NDArray[np.float32], given: NDArray[np.float32], down: Band, rows: Band, columns: Band
) -> None:
    """With the resized slices that one new slice is made of in a ring."""
    taps, _ = down.size
    ring, held = np.empty((taps, *found.shape[1:]), np.float32), [-1] * taps
    turned = Band(down.places % taps, down.weights)
    for level, out in enumerate(found):
        for place in map(int, down.places[:, level]):
            if held[place % taps] != place:
                resize_into(ring[place % taps][None], given[place : place + 1], rows, columns)
                held[place % taps] = place
        _mix_slices(out, ring, turned, level)


def _mix_slices(found: NDArray[np.float32], slices: NDArray[np.float32], by: Band, level: int) -> None:
    """(slice, y, x) → found, (y, x), which is written over: the new slice at this level."""
    if serve(slices):
        layered(slices.reshape(len(slices), -1), by.places, by.weights[..., 0], level, found.reshape(-1))
        return
    mixed = slices[by.places[0, level]] * by.weights[0, level]
    for place, weight in zip(by.places[1:, level], by.weights[1:, level], strict=True):
        mixed += slices[place] * weight
    found[:] = mixed
