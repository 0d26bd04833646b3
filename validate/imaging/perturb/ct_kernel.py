"""Another reconstruction kernel: sharper or smoother, with the noise that goes with it.

A kernel multiplies every frequency of the image. Relative to the one used, T(ν) = 1 + g·(1 - exp(-(ν/ν₀)²)): g > 0 lifts edges and
noise alike, as from a soft-tissue to a lung kernel; -1 < g < 0 smooths. Slow variations (T(0) = 1) and so mean HU stay (Boedeker
et al. 2004, Radiology 232:295-301, and Schaller et al. 2003, IEEE Trans Med Imaging 22:846-853, who turn one into another so).
"""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.filters import gaussian
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class CtKernel(Strength):
    """gain : g, of the highest frequencies; 0 changes nothing      corner : ν₀, cycles/mm"""

    gain: Annotated[float, Field(gt=-1)]
    corner: Annotated[float, Field(gt=0)] = 0.4


def rekernelled(stack: Stack, options: CtKernel, _draw: Draw) -> Stack:
    """In the plane of each slice."""
    _, y, x = stack.millimetres
    sigma = 1 / (math.sqrt(2) * math.pi * options.corner)  # mm, of the Gaussian whose transfer is exp(-(ν/ν₀)²)
    smooth = gaussian(stack.voxels, (sigma / y, sigma / x))
    return stack.having(stack.voxels.mul_(1 + options.gain).sub_(smooth, alpha=options.gain))


PERTURBATION = Perturbation(
    title="CT kernel",
    suites=frozenset({"ct"}),
    OPTIONS=CtKernel,
    severities=tuple({"gain": gain} for gain in (0.25, 0.6, 1.2, 2.5, 5.0)),
    anchor="a gain of 0.25 and 0.6 (neighbouring kernels of one maker), 1.2 (standard to sharp), 2.5 and 5 (soft tissue to lung or bone)",
    strength="gain",
    unit="gain",
    validity="A linear filter on the finished image; frequencies that the first kernel has removed do not come back.",
    source="Schaller et al. 2003, IEEE Trans Med Imaging 22:846-853",
    change=rekernelled,
    needs_spacing=True,
)  # fmt: skip
