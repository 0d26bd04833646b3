"""Slices that never arrived: a transfer that broke off, or frames lost in between.

The series is shorter: each slice is lost with the probability `share`, never fewer than two are left, and neighbours close the gap,
as a reader that trusts the order of the files sees it (DICOM PS3.4 on storage commitment, which would notice).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class MissingSlices(Strength):
    """share : of the slices; as many are lost of every series of one length, which ones is drawn."""

    share: Annotated[float, Field(ge=0, lt=1)]


def gapped(stack: Stack, options: MissingSlices, draw: Draw) -> Stack:
    """The rest, in order."""
    import torch

    slices = stack.voxels.shape[1]
    left = max(slices - round(options.share * slices), 2)
    order = draw.uniform(0, 1, slices).argsort(dim=1)[:, :left].sort(dim=1).values
    kept = stack.voxels.new_empty((len(order), left, *stack.voxels.shape[2:]))
    for one, chosen, out in zip(stack.voxels, order, kept, strict=True):
        torch.index_select(one, 0, chosen, out=out)
    return replace(stack, given=kept)


PERTURBATION = Perturbation(
    title="Missing slices",
    suites=frozenset({"any"}),
    OPTIONS=MissingSlices,
    severities=tuple({"share": share} for share in (0.02, 0.05, 0.1, 0.25, 0.5)),
    anchor="2 and 5% (single losses), 10% (a bad line), 25 and 50% (a transfer that broke off)",
    strength="share",
    unit="of the slices",
    validity="For series of several slices only. The geometry in the header no longer fits, as in a real loss that nobody noticed.",
    source="DICOM PS3.4 J (storage commitment)",
    change=gapped,
    least_slices=3,
)  # fmt: skip
