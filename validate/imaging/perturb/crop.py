"""A part of the image alone: border cut off, and the matrix smaller.

Rows and columns beyond a window of the share `kept` of each side are gone; the window lies anywhere in the image, drawn for each. The
affine moves with it, so that what is left stays where it was in the patient (DICOM PS3.3 C.7.6.2.1.1, Image Position).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class Crop(Strength):
    """kept : share of each side."""

    kept: Annotated[float, Field(gt=0, le=1)]


def cropped(stack: Stack, options: Crop, draw: Draw) -> Stack:
    """The size is the same for all images of one size."""
    import torch

    rows, columns = stack.voxels.shape[2:4]
    size = (max(round(rows * options.kept), 1), max(round(columns * options.kept), 1))
    places = draw.uniform(0, 1, 2).cpu()
    kept, affines = [], []
    for place, affine in enumerate(stack.affines):
        top = round(float(places[place, 0]) * (rows - size[0]))
        left = round(float(places[place, 1]) * (columns - size[1]))
        kept.append(stack.voxels[place, :, top : top + size[0], left : left + size[1]])
        affines.append(begun_at(affine, (left, top)))
    return replace(stack, given=torch.stack(kept), affines=tuple(affines))


def begun_at(affine: NDArray[np.float64] | None, place: tuple[int, int]) -> NDArray[np.float64] | None:
    """The affine of an image whose first pixel was at (x, y) of the old one."""
    if affine is None:
        return None
    moved = affine.copy()
    moved[:3, 3] += affine[:3, :3] @ np.array([*place, 0.0])
    return moved


PERTURBATION = Perturbation(
    title="Crop",
    suites=frozenset({"any"}),
    OPTIONS=Crop,
    severities=tuple({"kept": kept} for kept in (0.97, 0.92, 0.85, 0.75, 0.6)),
    anchor="97 and 92% of each side (borders), 85% (a tight export), 75 and 60% (a part of the organ)",
    strength="kept",
    unit="of each side",
    validity="Pixels keep their size, the matrix shrinks; a finding may be cut off, and the reference still counts it.",
    source="DICOM PS3.3 C.7.6.3 (rows and columns of what is exported)",
    change=cropped,
)  # fmt: skip
