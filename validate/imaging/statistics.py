"""What an image is like, in a dozen numbers that need no anatomy: compared between cohorts, month by month."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.imaging.perturb.grey import ends
from validate.imaging.volume import DecodeFailure, Volume

NAMES = (
    "rows", "columns", "slices", "pixel_mm", "mean", "spread", "dark", "middle", "bright", "black_share", "white_share", "noise",
    "sharpness",
)  # fmt: skip
MOST = 512  # pixels along a side that are looked at: every n-th of a larger image


def image_statistics(volume: Volume) -> dict[str, float | None]:
    """NAMES → a number, or None where this image has none.

    mean, spread, dark, middle, bright : of the displayed grey (0 black, 1 white; percentiles 5, 50, 95)
    noise : standard deviation by the mask of Immerkær 1996 (doi:10.1006/cviu.1996.0060), whose response to edges is nought
    sharpness : variance of the Laplacian over that of the grey
    """
    z, rows, columns = volume.voxels.shape[:3]
    found: dict[str, float | None] = dict.fromkeys(NAMES)
    found |= {"rows": float(rows), "columns": float(columns), "slices": float(z)}
    found["pixel_mm"] = None if volume.spacing is None else float(volume.spacing[1])
    try:
        low, high = ends(volume)
    except DecodeFailure:
        return found
    plane = np.asarray(volume.voxels[z // 2], np.float32)
    grey = ((plane.mean(axis=-1) if plane.ndim == 3 else plane) - low) / (high - low)
    step = max(max(grey.shape) // MOST, 1)
    shown = np.clip(grey[::step, ::step], 0, 1)
    found |= {
        "mean": float(shown.mean()),
        "spread": float(shown.std()),
        **dict(zip(("dark", "middle", "bright"), (float(q) for q in np.percentile(shown, (5, 50, 95))), strict=True)),
        "black_share": float((shown <= 0).mean()),
        "white_share": float((shown >= 1).mean()),
    }
    if min(grey.shape) >= 3:
        centre = _middle(grey)
        laplacian = _laplacian(centre)
        found["noise"] = float(np.sqrt(np.pi / 2) * np.abs(_immerkaer(centre)).mean() / 6)
        variance = float(centre.var())
        found["sharpness"] = float(laplacian.var()) / variance if variance > 0 else None
    return found


def _middle(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """The middle part, at most MOST pixels along a side, at full resolution."""
    rows, columns = (min(size, MOST) for size in grey.shape)
    top, left = (grey.shape[0] - rows) // 2, (grey.shape[1] - columns) // 2
    return grey[top : top + rows, left : left + columns]


def _laplacian(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    inner = grey[1:-1, 1:-1]
    return grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner


def _immerkaer(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mask (1 -2 1) across (1 -2 1)."""
    down = grey[:-2] - 2 * grey[1:-1] + grey[2:]
    found: NDArray[np.float32] = down[:, :-2] - 2 * down[:, 1:-1] + down[:, 2:]
    return found
