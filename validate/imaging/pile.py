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


@dataclass(frozen=True, slots=True)
class Planned:
    """The grid of a pile that is to be resampled.

    shape : (z, y, x)    affine : of it    moves : (z, 2) pixels by which each slice is moved (down, across)
    corner : (2,) first pixel of the grid, counted from the first of the slices
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    moves: NDArray[np.float64]
    corner: NDArray[np.int64]


def planned(stack: Stack, rules: Geometry, shape: tuple[int, ...]) -> Planned:
    """What `piled` will make of slices of this shape."""
    first, normal = stack.first, stack.first.normal
    step = float(stack.step @ normal)
    count = len(stack.places)
    if {"gap", "spacing"} & set(stack.findings):
        count = int(np.floor((stack.places[-1] - stack.places[0]) / step + 1e-3)) + 1
    affine, moves, corner = stack.affine, np.zeros((count, 2)), np.zeros(2, np.int64)
    rows, columns = shape[:2]
    if "tilt" in stack.findings and rules.tilt == "resample":
        aside = stack.step - step * normal
        by = np.array(
            [aside @ first.down / first.spacing[0], aside @ first.across / first.spacing[1]]
        )  # pixels a slice
        moves = np.round(by * np.arange(count)[:, None], 6)
        corner = np.floor(moves.min(axis=0)).astype(np.int64)
        rows, columns = (np.array(shape[:2]) + np.ceil(moves.max(axis=0)).astype(np.int64) - corner).tolist()
        affine[:3, 3] += affine[:3, :2] @ corner[::-1].astype(np.float64)
        affine[:3, 2] = step * normal
    return Planned((count, rows, columns), affine, moves, corner)


def piled(
    stack: Stack,
    rules: Geometry,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    write: Write,
    *,
    room: NDArray[Any] | None = None,
) -> Pile:
    """The slices of a stack in one array.

    shape : of a slice    write : puts the slice of a place into an array of that shape and type; called in rising order
    room : an array that the volume may be written into, where nothing is resampled
    """
    uneven = bool({"gap", "spacing"} & set(stack.findings))
    tilted = "tilt" in stack.findings and rules.tilt == "resample"
    if not uneven and not tilted:
        voxels = np.empty((len(stack.places), *shape), dtype) if room is None else room
        for place, out in enumerate(voxels):
            write(place, out)
        return Pile(voxels, stack.affine, stack.spacing)
    done = tuple(code for code in ("gap", "spacing", "tilt") if code in stack.findings and (code != "tilt" or tilted))
    plan = planned(stack, rules, shape)
    voxels = _between(stack, plan.shape[0], shape, dtype, write)
    if tilted:
        voxels = _upright(voxels, plan)
    side = float(np.linalg.norm(plan.affine[:3, 2]))
    return Pile(voxels, plan.affine, (side, *stack.spacing[1:]), done)


def _between(
    stack: Stack, count: int, shape: tuple[int, ...], dtype: np.dtype[Any], write: Write
) -> NDArray[np.float32]:
    """Linear mixtures of the two slices around each place of a regular grid, from the first slice to the last."""
    wanted = stack.places[0] + float(stack.step @ stack.first.normal) * np.arange(count)
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


def _upright(voxels: NDArray[np.float32], plan: Planned) -> NDArray[np.float32]:
    """Slices moved in their planes until they stand above each other, on a grid wide enough for all of them.

    Outside of a slice is its lowest value.
    """
    from scipy.ndimage import shift

    upright = np.empty((*plan.shape, *voxels.shape[3:]), np.float32)
    top, left = -plan.corner
    for plane, move, out in zip(voxels, plan.moves, upright, strict=True):
        out[...] = plane.min()
        out[top : top + plane.shape[0], left : left + plane.shape[1]] = plane
        shift(out.copy(), (*move, *([0] * (plane.ndim - 2))), output=out, order=1, mode="nearest")
    return upright
