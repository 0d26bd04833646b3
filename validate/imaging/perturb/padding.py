"""More black around the body: a larger matrix that shows nothing more.

Rows and columns of black are added on all sides alike; the affine moves, so that every pixel stays where it was in the patient (DICOM PS3.3
C.7.5.1.1.2, Pixel Padding Value). Used where the output must not move.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.crop import begun_at
from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class Padding(Strength):
    """share : of each side that is added before it and behind it."""

    share: Annotated[float, Field(gt=0, le=1)]


def padded(stack: Stack, options: Padding, _draw: Draw) -> Stack:
    """Black."""
    n, z, rows, columns, c = stack.voxels.shape
    top, left = max(round(rows * options.share), 1), max(round(columns * options.share), 1)
    out = stack.black.expand(n, z, rows + 2 * top, columns + 2 * left, c).clone()
    out[:, :, top : top + rows, left : left + columns] = stack.voxels
    return replace(stack, given=out, affines=tuple(begun_at(affine, (-left, -top)) for affine in stack.affines))


PERTURBATION = Perturbation(
    title="Padding",
    suites=frozenset(),
    OPTIONS=Padding,
    severities=tuple({"share": share} for share in (0.01, 0.02, 0.05, 0.1, 0.2)),
    anchor="1 to 20% of each side: what viewers and exports add",
    strength="share",
    unit="of the side",
    validity="A model that crops or looks at scale sees smaller anatomy after its own resizing; a large share moves such models.",
    source="DICOM PS3.3 C.7.5.1.1.2 (pixel padding)",
    change=padded,
)  # fmt: skip
