"""The plane of an image moved by a rigid motion, sampled anew."""

from __future__ import annotations

import math
from typing import Any

from validate.imaging.perturb.stack import Stack


def turned(stack: Stack, degrees: Any) -> Stack:
    """Turned about the middle, (n,) each; what comes from outside is black.

    Bilinear. Turning is of the displayed pixels; pixels that are not square are turned as they are in space.
    """
    import torch

    n, z, rows, columns, c = stack.voxels.shape
    aspect = 1.0 if stack.spacing is None else stack.spacing[1] / stack.spacing[2]
    high, wide = rows * aspect, float(columns)
    angle = degrees.reshape(-1, 1, 1) * (math.pi / 180)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    y, x = _centres(rows, stack.voxels).reshape(1, -1, 1), _centres(columns, stack.voxels).reshape(1, 1, -1)
    grid = stack.voxels.new_empty((n, rows, columns, 2))
    torch.add(cosine * x, sine * (high / wide) * y, out=grid[..., 0])
    torch.add(-sine * (wide / high) * x, cosine * y, out=grid[..., 1])
    flat = stack.voxels.sub_(stack.black).movedim(-1, 2).reshape(n, z * c, rows, columns)
    found = torch.nn.functional.grid_sample(flat, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return stack.having(found.reshape(n, z, c, rows, columns).movedim(2, -1).add_(stack.black))


def _centres(size: int, like: Any) -> Any:
    """Of pixels along an axis that runs from -1 to 1."""
    import torch

    return (2 * torch.arange(size, device=like.device, dtype=like.dtype) + 1) / size - 1


def slid(stack: Stack, shift: tuple[Any, Any]) -> Stack:
    """Shifted by (y, x) pixels, (n,) each; what comes from outside is black. Bilinear."""
    from_black = stack.voxels.sub_(stack.black)
    for axis, pixels in ((1, shift[0].tolist()), (2, shift[1].tolist())):
        moved = from_black.new_zeros(from_black.shape)
        for one, out, distance in zip(from_black, moved, pixels, strict=True):
            whole = math.floor(distance)
            _lay(out, one, axis, whole, 1 - (distance - whole))
            _lay(out, one, axis, whole + 1, distance - whole)
        from_black = moved
    return stack.having(from_black.add_(stack.black))


def _lay(out: Any, image: Any, axis: int, places: int, share: float) -> None:
    """Add the image, so many whole places further on."""
    length = image.shape[axis] - abs(places)
    if length > 0 and share > 0:
        out.narrow(axis, max(places, 0), length).add_(image.narrow(axis, max(-places, 0), length), alpha=share)
