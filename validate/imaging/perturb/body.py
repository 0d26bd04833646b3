"""Where the patient is, by value alone."""

from __future__ import annotations

from typing import Any

AIR = -500.0  # HU, between air and fat
FOREGROUND = 0.1  # of the 99th percentile, above which a voxel of a magnitude image is taken for tissue
MOST = 1 << 15


def body(voxels: Any) -> Any:
    """(n, z, y, x, c) 1 in the body, 0 in the air around it and in the lungs; of HU."""
    return (voxels > AIR).to(voxels.dtype)


def tissue_mean(voxels: Any) -> Any:
    """(n, 1, 1, 1, 1) mean of what is brighter than a tenth of the 99th percentile; of magnitudes, which are never negative."""
    flat = voxels.reshape(voxels.shape[0], -1)
    high = high_quantile(flat, 0.99)
    inside = (flat > FOREGROUND * high).to(flat.dtype)
    mean = (flat * inside).sum(dim=1) / inside.sum(dim=1).clamp_min(1)
    return mean.reshape(-1, 1, 1, 1, 1)


def high_quantile(flat: Any, share: float) -> Any:
    """(n, 1) quantile near the top of each row of (n, pixels), of MOST of them evenly spread; without sorting the others."""
    some = flat[:, :: max(flat.shape[1] // MOST, 1)]
    place = share * (some.shape[1] - 1)
    below = int(place)
    least = some.kthvalue(below + 1, dim=1, keepdim=True).values
    above = some.kthvalue(min(below + 2, some.shape[1]), dim=1, keepdim=True).values
    return least + (place - below) * (above - least)
