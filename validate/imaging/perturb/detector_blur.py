"""A softer detector: an added modulation transfer that has fallen to one half at a spatial frequency.

MTF(f) = exp(-2π²σ²f²) with σ = √(ln 2 / 2) / (π·f50), which is a Gaussian of σ mm in the image. It multiplies the MTF that the
image already has, as a thicker scintillator, a larger focal spot or a coarser reader would (Samei et al. 1998, "A method for
measuring the presampled MTF of digital radiographic systems using an edge test device", Med Phys 25:102-113).
"""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.filters import gaussian
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class DetectorBlur(Strength):
    """f50 : cycles a mm at which the added MTF is one half; lower is softer."""

    f50: Annotated[float, Field(gt=0)]


def sigma_of(f50: float) -> float:
    """Standard deviation in mm of the Gaussian whose MTF is one half at f50."""
    return math.sqrt(math.log(2) / 2) / (math.pi * f50)


def softer(stack: Stack, options: DetectorBlur, _draw: Draw) -> Stack:
    """Blurred in the plane."""
    _, y, x = stack.millimetres
    sigma = sigma_of(options.f50)
    return stack.having(gaussian(stack.voxels, (sigma / y, sigma / x)))


PERTURBATION = Perturbation(
    title="Detector blur",
    suites=frozenset({"radiography", "mammography"}),
    OPTIONS=DetectorBlur,
    severities=tuple({"f50": f50} for f50 in (3.0, 1.5, 0.8, 0.4, 0.2)),
    anchor="added MTF of one half at 3 cycles/mm (another flat panel), 1.5 (computed radiography), 0.8 (a worn plate), 0.4 and 0.2 (out "
    "of order)",
    strength="f50",
    unit="cycles/mm",
    validity="A Gaussian MTF on the presented image; noise that reached the detector is blurred too, noise of the read-out should not "
    "be and is.",
    source="Samei et al. 1998, Med Phys 25:102-113",
    change=softer,
    needs_spacing=True,
)  # fmt: skip
