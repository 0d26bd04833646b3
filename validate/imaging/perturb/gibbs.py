"""Ringing at edges: k-space was measured to a lower frequency than the matrix shows.

Frequencies above the share `kept` of the highest are zero, as after zero filling: the image is convolved with a sinc, and an
edge overshoots by 8.9% of its height whatever is kept (Gibbs 1899; Bernstein, King & Zhou 2004, Handbook of MRI Pulse Sequences, 13.1).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.kspace import to_image, to_kspace
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class Gibbs(Strength):
    """kept : share of the frequencies that are measured, along y and along x alike."""

    kept: Annotated[float, Field(gt=0, le=1)]


def ringing(stack: Stack, options: Gibbs, _draw: Draw) -> Stack:
    """A rectangle of k-space, as scanners measure it."""
    import torch

    kspace = to_kspace(stack.voxels)
    rows, columns = kspace.shape[2:4]
    y = (torch.arange(rows, device=kspace.device) - rows // 2).abs() <= options.kept * rows / 2
    x = (torch.arange(columns, device=kspace.device) - columns // 2).abs() <= options.kept * columns / 2
    return stack.having(to_image(kspace * (y[:, None] & x[None])[None, None, :, :, None]))


PERTURBATION = Perturbation(
    title="Gibbs ringing",
    suites=frozenset({"mr"}),
    OPTIONS=Gibbs,
    severities=tuple({"kept": kept} for kept in (0.8, 0.65, 0.5, 0.35, 0.25)),
    anchor="80 and 65% (partial phase resolution), 50% (interpolation to twice the matrix), 35 and 25% (perfusion and diffusion matrices)",
    strength="kept",
    unit="of k-space",
    validity="A sharp rectangle without the filter that scanners put over it, so ringing is at its worst.",
    source="Bernstein, King & Zhou 2004, Handbook of MRI Pulse Sequences, 13.1",
    change=ringing,
)  # fmt: skip
