"""Noise that is normal, white and added: what electronics add to every pixel, whatever the exposure.

Johnson noise of the read-out is normal and independent from pixel to pixel, v' = v + N(0, σ²) (Barrett & Myers 2004, Foundations
of Image Science, ch. 12). σ is given in the unit of the image, so severities can only be named where that unit is known.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class GaussianNoise(Strength):
    """sigma : standard deviation, in the unit of the image."""

    sigma: Annotated[float, Field(gt=0)]


def noisy(stack: Stack, options: GaussianNoise, draw: Draw) -> Stack:
    """The voxels + N(0, sigma²), independent from voxel to voxel."""
    return stack.having(stack.voxels + options.sigma * draw.normal(*stack.voxels.shape[1:]))


PERTURBATION = Perturbation(
    title="Additive Gaussian noise",
    suites=frozenset(),
    OPTIONS=GaussianNoise,
    severities=tuple({"sigma": sigma} for sigma in (5.0, 10.0, 20.0, 40.0, 80.0)),
    anchor="no anchor: σ means something in one unit only, so it is in no suite and is asked for by name",
    strength="sigma",
    unit="in the unit of the image",
    validity="Electronic noise alone; quanta, scatter and processing are other files.",
    source="Barrett & Myers 2004, Foundations of Image Science, ch. 12",
    change=noisy,
)
