"""Which native values of an image are shown black and white."""

from __future__ import annotations

import numpy as np

from validate.imaging.volume import DecodeFailure, Volume

SHOWN = (0.5, 99.5)  # percentiles of an image that comes without a window
MOST = 1 << 16  # pixels behind the percentiles


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
        flat = volume.voxels.reshape(-1)
        low, high = (float(x) for x in np.percentile(flat[:: max(flat.size // MOST, 1)], SHOWN))
        if low == high:
            low, high = float(flat.min()), float(flat.max())
    if not low < high:
        raise DecodeFailure("perturb:flat", "The image holds a single value, so it has no black and white.")
    return low, high
