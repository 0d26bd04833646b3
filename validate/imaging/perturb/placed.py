"""The plane of an image moved by a rigid motion, sampled anew."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from validate.imaging.perturb.stack import Stack


def placed(stack: Stack, degrees: Any, shift: tuple[Any, Any]) -> Stack:
    """Turned about the middle and then shifted by (y, x) pixels; what comes from outside is black. (n,) each.

    Bilinear. Turning is of the displayed pixels; pixels that are not square are turned as they are in space.
    """
    import torch

    n, z, rows, columns, c = stack.voxels.shape
    aspect = 1.0 if stack.spacing is None else stack.spacing[1] / stack.spacing[2]
    high, wide = rows * aspect, float(columns)
    angle = degrees * math.pi / 180
    cosine, sine = torch.cos(angle), torch.sin(angle)
    down, across = 2 * shift[0] / rows, 2 * shift[1] / columns
    row_x = torch.stack([cosine, sine * high / wide, -(cosine * across + sine * high / wide * down)], dim=1)
    row_y = torch.stack([-sine * wide / high, cosine, -(-sine * wide / high * across + cosine * down)], dim=1)
    theta = torch.stack([row_x, row_y], dim=1).to(stack.voxels)
    flat = (stack.voxels - stack.black).permute(0, 1, 4, 2, 3).reshape(n, z * c, rows, columns)
    grid = torch.nn.functional.affine_grid(theta, [n, z * c, rows, columns], align_corners=False)
    moved = torch.nn.functional.grid_sample(flat, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    voxels = moved.reshape(n, z, c, rows, columns).permute(0, 1, 3, 4, 2) + stack.black
    return replace(stack, voxels=voxels)
