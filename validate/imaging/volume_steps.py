"""Preprocessing steps that look at more of a volume than one pixel: they know where it lies, and keep its place true."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from validate.imaging.placed import Placed
from validate.imaging.resample import rescaled
from validate.imaging.volume import DecodeFailure

Pixels = Annotated[int, Field(ge=1, le=16384)]
Millimetres = Annotated[float, Field(gt=0, le=1000)]
Size = tuple[Pixels, Pixels] | tuple[Pixels, Pixels, Pixels]

LARGEST = 4 << 30  # voxels that a step may make; what resampling to a mistyped spacing would ask for is refused
DIRECTIONS = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "S": (2, 1), "I": (2, -1)}  # LPS axis, sign


class Step(BaseModel):
    """Options of one step; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Orientation(Step):
    """Axes turned and flipped so that x, y and z run towards these sides of the patient: LPS is DICOM's, RAS is NIfTI's.

    Of an oblique volume each axis goes to the side that it is nearest to; nothing is interpolated.
    """

    to: Annotated[
        str, Field(pattern=r"^[LR][AP][SI]$|^[LR][SI][AP]$|^[AP][LR][SI]$|^[AP][SI][LR]$|^[SI][LR][AP]$|^[SI][AP][LR]$")
    ]


class Spacing(Step):
    """Voxels of (z, y, x) mm: the first edge of each axis stays where it is, the last is at most half a voxel off.

    method : linear along each axis, or nearest      antialias : linear filters that widen where the volume is made coarser
    """

    to: tuple[Millimetres, Millimetres, Millimetres]
    method: Literal["nearest", "linear"]
    antialias: bool = False

    @model_validator(mode="after")
    def _possible(self) -> Spacing:
        if self.antialias and self.method != "linear":
            raise ValueError("antialias belongs to linear")
        return self


class Clip(Step):
    """Values below `low` become low, above `high` high."""

    low: float
    high: float

    @model_validator(mode="after")
    def _rising(self) -> Clip:
        if not self.low < self.high:
            raise ValueError("low must lie below high")
        return self


class Standardise(Step):
    """(x - mean) / standard deviation of this volume's own voxels: all of them, or those above a value; n, not n - 1."""

    above: float | None = None


class CropForeground(Step):
    """The box around all voxels above a value, with a margin in voxels on each side where there is room."""

    above: float
    margin: Annotated[int, Field(ge=0)] = 0


ONLY_VOLUMES: dict[str, type[Step]] = {
    "orientation": Orientation,
    "spacing": Spacing,
    "clip": Clip,
    "standardise": Standardise,
    "crop_foreground": CropForeground,
}


def _orientation(placed: Placed, options: Any) -> Placed:
    affine = _affine(placed, "orientation")
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    wanted = [DIRECTIONS[letter] for letter in options.to]  # of x, y, z
    free, order, flipped = [0, 1, 2], [], []
    for side, sign in wanted:
        nearest = max(free, key=lambda axis: abs(directions[side, axis]))  # of x, y, z
        free.remove(nearest)
        order.append(2 - nearest)
        flipped.append(bool(directions[side, nearest] * sign < 0))
    return placed.turned(order[::-1], flipped[::-1])


def _spacing(placed: Placed, options: Any) -> Placed:
    _affine(placed, "spacing")
    grid = placed.grid
    assert grid is not None
    z, y, x = (new / old for new, old in zip(options.to, grid.spacing, strict=True))
    scale = (z, y, x)
    size = tuple(max(1, round(old / step)) for old, step in zip(placed.shape, scale, strict=True))
    return _rescaled(placed, size, scale, "bilinear" if options.method == "linear" else "nearest", options.antialias)


def _resize(placed: Placed, options: Any) -> Placed:
    size = _three(options.size)
    scale = tuple(old / new for old, new in zip(placed.shape, size, strict=True))
    return _rescaled(placed, size, scale, options.method, options.antialias)


