"""Receiver gain and time-gain compensation set otherwise.

The display is affine in dB, so a gain of G dB moves grey by G/range, and a slope of g dB over the depth by g·(depth - 1/2)/range
(Szabo 2014, Diagnostic Ultrasound Imaging, 2nd ed., ch. 10).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class Gain(Strength):
    """gain : dB, everywhere      slope : dB from the top of the image to its bottom      range : dB from black to white"""

    gain: float
    slope: float = 0.0
    range: Annotated[float, Field(gt=0)] = 60.0


def regained(stack: Stack, options: Gain, _draw: Draw) -> Stack:
    """What is black is outside of the sector, or holds no echo, and stays black."""
    import torch

    grey = stack.into_grey()
    depth = torch.linspace(-0.5, 0.5, grey.shape[2], device=grey.device).reshape(1, 1, -1, 1, 1)
    below = grey.clamp_max(0)
    lift = stack.lit(grey).mul_((options.gain + options.slope * depth) / options.range)
    return stack.shown(grey.add_(lift).clamp_(0, 1).add_(below))


PERTURBATION = Perturbation(
    title="Gain and TGC",
    suites=frozenset({"ultrasound"}),
    OPTIONS=Gain,
    severities=tuple(
        {"gain": gain, "slope": slope} for gain, slope in ((2.0, 2.0), (4.0, 4.0), (8.0, 8.0), (14.0, 14.0), (22.0, 20.0))
    ),
    anchor="2 and 4 dB (between sonographers), 8 dB (plainly too bright), 14 and 22 dB (saturated)",
    strength="gain",
    unit="dB",
    validity="A display of 60 dB that saturates at white; a gain that is too low is asked for with negative values.",
    source="Szabo 2014, Diagnostic Ultrasound Imaging, 2nd ed., ch. 10",
    change=regained,
)  # fmt: skip
