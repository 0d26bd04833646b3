"""What preprocessing would do to an image, decided and not done: the steps in the words of preprocess.py, with their numbers.

A step that is not here is done where images are decoded, and the whole image with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.imaging.preprocess import (
    STEPS,
    Resize,
    Window,
    check_channels,
    check_normalise,
    check_plane,
    display,
    placed_crop,
    placed_pad,
)
from validate.imaging.unfinished import Told, Unfinished
from validate.imaging.voi import Above, Ramp
from validate.imaging.volume import Volume

TYPES = {"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"}


def can_wait(steps: Sequence[Mapping[str, Any]]) -> bool:
    """Whether all of these can be done on a device."""
    return all(step.keys() <= DECIDED.keys() for step in steps)


def unfinished(volume: Volume, steps: Sequence[Mapping[str, Mapping[str, Any]]]) -> Unfinished | None:
    """What `preprocess.apply` would do, decided and not done; None where an image is not for a device: of a type of its own, or with
    a window that hangs on what earlier steps make of it.

    Raises DecodeFailure as `apply`.
    """
    if volume.voxels.shape[0] != 1 or volume.voxels.dtype.name not in TYPES:
        return None
    plane = volume.voxels[0]
    pixels = np.moveaxis(plane, -1, 0) if plane.ndim == 3 else plane[None]
    channels, rows, columns = pixels.shape
    way = _Way(volume, pixels, (channels, rows, columns))
    for step in steps:
        ((name, options),) = step.items()
        way = DECIDED[name](way, STEPS[name].model_validate(options))
        if way.lost:
            return None
    return Unfinished(pixels, way.steps, way.numbers, way.table, way.shape)


@dataclass(frozen=True, slots=True)
class _Way:
    """An image on its way through the steps. lost : whether they can't be decided without doing them"""

    volume: Volume
    pixels: NDArray[Any]
    shape: tuple[int, int, int]
    steps: tuple[Told, ...] = ()
    numbers: tuple[float, ...] = ()
    table: NDArray[np.int64] | None = None
    lost: bool = False

    def then(self, name: str, *told: Any, numbers: tuple[float, ...] = ()) -> _Way:
        return replace(self, steps=(*self.steps, (name, told)), numbers=(*self.numbers, *numbers))

    def to(self, rows: int, columns: int, *, channels: int | None = None) -> _Way:
        """The same, of an image of this size."""
        return replace(self, shape=(channels or self.shape[0], rows, columns))


def _window(way: _Way, options: Window) -> _Way:
    hangs = options.source != "values" and "range" not in way.volume.source and way.steps
    if hangs or (way.table is not None):
        return replace(way, lost=True)
    shape = display(way.pixels, options, way.volume)
    if isinstance(shape, Mapping):
        entries = np.asarray(shape["values"], np.int64)
        return replace(way, table=entries).then("table", int(shape["bits"]), numbers=(float(shape["first"]),))
    if isinstance(shape, Ramp):
        return way.then("ramp", float(shape.lift), numbers=(float(shape.middle), float(shape.width)))
    if isinstance(shape, Above):
        return way.then("above", numbers=(float(shape.threshold),))
    return way.then("sigmoid", numbers=(float(shape.center), float(shape.width)))


def _resize(way: _Way, options: Resize) -> _Way:
    check_plane(options.size)
    rows, columns = int(options.size[0]), int(options.size[1])
    return way.to(rows, columns).then("resize", rows, columns, options.method, options.antialias)


def _scale(way: _Way, options: Any) -> _Way:
    return way.then("scale", *(float(end) for end in options.to))


def _normalise(way: _Way, options: Any) -> _Way:
    check_normalise(way.shape[0], options)
    return way.then("normalise", tuple(map(float, options.mean)), tuple(map(float, options.std)))


def _crop(way: _Way, options: Any) -> _Way:
    top, left = placed_crop(way.shape, options.size)
    rows, columns = map(int, options.size)
    return way.to(rows, columns).then("crop", top, left, rows, columns)


def _pad(way: _Way, options: Any) -> _Way:
    (above, below), (left, right) = placed_pad(way.shape, options.size)
    bigger = way.to(way.shape[1] + above + below, way.shape[2] + left + right)
    return bigger.then("pad", above, below, left, right, float(options.value))


def _channels(way: _Way, options: Any) -> _Way:
    check_channels(way.shape[0], options)
    return way.to(*way.shape[1:], channels=int(options.count)).then("channels", int(options.count))


DECIDED: Mapping[str, Any] = {
    "window": _window,
    "resize": _resize,
    "scale": _scale,
    "normalise": _normalise,
    "crop": _crop,
    "pad": _pad,
    "channels": _channels,
}
