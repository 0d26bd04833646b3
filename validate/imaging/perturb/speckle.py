"""Speckle of coherent echoes: the envelope of tissue is multiplied by fluctuations of known contrast.

Fully developed speckle has an intensity that is exponential (gamma of one look); the mean of N independent looks is gamma of shape N, with
contrast 1/√N (Burckhardt 1978, "Speckle in ultrasound B-mode scans"). The screen shows log compressed echoes over
`range` dB, so grey moves by 10·log10(intensity)/range.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.filters import gaussian
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class Speckle(Strength):
    """looks : N, images that compounding averages; fewer is rougher      range : dB from black to white
    grain : standard deviation of a speckle, pixels; 0 for independent pixels
    """

    looks: Annotated[float, Field(gt=0)]
    range: Annotated[float, Field(gt=0)] = 60.0
    grain: Annotated[float, Field(ge=0)] = 0.0


def speckled(stack: Stack, options: Speckle, draw: Draw) -> Stack:
    """One pattern for all channels of colour."""
    intensity = draw.gamma(options.looks, *stack.voxels.shape[1:4], 1)
    if options.grain:
        intensity = gaussian(intensity, (options.grain, options.grain))
    decibels = 10 * intensity.clamp_min(1e-6).log10()
    grey = stack.grey
    return stack.shown((grey + decibels / options.range).where(grey > 0, grey))


PERTURBATION = Perturbation(
    title="Speckle",
    suites=frozenset({"ultrasound"}),
    OPTIONS=Speckle,
    severities=tuple({"looks": looks} for looks in (30.0, 15.0, 8.0, 4.0, 2.0)),
    anchor="30 and 15 looks (compounding and smoothing of current machines), 8 and 4 (without compounding), 2 (near the bare echo)",
    strength="looks",
    unit="looks",
    validity="Speckle on top of that in the image, in a log display of 60 dB; it does not follow the beam's width over depth.",
    source="Burckhardt 1978, “Speckle in ultrasound B-mode scans”, IEEE Trans Sonics Ultrason 25(1)",
    change=speckled,
)  # fmt: skip
