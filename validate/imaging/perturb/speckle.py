"""Speckle of coherent echoes: the envelope of tissue is multiplied by fluctuations of known contrast.

Fully developed speckle has an intensity that is exponential (gamma of one look); the mean of N independent looks is gamma of shape N, with
contrast 1/√N (Burckhardt 1978, "Speckle in ultrasound B-mode scans"). The screen shows log compressed echoes over
`range` dB, so grey moves by 10·log10(intensity)/range.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.filters import gaussian
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack

REACH, PLACES = 6.0, 1 << 14  # standard deviations, and places between
LEAST = 1e-6  # of the mean intensity


class Speckle(Strength):
    """looks : N, images that compounding averages; fewer is rougher      range : dB from black to white
    grain : standard deviation of a speckle, pixels; 0 for independent pixels
    """

    looks: Annotated[float, Field(gt=0)]
    range: Annotated[float, Field(gt=0)] = 60.0
    grain: Annotated[float, Field(ge=0)] = 0.0


def speckled(stack: Stack, options: Speckle, draw: Draw) -> Stack:
    """One pattern for all channels of colour."""
    import torch

    decibels = _decibels(draw.normal(*stack.voxels.shape[1:4], 1), options.looks)
    if options.grain:
        intensity = gaussian(torch.pow(10.0, decibels / 10), (options.grain, options.grain))
        decibels = 10 * intensity.clamp_min_(1e-6).log10_()
    grey = stack.into_grey()
    return stack.shown(grey.add_(stack.lit(grey).mul_(decibels.div_(options.range))))


def _decibels(normal: Any, looks: float) -> Any:
    """10·log10 of a gamma variable of mean 1, with as much below it as the normal has: the same draws for any number of looks."""
    import torch

    place = normal.clamp_(-REACH, REACH).add_(REACH).mul_((PLACES - 1) / (2 * REACH)).add_(0.5).to(torch.int32)
    return _table(looks).to(place.device).index_select(0, place.flatten()).reshape(place.shape)


@lru_cache(maxsize=16)
def _table(looks: float) -> Any:
    """At PLACES normals from -REACH to REACH, of which one in half a billion lies outside."""
    import torch
    from scipy.special import gammainccinv, gammaincinv, ndtr

    normal = np.linspace(-REACH, REACH, PLACES)
    share = ndtr(-np.abs(normal))  # the smaller tail, so that none is lost beside one
    quantile = np.where(normal < 0, gammaincinv(looks, share), gammainccinv(looks, share))
    return torch.from_numpy((10 * np.log10(np.maximum(quantile / looks, LEAST))).astype(np.float32))


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
