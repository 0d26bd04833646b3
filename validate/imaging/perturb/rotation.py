"""The patient or the plate was turned: a rotation in the plane of the image.

x' = R(φ)·x about the middle of the field, φ of a drawn sign; corners that come from outside are black (bilinear sampling).
Positioning is a criterion of quality of its own (European guidelines on quality criteria for diagnostic radiographic images, EUR 16260).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.placed import turned
from validate.imaging.perturb.stack import Stack


class Rotation(Strength):
    """degrees : to one side or the other."""

    degrees: Annotated[float, Field(ge=0, le=180)]


def rotated(stack: Stack, options: Rotation, draw: Draw) -> Stack:
    """By this angle exactly."""
    import torch

    sign = torch.tensor([1.0 - 2.0 * side for side in draw.whole(2)], device=stack.voxels.device)
    return turned(stack, sign * options.degrees)


PERTURBATION = Perturbation(
    title="Rotation",
    suites=frozenset({"any"}),
    OPTIONS=Rotation,
    severities=tuple({"degrees": degrees} for degrees in (2.0, 5.0, 10.0, 20.0, 45.0)),
    anchor="2 and 5° (usual positioning), 10° (a patient who can't lie straight), 20 and 45° (a wrong plate)",
    strength="degrees",
    unit="°",
    validity="Turned in the plane of the image with bilinear sampling, which smooths a little; a turn of the body itself is another thing.",
    source="European guidelines on quality criteria for diagnostic radiographic images, EUR 16260 (positioning)",
    change=rotated,
)  # fmt: skip
