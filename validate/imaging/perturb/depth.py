"""The depth set too deep: the anatomy is smaller, at the top of the image, and the rest is black.

An image of depth D shown at D' = q·D has its rows and columns scaled by 1/q about the middle of the transducer's face (AIUM practice
parameters ask for the depth to fit the organ).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class Depth(Strength):
    """ratio : q, new depth over the old."""

    ratio: Annotated[float, Field(ge=1)]


def deeper(stack: Stack, options: Depth, _draw: Draw) -> Stack:
    """On the same matrix."""
    import torch

    n, z, rows, columns, c = stack.voxels.shape
    size = (max(round(rows / options.ratio), 1), max(round(columns / options.ratio), 1))
    flat = stack.voxels.movedim(-1, 2).reshape(n * z, c, rows, columns)
    small = torch.nn.functional.interpolate(flat, size=size, mode="bilinear", align_corners=False, antialias=True)
    out = stack.black.expand_as(stack.voxels).clone()
    left = (columns - size[1]) // 2
    out[:, :, : size[0], left : left + size[1]] = small.reshape(n, z, c, *size).movedim(2, -1)
    return stack.having(out)


PERTURBATION = Perturbation(
    title="Depth",
    suites=frozenset({"ultrasound"}),
    OPTIONS=Depth,
    severities=tuple({"ratio": ratio} for ratio in (1.1, 1.25, 1.5, 2.0, 3.0)),
    anchor="a tenth and a quarter deeper (another habit), half (careless), twice and three times (a preset for another organ)",
    strength="ratio",
    unit="of the depth",
    validity="The image made smaller; the loss of resolution and the echoes of what lies deeper are left out.",
    source="AIUM practice parameters for the performance of ultrasound examinations",
    change=deeper,
)  # fmt: skip
