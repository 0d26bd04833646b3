"""Uneven light over the field: a lamp or a pupil that is off the axis.

Light falls by `stops` (factors of two) from one side of the field to the other, in a direction drawn for each image; its middle
stays. It multiplies light, not stored values (IEC 61966-2-1; Foracchia et al. 2005, Med Image Anal 9:179-190, on fundus luminosity).
"""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.light import EXPONENT, relit
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class Illumination(Strength):
    """stops : factors of two from the brightest side to the darkest."""

    stops: Annotated[float, Field(ge=0)]


def uneven(stack: Stack, options: Illumination, draw: Draw) -> Stack:
    """A slope across the image."""
    import torch

    rows, columns = stack.voxels.shape[2:4]
    y = torch.linspace(-0.5, 0.5, rows, device=stack.voxels.device).reshape(1, 1, -1, 1, 1)
    x = torch.linspace(-0.5, 0.5, columns, device=stack.voxels.device).reshape(1, 1, 1, -1, 1)
    angle = draw.column(0, 2 * math.pi)
    steep = options.stops / EXPONENT / torch.maximum(angle.sin().abs(), angle.cos().abs())
    # The exponential of a slope is one along y times one along x.
    return relit(stack, torch.exp2(steep * angle.sin() * y) * torch.exp2(steep * angle.cos() * x))


PERTURBATION = Perturbation(
    title="Illumination",
    suites=frozenset({"fundus", "dermoscopy"}),
    OPTIONS=Illumination,
    severities=tuple({"stops": stops} for stops in (0.3, 0.7, 1.2, 2.0, 3.0)),
    anchor="0.3 and 0.7 stops (usual), 1.2 (a small pupil, a tilted dermatoscope), 2 and 3 (an image that graders reject)",
    strength="stops",
    unit="stops",
    validity="A linear slope of light; glare and shadows with borders are left out.",
    source="Foracchia, Grisan & Ruggeri 2005, Med Image Anal 9:179-190",
    change=uneven,
)  # fmt: skip