def _rescaled(placed: Placed, size: Any, scale: Any, method: Any, antialias: Any) -> Placed:
    if math.prod(size) * placed.voxels.shape[0] > LARGEST:
        detail = f"The volume would have {' × '.join(map(str, size))} voxels, more than {LARGEST:,}."
        raise DecodeFailure("preprocess:too_large", detail)
    voxels = rescaled(placed.voxels, size, scale, method=method, antialias=antialias)
    return placed.moved(voxels, scale=scale, start=tuple((step - 1) / 2 for step in scale))


def _crop(placed: Placed, options: Any) -> Placed:
    size = _three(options.size)
    if any(have < want for have, want in zip(placed.shape, size, strict=True)):
        shapes = [" × ".join(map(str, one)) for one in (placed.shape, size)]
        raise DecodeFailure("preprocess:too_small", f"The volume is {shapes[0]}, smaller than the crop of {shapes[1]}.")
    first = [(have - want) // 2 for have, want in zip(placed.shape, size, strict=True)]
    return _box(placed, [slice(start, start + want) for start, want in zip(first, size, strict=True)])


def _crop_foreground(placed: Placed, options: Any) -> Placed:
    inside = (placed.voxels > options.above).any(axis=0)
    if not inside.any():
        raise DecodeFailure("preprocess:empty", f"No voxel is above {options.above:g}.")
    box = []
    for axis, size in enumerate(placed.shape):
        places = np.flatnonzero(inside.any(axis=tuple(other for other in range(3) if other != axis)))
        box.append(slice(max(places[0] - options.margin, 0), min(places[-1] + options.margin + 1, size)))
    return _box(placed, box)


def _box(placed: Placed, box: list[slice]) -> Placed:
    z, y, x = (float(side.start) for side in box)
    return placed.moved(placed.voxels[(slice(None), *box)], start=(z, y, x))


def _pad(placed: Placed, options: Any) -> Placed:
    missing = [max(want - have, 0) for want, have in zip(_three(options.size), placed.shape, strict=True)]
    before_after = [(0, 0), *((m // 2, m - m // 2) for m in missing)]
    voxels = np.pad(placed.voxels.astype(np.float32), before_after, constant_values=options.value)
    z, y, x = (-float(m // 2) for m in missing)
    return placed.moved(voxels, start=(z, y, x))


def _clip(placed: Placed, options: Any) -> Placed:
    return placed.moved(np.clip(placed.voxels, options.low, options.high).astype(np.float32, copy=False))


def _standardise(placed: Placed, options: Any) -> Placed:
    voxels = placed.voxels.astype(np.float32, copy=False)
    chosen = voxels.ravel() if options.above is None else voxels[voxels > options.above]
    if not chosen.size:
        raise DecodeFailure("preprocess:empty", f"No voxel is above {options.above:g}.")
    mean, deviation = float(chosen.mean(dtype=np.float64)), float(chosen.std(dtype=np.float64))
    if deviation == 0:
        raise DecodeFailure("preprocess:flat", "All voxels have one value, so they have no standard deviation.")
    return placed.moved((voxels - np.float32(mean)) / np.float32(deviation))


def _three(size: Size) -> tuple[int, int, int]:
    if len(size) != 3:
        raise DecodeFailure("preprocess:size", "A volume's size is (slices, rows, columns); got two numbers.")
    return size


def _affine(placed: Placed, step: str) -> NDArray[np.float64]:
    if placed.affine is None:
        raise DecodeFailure("preprocess:no_geometry", f"The step '{step}' needs to know where the volume lies.")
    return placed.affine


VOLUME_STEPS: dict[str, Callable[[Placed, Any], Placed]] = {
    "orientation": _orientation,
    "spacing": _spacing,
    "resize": _resize,
    "crop": _crop,
    "crop_foreground": _crop_foreground,
    "pad": _pad,
    "clip": _clip,
    "standardise": _standardise,
}
