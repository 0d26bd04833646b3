"""Resampling of a 2-D image to another size, equal to torch's interpolate (align_corners=False), without torch.

An output pixel is a weighted mean of a few input pixels, so each axis is one small matrix with a band of numbers in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from validate.imaging.plane_kernels import banded, ramped, serve

Method = Literal["nearest", "bilinear", "bicubic", "area"]
BLOCK = 1 << 14  # numbers in double precision that stay in a core's cache
SUPPORT = {"bilinear": 1.0, "bicubic": 2.0}


def resized(
    image: NDArray[np.float32], size: tuple[int, int], *, method: Method, antialias: bool
) -> NDArray[np.float32]:
    """(channel, y, x) → (channel, *size).

    nearest : the pixel whose centre is nearest (torch's "nearest-exact")
    area : the mean of the pixels that an output pixel touches, all with one weight, as torch does
    """
    if image.shape[1:] == size:
        return image
    if method == "nearest":
        rows, columns = (nearest_places(old, new, old / new) for old, new in zip(image.shape[1:], size, strict=True))
        return np.ascontiguousarray(image[:, rows][:, :, columns])
    down, across = _bands(image, size, method, antialias=antialias)
    found = np.empty((image.shape[0], *size), np.float32)
    resize_into(found, image, down, across)
    return found


def resized_ramp(
    image: NDArray[np.float32],
    shape: tuple[float, float, float],
    size: tuple[int, int],
    *,
    method: Method,
    antialias: bool,
) -> NDArray[np.float32] | None:
    """The bits of `resized` of (x - middle) / width + lift in [0, 1], without that image in between; None where both are to be done by
    themselves.

    shape : middle, width, lift
    """
    if method == "nearest" or image.shape[1:] == size or not serve(image):
        return None
    down, across = _bands(image, size, method, antialias=antialias)
    found = np.empty((image.shape[0], *size), np.float32)
    weights = down.weights[..., 0], across.weights[..., 0]
    ramped(np.ascontiguousarray(image), shape, down.places, weights[0], across.places, weights[1], found)
    return found


def _bands(image: NDArray[Any], size: tuple[int, int], method: Method, *, antialias: bool) -> tuple[Band, Band]:
    """Of rows and of columns."""
    down, across = (
        band(old, new, old / new, method, antialias=antialias) for old, new in zip(image.shape[1:], size, strict=True)
    )
    return down, across


@dataclass(frozen=True, slots=True)
class Band:
    """
    places : (taps, new) pixels that an output pixel is made of; of one pixel they are neighbours, the last may come again at the border
    weights : (taps, new, 1) of each
    """

    places: NDArray[np.int64]
    weights: NDArray[np.float64]

    @property
    def size(self) -> tuple[int, int]:
        """(taps, new)."""
        taps, new = self.places.shape
        return taps, new

    def leaves(self, old: int) -> bool:
        """Whether each of the `old` pixels becomes itself."""
        return self.size == (1, old) and bool((self.places[0] == np.arange(old)).all() and (self.weights == 1).all())

    def applied(self, image: NDArray[np.floating[Any]], some: slice) -> NDArray[np.float64]:
        """(channel, y, x) → (channel, some of the new y, x)."""
        places, weights = self.places[:, some], self.weights[:, some]
        found: NDArray[np.float64] = image[:, places[0]] * weights[0]
        for place, weight in zip(places[1:], weights[1:], strict=True):
            found += image[:, place] * weight
        return found


def resize_into(found: NDArray[np.float32], image: NDArray[np.float32], down: Band, across: Band) -> None:
    """(channel, y, x) → found, (channel, new y, new x), which is written over: rows mixed first, then columns."""
    if serve(image):
        weights = down.weights[..., 0], across.weights[..., 0]
        banded(np.ascontiguousarray(image), down.places, weights[0], across.places, weights[1], found)
        return
    height = max(BLOCK // (image.shape[0] * image.shape[2]), 1)
    for start in range(0, found.shape[1], height):
        some = slice(start, start + height)
        low = down.applied(image, some).swapaxes(1, 2)
        found[:, some] = across.applied(np.ascontiguousarray(low), slice(None)).swapaxes(1, 2)


@lru_cache(maxsize=64)
def band(old: int, new: int, scale: float, method: str, *, antialias: bool) -> Band:
    """What is not zero of axis_weights."""
    matrix = axis_weights(old, new, scale, method, antialias=antialias)
    first = np.argmax(matrix != 0, axis=1)
    last = old - 1 - np.argmax(matrix[:, ::-1] != 0, axis=1)
    offsets = np.arange(int((last - first).max()) + 1)
    places = np.minimum(first[:, None] + offsets, old - 1)
    weights = np.where(offsets <= (last - first)[:, None], np.take_along_axis(matrix, places, axis=1), 0.0)
    return Band(np.ascontiguousarray(places.T), np.ascontiguousarray(weights.T)[..., None])


def nearest_places(old: int, new: int, scale: float) -> NDArray[np.int64]:
    """(new,) the pixel of `old` whose centre is nearest; a new pixel is `scale` old ones wide."""
    # In single precision, as torch counts: where a centre falls between two pixels, both must choose alike.
    centres = (np.arange(new, dtype=np.float32) + np.float32(0.5)) * np.float32(scale)
    return np.minimum(centres.astype(np.int64), old - 1)


def axis_weights(old: int, new: int, scale: float, method: str, *, antialias: bool) -> NDArray[np.float64]:
    """(new, old) matrix whose rows sum to one; a new pixel is `scale` old ones wide."""
    if method == "area":
        first, last = np.arange(new) * old // new, -(-np.arange(1, new + 1) * old // new)
        touched = (np.arange(old) >= first[:, None]) & (np.arange(old) < last[:, None])
        return np.asarray(touched / touched.sum(axis=1, keepdims=True))
    centres = (np.arange(new) + 0.5) * scale
    if antialias:
        stretch = max(scale, 1.0)
        reach = SUPPORT[method] * stretch
        positions = np.arange(old)
        first = np.maximum((centres - reach + 0.5).astype(np.int64), 0)[:, None]
        last = np.minimum((centres + reach + 0.5).astype(np.int64), old)[:, None]
        weights = _filter((positions - centres[:, None] + 0.5) / stretch, method, sharpness=-0.5)
        weights = np.where((positions >= first) & (positions < last), weights, 0.0)
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))
    # Without antialiasing the filter keeps its own width, and pixels past the border repeat the border.
    source = centres - 0.5 if method == "bicubic" else np.maximum(centres - 0.5, 0.0)
    base = np.floor(source).astype(np.int64)
    reach = int(SUPPORT[method])
    weights = np.zeros((new, old))
    for offset in range(1 - reach, reach + 1):
        share = _filter(source - (base + offset), method, sharpness=-0.75)
        np.add.at(weights, (np.arange(new), np.clip(base + offset, 0, old - 1)), share)
    return weights


def _filter(distance: NDArray[np.float64], method: str, *, sharpness: float) -> NDArray[np.float64]:
    """Triangle, or Keys' cubic (doi:10.1109/TASSP.1981.1163711) with this sharpness: torch uses -0.5 and -0.75."""
    x = np.abs(distance)
    if method == "bilinear":
        return np.maximum(1.0 - x, 0.0)
    a = sharpness
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))
