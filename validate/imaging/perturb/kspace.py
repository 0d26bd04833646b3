"""The two-dimensional transform of each slice, as a scanner that measures in frequencies sees it: zero in the middle."""

from __future__ import annotations

from typing import Any


def to_kspace(voxels: Any) -> Any:
    """(n, z, y, x, c) → the same, complex, of unit norm: |k|² sums to |voxels|²."""
    import torch

    return torch.fft.fftshift(torch.fft.fft2(voxels, dim=(2, 3), norm="ortho"), dim=(2, 3))


def to_image(kspace: Any) -> Any:
    """Magnitude, as scanners show it."""
    import torch

    return torch.fft.ifft2(torch.fft.ifftshift(kspace, dim=(2, 3)), dim=(2, 3), norm="ortho").abs()


def lines(kspace: Any) -> Any:
    """Number of each phase-encoded line (y), 0 in the middle of k-space."""
    import torch

    rows = kspace.shape[2]
    return torch.arange(rows, device=kspace.device) - rows // 2


def along_y(values: Any) -> Any:
    """(y,) or (n, y) → to multiply with (n, z, y, x, c)."""
    return values.reshape(*values.shape[:-1], 1, values.shape[-1], 1, 1)
