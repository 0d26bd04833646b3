"""The transform of each slice, as a scanner that measures in frequencies sees it.

What touches whole lines of k-space alone needs the transform along y and no other, so that is all these take.
"""

from __future__ import annotations

from typing import Any

Y, X = 2, 3


def lines(rows: int, like: Any) -> Any:
    """Number of each phase-encoded line of a transform along y, 0 in the middle of k-space, in the transform's own order."""
    import torch

    return torch.fft.fftfreq(rows, d=1 / rows, device=like.device)


def weighted_lines(voxels: Any, weights: Any) -> Any:
    """The magnitude image, as scanners show it, after each line of k-space was multiplied by its weight.

    weights : (rows,) or (n, rows), real, in the order of `lines`
    """
    import torch

    spectrum = torch.fft.fft(voxels, dim=Y).mul_(weights.reshape(-1, 1, weights.shape[-1], 1, 1))
    return torch.fft.ifft(spectrum, dim=Y).abs()


def masked_lines(voxels: Any, kept: Any) -> Any:
    """The same for lines that are kept or not, each like its mirror image; what is left is real. kept : (rows,) 0 or 1"""
    import torch

    rows = voxels.shape[Y]
    spectrum = torch.fft.rfft(voxels, dim=Y).mul_(kept[: rows // 2 + 1].reshape(1, 1, -1, 1, 1))
    return torch.fft.irfft(spectrum, n=rows, dim=Y).abs_()
