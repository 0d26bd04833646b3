"""Another lamp, or another white balance: channels of light are multiplied apart.

Planck's law at the channels' wavelengths (red 600, green 540, blue 450 nm) gives the light of a black body at T; relative to the
reference lamp each channel is multiplied by the ratio, and the whole is scaled to keep green (von Kries adaptation that is not done;
Wyszecki & Stiles 2000, Color Science, 2nd ed., ch. 1).
"""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.light import EXPONENT, relit
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack
from validate.imaging.volume import DecodeFailure

WAVELENGTHS = (600e-9, 540e-9, 450e-9)  # m
SECOND = 1.438777e-2  # m·K, second radiation constant


class ColourTemperature(Strength):
    """kelvin : of the lamp      reference : of the one that the image was balanced for"""

    kelvin: Annotated[float, Field(ge=1500, le=20000)]
    reference: Annotated[float, Field(ge=1500, le=20000)] = 6500.0


def gains(kelvin: float, reference: float) -> tuple[float, float, float]:
    """Of red, green and blue, green 1."""
    red, green, blue = (
        math.expm1(SECOND / (wave * reference)) / math.expm1(SECOND / (wave * kelvin)) for wave in WAVELENGTHS
    )
    return red / green, 1.0, blue / green


def tinted(stack: Stack, options: ColourTemperature, _draw: Draw) -> Stack:
    """Colour images only."""
    import torch

    if stack.voxels.shape[4] != 3:
        raise DecodeFailure("perturb:no_colour", "A grey image has no colour temperature.")
    factor = torch.tensor(gains(options.kelvin, options.reference), device=stack.voxels.device)
    return relit(stack, (factor ** (1 / EXPONENT)).reshape(1, 1, 1, 1, 3))


PERTURBATION = Perturbation(
    title="Colour temperature",
    suites=frozenset({"fundus", "dermoscopy"}),
    OPTIONS=ColourTemperature,
    severities=tuple({"kelvin": kelvin} for kelvin in (6000.0, 5400.0, 4600.0, 3800.0, 3000.0)),
    anchor="6000 and 5400 K (between cameras), 4600 K (another flash), 3800 and 3000 K (a halogen lamp without white balance)",
    strength="kelvin",
    unit="K",
    validity="Three narrow channels and black bodies; LEDs and camera matrices mix channels, which this does not.",
    source="Wyszecki & Stiles 2000, Color Science, 2nd ed., ch. 1",
    change=tinted,
)  # fmt: skip
