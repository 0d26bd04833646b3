"""From a Volume to what a model sees: declared steps, in order, each with its own options. Nothing happens unsaid.

VERSION stands in the evidence: it changes whenever a step gives other numbers than before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from validate.imaging.placed import Placed
from validate.imaging.resize import resized, resized_ramp
from validate.imaging.voi import Above, Ramp, Sigmoid, looked_up, shaped, window_shape
from validate.imaging.volume import DecodeFailure, Volume
from validate.imaging.volume_steps import ONLY_VOLUMES, VOLUME_STEPS, Size, Step

VERSION = "4"

Image = NDArray[np.float32]  # (channel, y, x)


class Window(Step):
    """Modality values → grey in [0, 1]: by the file's own display (voi_lut: its table number `index`, or where it has no
    table its window; window: its window), by given values, or from the lowest to the highest value that can be stored.
    """

    source: Literal["voi_lut", "window", "values", "full_range"]
    index: Annotated[int, Field(ge=0)] = 0
    center: float | None = None
    width: Annotated[float, Field(gt=0)] | None = None
    function: Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"] = "LINEAR"
    missing: Literal["fail", "full_range"] = "fail"

    @model_validator(mode="after")
    def _complete(self) -> Window:
        if (self.source == "values") != (self.center is not None and self.width is not None):
            raise ValueError("center and width belong to source: values, both of them")
        return self


class Resize(Step):
    """To (rows, columns), of a volume (slices, rows, columns), as torch's interpolate does with align_corners=False.

    method : along each axis; bilinear of a volume is what others call trilinear
    """

    size: Size
    method: Literal["nearest", "bilinear", "bicubic", "area"]
    antialias: bool = False

    @model_validator(mode="after")
    def _possible(self) -> Resize:
        if self.antialias and self.method not in {"bilinear", "bicubic"}:
            raise ValueError("antialias belongs to bilinear and bicubic; area averages by itself")
        return self


class Scale(Step):
    """Grey in [0, 1] → [low, high]."""

    to: tuple[float, float]


class Normalise(Step):
    """(x - mean) / std, one pair for all channels or one for each."""

    mean: tuple[float, ...]
    std: tuple[Annotated[float, Field(gt=0)], ...]


class Crop(Step):
    """The middle (rows, columns) of the image, of a volume (slices, rows, columns); what is smaller is refused."""

    size: Size


class Pad(Step):
    """To at least (rows, columns), of a volume (slices, rows, columns), the image in the middle."""

    size: Size
    value: float = 0.0


class Channels(Step):
    """One grey channel repeated."""

    count: Literal[1, 3]


STEPS: dict[str, type[Step]] = {
    "window": Window,
    "resize": Resize,
    "scale": Scale,
    "normalise": Normalise,
    "crop": Crop,
    "pad": Pad,
    "channels": Channels,
    **ONLY_VOLUMES,
}


def apply_to_volume(volume: Volume, steps: Sequence[Mapping[str, Mapping[str, Any]]]) -> Placed:
    """(channel, z, y, x) float32 with its place. Raises DecodeFailure, reason preprocess:…, as `apply`."""
    voxels = volume.voxels
    placed = Placed(np.moveaxis(voxels, -1, 0) if voxels.ndim == 4 else voxels[None], volume.affine)
    for step in steps:
        ((name, options),) = step.items()
        checked = STEPS[name].model_validate(options)
        if name in VOLUME_STEPS:
            placed = VOLUME_STEPS[name](placed, checked)
        else:
            placed = placed.moved(_slice_by_slice(placed.voxels, name, checked, volume))
    return Placed(np.ascontiguousarray(placed.voxels, dtype=np.float32), placed.affine)


def _slice_by_slice(voxels: NDArray[Any], name: str, options: Any, volume: Volume) -> NDArray[Any]:
    """A step that looks at each pixel alone, without a second volume in double precision."""
    if isinstance(options, Window) and options.source == "full_range" and "range" not in volume.source:
        volume = replace(volume, source={**volume.source, "range": (float(voxels.min()), float(voxels.max()))})
    first = APPLY[name](voxels[:, 0], options, volume)
    found = np.empty((first.shape[0], *voxels.shape[1:]), np.float32)
    found[:, 0] = first
    for level in range(1, voxels.shape[1]):
        found[:, level] = APPLY[name](voxels[:, level], options, volume)
    return found


def apply(volume: Volume, steps: Sequence[Mapping[str, Mapping[str, Any]]]) -> Image:
    """(channel, y, x) float32. Raises DecodeFailure, reason preprocess:…, where a step can't be done on this image."""
    if volume.voxels.shape[0] != 1:
        frames = volume.voxels.shape[0]
        raise DecodeFailure("preprocess:several_frames", f"The image has {frames} frames; the model takes one image.")
    plane = volume.voxels[0]
    image = np.moveaxis(plane, -1, 0) if plane.ndim == 3 else plane[None]
    left = [(name, STEPS[name].model_validate(options)) for step in steps for name, options in step.items()]
    while left:
        if (both := _windowed_and_resized(image, [options for _, options in left[:2]], volume)) is not None:
            image, left = both, left[2:]
            continue
        name, options = left.pop(0)
        if name in APPLY:
            image = APPLY[name](image, options, volume)
        else:  # a volume of one slice, which lies nowhere
            image = VOLUME_STEPS[name](Placed(image[:, None], None), options).voxels[:, 0]
    return np.ascontiguousarray(image, dtype=np.float32)


