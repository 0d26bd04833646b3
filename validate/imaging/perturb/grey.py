"""Which native values of an image are shown black and white."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.imaging.volume import DecodeFailure, Volume

SHOWN = (0.5, 99.5)  # percentiles of an image that comes without a window
MOST = 1 << 16  # pixels behind the percentiles


REMEMBERED = 256  # images
_seen: dict[int, tuple[weakref.ref[NDArray[Any]], tuple[float, float]]] = {}


def ends(volume: Volume) -> tuple[float, float]:
    """(black, white): colour by what can be stored, else the file's table or window, else percentiles of the image.

    Raises DecodeFailure for an image of a single value.
    """
    source = volume.source
    if volume.voxels.ndim == 4:
        low, high = source.get("range", (0.0, 255.0))
    elif source.get("voi_luts"):
        table = source["voi_luts"][0]
        low, high = float(table["first"]), float(table["first"]) + len(table["values"]) - 1
    elif source.get("windows"):
        window = source["windows"][0]
        half = max(float(window["width"]) / 2, 0.5)
        low, high = float(window["center"]) - half, float(window["center"]) + half
    else:
        low, high = _percentiles(volume.voxels)
    if not low < high:
        raise DecodeFailure("perturb:flat", "The image holds a single value, so it has no black and white.")
    return low, high


def _percentiles(voxels: NDArray[Any]) -> tuple[float, float]:
    """Remembered of the images seen last: each is disturbed in many ways."""
    known = _seen.get(id(voxels))
    if known is not None and known[0]() is voxels:
        return known[1]
    flat = voxels.reshape(-1)
    low, high = (float(x) for x in np.percentile(flat[:: max(flat.size // MOST, 1)], SHOWN))
    if low == high:
        low, high = float(flat.min()), float(flat.max())
    while len(_seen) >= REMEMBERED:
        _seen.pop(next(iter(list(_seen))), None)  # of a copy, since another thread may add to it
    _seen[id(voxels)] = weakref.ref(voxels), (low, high)
    return low, high
