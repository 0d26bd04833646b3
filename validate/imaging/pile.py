"""A pile of slices written into one array: as they lie, or between them where the protocol lets slices be resampled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.imaging.stack import Stack
from validate.protocol.geometry import Geometry

Slice = NDArray[Any]  # (y, x), or (y, x, channel) in colour
Write = Callable[[int, Slice], None]  # a place of the stack into an array


@dataclass(frozen=True, slots=True)
class Pile:
    """voxels : (z, y, x), or (z, y, x, channel)    affine, spacing : of them    done : what was resampled, by code"""

    voxels: NDArray[Any]
    affine: NDArray[np.float64]
    spacing: tuple[float, float, float]
    done: tuple[str, ...] = ()


def piled(stack: Stack, rules: Geometry, shape: tuple[int, ...], dtype: np.dtype[Any], write: Write) -> Pile:
    """The slices of a stack in one array.

    shape : of a slice    write : puts the slice of a place into an array of that shape and type; called in rising order
    """
    uneven = bool({"gap", "spacing"} & set(stack.findings))
    tilted = "tilt" in stack.findings and rules.tilt == "resample"
    if not uneven and not tilted:
        voxels = np.empty((len(stack.places), *shape), dtype)
        for place, out in enumerate(voxels):
            write(place, out)
        return Pile(voxels, stack.affine, stack.spacing)
    done = tuple(code for code in ("gap", "spacing", "tilt") if code in stack.findings and (code != "tilt" or tilted))
    voxels = _between(stack, shape, dtype, write)
    affine = stack.affine
    if tilted:
        voxels, affine = _upright(voxels, stack)
    side = float(np.linalg.norm(affine[:3, 2]))
    return Pile(voxels, affine, (side, *stack.spacing[1:]), done)


def _between(stack: Stack, shape: tuple[int, ...], dtype: np.dtype[Any], write: Write) -> NDArray[np.float32]:
    """Linear mixtures of the two slices around each place of a regular grid, from the first slice to the last."""
    step = float(stack.step @ stack.first.normal)
    count = int(np.floor((stack.places[-1] - stack.places[0]) / step + 1e-3)) + 1
    wanted = stack.places[0] + step * np.arange(count)
    voxels = np.empty((count, *shape), np.float32)
    before, after = np.empty(shape, dtype), np.empty(shape, dtype)
    write(0, before)
    done = 0
    for place in range(1, len(stack.places)):
        write(place, after)
        low, high = stack.places[place - 1], stack.places[place]
        last = place == len(stack.places) - 1
        while done < count and (wanted[done] < high or last):
            share = np.float32(np.clip((wanted[done] - low) / (high - low), 0, 1))
            voxels[done] = before * (1 - share) + after * share
            done += 1
        before, after = after, before
    return voxels


def _upright(voxels: NDArray[np.float32], stack: Stack) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Slices moved in their planes until they stand above each other, on a grid wide enough for all of them.

    Outside of a slice is its lowest value.
    """
    from scipy.ndimage import shift

    first, normal = stack.first, stack.first.normal
    aside = stack.step - (stack.step @ normal) * normal
    by = np.array([aside @ first.down / first.spacing[0], aside @ first.across / first.spacing[1]])  # pixels a slice
    moves = np.round(by * np.arange(len(voxels))[:, None], 6)
    low, high = np.floor(moves.min(axis=0)).astype(int), np.ceil(moves.max(axis=0)).astype(int)
    rows, columns = np.array(voxels.shape[1:3]) + high - low
    upright = np.empty((len(voxels), rows, columns, *voxels.shape[3:]), np.float32)
    for plane, move, out in zip(voxels, moves, upright, strict=True):
        out[...] = plane.min()
        out[-low[0] : -low[0] + plane.shape[0], -low[1] : -low[1] + plane.shape[1]] = plane
        shift(out.copy(), (*move, *([0] * (plane.ndim - 2))), output=out, order=1, mode="nearest")
    affine = stack.affine
    affine[:3, 3] += affine[:3, :2] @ low[::-1].astype(np.float64)
    affine[:3, 2] = (stack.step @ normal) * normal
    return upright, affine
