"""Ringing at edges: k-space was measured to a lower frequency than the matrix shows.

Frequencies above the share `kept` of the highest are zero, as after zero filling: the image is convolved with a sinc, and an
edge overshoots by 8.9% of its height whatever is kept (Gibbs 1899; Bernstein, King & Zhou 2004, Handbook of MRI Pulse Sequences, 13.1).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class Gibbs(Strength):
    """kept : share of the frequencies that are measured, along y and along x alike."""

    kept: Annotated[float, Field(gt=0, le=1)]


def ringing(stack: Stack, options: Gibbs, _draw: Draw) -> Stack:
    """A rectangle of k-space, as scanners measure it."""
    import torch

    rows, columns = stack.voxels.shape[2:4]
    spectrum = torch.fft.rfft2(stack.voxels, dim=(2, 3))
    down, across = (
        int(options.kept * rows / 2),
        int(options.kept * columns / 2),
    )  # the highest of either direction that is kept
    spectrum[:, :, down + 1 : rows - down] = 0
    spectrum[:, :, :, across + 1 :] = 0
    return stack.having(torch.fft.irfft2(spectrum, s=(rows, columns), dim=(2, 3)).abs_())


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
