"""Where the patient is, by value alone."""

from __future__ import annotations

from typing import Any

AIR = -500.0  # HU, between air and fat
FOREGROUND = 0.1  # of the 99th percentile, above which a voxel of a magnitude image is taken for tissue
MOST = 1 << 18


def body(voxels: Any) -> Any:
    """(n, z, y, x, c) 1 in the body, 0 in the air around it and in the lungs; of HU."""
    return (voxels > AIR).to(voxels.dtype)


def tissue_mean(voxels: Any) -> Any:
    """(n, 1, 1, 1, 1) mean of what is brighter than a tenth of the 99th percentile; of magnitudes, which are never negative."""
    import torch

    flat = voxels.reshape(voxels.shape[0], -1)
    step = max(flat.shape[1] // MOST, 1)
    high = torch.quantile(flat[:, ::step], 0.99, dim=1, keepdim=True)
    inside = (flat > FOREGROUND * high).to(flat.dtype)
    mean = (flat * inside).sum(dim=1) / inside.sum(dim=1).clamp_min(1)
    return mean.reshape(-1, 1, 1, 1, 1)
