"""The part was not centred: a shift in the plane of the image.

x' = x + d, d of a drawn direction; what comes from outside is black (bilinear sampling). Positioning is a criterion
of quality of its own (European guidelines on quality criteria for diagnostic radiographic images, EUR 16260).
"""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.placed import slid
from validate.imaging.perturb.stack import Stack


class Translation(Strength):
    """share : of the shorter side of the image."""

    share: Annotated[float, Field(ge=0, le=1)]


def shifted(stack: Stack, options: Translation, draw: Draw) -> Stack:
    """By this distance exactly."""
    angle = draw.uniform(0, 2 * math.pi, 1)[:, 0]
    distance = options.share * min(stack.voxels.shape[2:4])
    return slid(stack, (distance * angle.sin(), distance * angle.cos()))


PERTURBATION = Perturbation(
    title="Translation",
    suites=frozenset({"any"}),
    OPTIONS=Translation,
    severities=tuple({"share": share} for share in (0.02, 0.05, 0.1, 0.2, 0.35)),
    anchor="2 and 5% of the side (usual), 10% (off centre), 20 and 35% (anatomy is cut off)",
    strength="share",
    unit="of the side",
    validity="Shifted within the matrix; from severity 4 on a finding may lie outside, and the reference still counts it.",
    source="European guidelines on quality criteria for diagnostic radiographic images, EUR 16260 (positioning)",
    change=shifted,
)  # fmt: skip