def _windowed_and_resized(image: NDArray[Any], steps: Sequence[Step], volume: Volume) -> Image | None:
    """The bits of both steps, row by row, where they are a straight window and a mean of neighbours."""
    match steps:
        case [Window() as window, Resize(size=(rows, columns)) as resize] if image.dtype == np.float32:
            shape = display(image, window, volume)
            if isinstance(shape, Ramp):
                how = (float(shape.middle), float(shape.width), float(shape.lift))
                return resized_ramp(image, how, (rows, columns), method=resize.method, antialias=resize.antialias)
    return None


def display(image: NDArray[Any], options: Window, volume: Volume) -> Ramp | Above | Sigmoid | Mapping[str, Any]:
    """What makes grey of these values: a shape, or a table of the file. Raises DecodeFailure where there is none."""
    source = volume.source
    if options.source == "values":
        assert options.center is not None
        assert options.width is not None
        return window_shape(center=options.center, width=options.width, function=options.function)
    if options.source != "full_range":
        tables = source.get("voi_luts", ()) if options.source == "voi_lut" else ()
        found = tables or source.get("windows", ())
        if options.index < len(found):
            item: Mapping[str, Any] = found[options.index]
            return item if tables else window_shape(**item)
        if options.missing == "fail":
            kind = "VOI LUT" if options.source == "voi_lut" else "window"
            detail = f"The file has no {kind} number {options.index}; say missing: full_range if that will do."
            raise DecodeFailure("preprocess:no_window", detail)
    low, high = source["range"] if "range" in source else (float(image.min()), float(image.max()))
    if high <= low:
        raise DecodeFailure("preprocess:no_range", f"The values range from {low:g} to {high:g}.")
    return Ramp(low, high - low, 0.0)


def _window(image: NDArray[Any], options: Any, volume: Volume) -> Image:
    shape = display(image, options, volume)
    return looked_up(image, shape) if isinstance(shape, Mapping) else shaped(image, shape)


def _resize(image: NDArray[Any], options: Any, _volume: Volume) -> Image:
    check_plane(options.size)
    return resized(image.astype(np.float32), options.size, method=options.method, antialias=options.antialias)


def _scale(image: NDArray[Any], options: Any, _volume: Volume) -> Image:
    low, high = options.to
    if (low, high) == (0.0, 1.0):
        return image.astype(np.float32, copy=False)
    return (image.astype(np.float32) * np.float32(high - low) + np.float32(low)).astype(np.float32)


def _normalise(image: NDArray[Any], options: Any, _volume: Volume) -> Image:
    check_normalise(image.shape[0], options)
    mean, std = (np.asarray(v, np.float32) for v in (options.mean, options.std))
    normalised: Image = (image.astype(np.float32) - mean.reshape(-1, 1, 1)) / std.reshape(-1, 1, 1)
    return normalised


def check_normalise(channels: int, options: Normalise) -> None:
    """Raises DecodeFailure unless there is one pair for all channels or one for each."""
    means, deviations = len(options.mean), len(options.std)
    if not {means, deviations} <= {1, channels}:
        detail = f"{means} means and {deviations} deviations for {channels} channels."
        raise DecodeFailure("preprocess:channels", detail)


def _crop(image: NDArray[Any], options: Any, _volume: Volume) -> Image:
    top, left = placed_crop(image.shape, options.size)
    rows, columns = options.size
    return image[:, top : top + rows, left : left + columns].astype(np.float32)


def placed_crop(shape: Sequence[int], size: Sequence[int]) -> tuple[int, int]:
    """Where the middle (rows, columns) of an image of (channel, y, x) begin: (y, x). Raises DecodeFailure where it is smaller."""
    check_plane(size)
    rows, columns = size
    if shape[1] < rows or shape[2] < columns:
        detail = f"The image is {shape[1]} × {shape[2]}, smaller than the crop of {rows} × {columns}."
        raise DecodeFailure("preprocess:too_small", detail)
    return (shape[1] - rows) // 2, (shape[2] - columns) // 2


def _pad(image: NDArray[Any], options: Any, _volume: Volume) -> Image:
    return np.pad(
        image.astype(np.float32), ((0, 0), *placed_pad(image.shape, options.size)), constant_values=options.value
    )


def placed_pad(shape: Sequence[int], size: Sequence[int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """What goes before and after an image of (channel, y, x), of rows and of columns."""
    check_plane(size)
    down, across = (max(want - have, 0) for want, have in zip(size, shape[1:], strict=True))
    return (down // 2, down - down // 2), (across // 2, across - across // 2)


def check_plane(size: Sequence[int]) -> None:
    """Raises DecodeFailure unless it is (rows, columns)."""
    if len(size) != 2:
        raise DecodeFailure("preprocess:size", f"An image's size is (rows, columns); got {len(size)} numbers.")


def _channels(image: NDArray[Any], options: Any, _volume: Volume) -> Image:
    check_channels(image.shape[0], options)
    if image.shape[0] == options.count:
        return image.astype(np.float32)
    return np.repeat(image.astype(np.float32), options.count, axis=0)


def check_channels(channels: int, options: Channels) -> None:
    """Raises DecodeFailure where so many can't become what is asked for."""
    if channels not in {1, options.count}:
        raise DecodeFailure("preprocess:channels", f"The image has {channels} channels, expected {options.count}.")


APPLY: dict[str, Callable[[NDArray[Any], Any, Volume], Image]] = {
    "window": _window,
    "resize": _resize,
    "scale": _scale,
    "normalise": _normalise,
    "crop": _crop,
    "pad": _pad,
    "channels": _channels,
}
