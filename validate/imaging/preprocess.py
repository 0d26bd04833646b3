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
from validate.imaging.resize import resized
from validate.imaging.voi import looked_up, ramped, windowed
from validate.imaging.volume import DecodeFailure, Volume
from validate.imaging.volume_steps import ONLY_VOLUMES, VOLUME_STEPS, Size, Step

VERSION = "3"

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
    for step in steps:
        ((name, options),) = step.items()
        checked = STEPS[name].model_validate(options)
        if name in APPLY:
            image = APPLY[name](image, checked, volume)
        else:  # a volume of one slice, which lies nowhere
            image = VOLUME_STEPS[name](Placed(image[:, None], None), checked).voxels[:, 0]
    return np.ascontiguousarray(image, dtype=np.float32)


def _window(image: NDArray[Any], options: Any, volume: Volume) -> Image:
    source = volume.source
    if options.source == "values":
        return windowed(image, center=options.center, width=options.width, function=options.function)
    if options.source != "full_range":
        tables = source.get("voi_luts", ()) if options.source == "voi_lut" else ()
        found = tables or source.get("windows", ())
        if options.index < len(found):
            item = found[options.index]
            return looked_up(image, item) if tables else windowed(image, **item)
        if options.missing == "fail":
            kind = "VOI LUT" if options.source == "voi_lut" else "window"
            detail = f"The file has no {kind} number {options.index}; say missing: full_range if that will do."
            raise DecodeFailure("preprocess:no_window", detail)
    low, high = source.get("range", (float(image.min()), float(image.max())))
    if high <= low:
        raise DecodeFailure("preprocess:no_range", f"The values range from {low:g} to {high:g}.")
    return ramped(image, low=low, high=high)


def _resize(image: NDArray[Any], options: Any, _volume: Volume) -> Image:
    _check_plane(options.size)
    return resized(image.astype(np.float32), options.size, method=options.method, antialias=options.antialias)


def _scale(image: NDArray[Any], options: Any, _volume: Volume) -> Image:
    low, high = options.to
    if (low, high) == (0.0, 1.0):
        return image.astype(np.float32, copy=False)
    return (image.astype(np.float32) * np.float32(high - low) + np.float32(low)).astype(np.float32)


def _normalise(image: NDArray[Any], options: Any, _volume: Volume) -> Image:
    mean, std = (np.asarray(v, np.float32) for v in (options.mean, options.std))
    if not {mean.size, std.size} <= {1, image.shape[0]}:
        detail = f"{mean.size} means and {std.size} deviations for {image.shape[0]} channels."
        raise DecodeFailure("preprocess:channels", detail)
    normalised: Image = (image.astype(np.float32) - mean.reshape(-1, 1, 1)) / std.reshape(-1, 1, 1)
    return normalised


def _crop(image: NDArray[Any], options: Any, _volume: Volume) -> Image:
    _check_plane(options.size)
    rows, columns = options.size
    if image.shape[1] < rows or image.shape[2] < columns:
        detail = f"The image is {image.shape[1]} × {image.shape[2]}, smaller than the crop of {rows} × {columns}."
        raise DecodeFailure("preprocess:too_small", detail)
    top, left = (image.shape[1] - rows) // 2, (image.shape[2] - columns) // 2
    return image[:, top : top + rows, left : left + columns].astype(np.float32)


def _pad(image: NDArray[Any], options: Any, _volume: Volume) -> Image:
    _check_plane(options.size)
    missing = [max(want - have, 0) for want, have in zip(options.size, image.shape[1:], strict=True)]
    before_after = [(0, 0), *((m // 2, m - m // 2) for m in missing)]
    return np.pad(image.astype(np.float32), before_after, constant_values=options.value)


def _check_plane(size: Size) -> None:
    if len(size) != 2:
        raise DecodeFailure("preprocess:size", f"An image's size is (rows, columns); got {len(size)} numbers.")


def _channels(image: NDArray[Any], options: Any, _volume: Volume) -> Image:
    if image.shape[0] == options.count:
        return image.astype(np.float32)
    if image.shape[0] != 1:
        raise DecodeFailure(
            "preprocess:channels", f"The image has {image.shape[0]} channels, expected {options.count}."
        )
    return np.repeat(image.astype(np.float32), options.count, axis=0)


APPLY: dict[str, Callable[[NDArray[Any], Any, Volume], Image]] = {
    "window": _window,
    "resize": _resize,
    "scale": _scale,
    "normalise": _normalise,
    "crop": _crop,
    "pad": _pad,
    "channels": _channels,
}
