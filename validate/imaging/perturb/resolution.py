"""Larger pixels: measured coarser and shown on the old grid.

Averaging over a pixel of a mm has the transfer sinc(a·f); interpolation back to the grid is linear (Brown et al. 2014, Magnetic
Resonance Imaging: Physical Principles and Sequence Design, 2nd ed., ch. 13; the matrix of a fast protocol that the console interpolates).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class Resolution(Strength):
    """pixel : side of the coarse pixel, mm; not larger than the image's changes nothing."""

    pixel: Annotated[float, Field(gt=0)]


def coarser(stack: Stack, options: Resolution, _draw: Draw) -> Stack:
    """In the plane."""
    import torch

    _, y, x = stack.millimetres
    n, z, rows, columns, c = stack.voxels.shape
    size = (max(round(rows * min(y / options.pixel, 1)), 1), max(round(columns * min(x / options.pixel, 1)), 1))
    if size == (rows, columns):
        return stack
    flat = stack.voxels.movedim(-1, 2).reshape(n * z, c, rows, columns)
    small = torch.nn.functional.adaptive_avg_pool2d(flat, size)
    back = torch.nn.functional.interpolate(small, size=(rows, columns), mode="bilinear", align_corners=False)
    return stack.having(back.reshape(n, z, c, rows, columns).movedim(2, -1))


PERTURBATION = Perturbation(
    title="Resolution",
    suites=frozenset({"mr"}),
    OPTIONS=Resolution,
    severities=tuple({"pixel": pixel} for pixel in (1.2, 1.6, 2.2, 3.0, 4.0)),
    anchor="pixels of 1.2 and 1.6 mm (clinical protocols), 2.2 mm (fast ones), 3 and 4 mm (diffusion, low field)",
    strength="pixel",
    unit="mm",
    validity="A box profile in the plane; an image whose pixels are that large already is unchanged. Ringing is another file.",
    source="Brown et al. 2014, Magnetic Resonance Imaging: Physical Principles and Sequence Design, 2nd ed., ch. 13",
    change=coarser,
    needs_spacing=True,
)  # fmt: skip
