"""A faster scan: only every R-th line of k-space outside of a fully measured middle.

Lines left out are zero. A regular pattern alone is a comb, whose transform is a comb: the image folds into R copies a FOV/R apart,
each of 1/R of its height (Bernstein, King & Zhou 2004, 13.3; Zbontar et al. 2018, arXiv:1811.08839, for the pattern with a full middle).
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.kspace import lines, masked_lines
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class Undersampling(Strength):
    """acceleration : R outside of the middle      centre : share of the lines in the middle that are all measured"""

    acceleration: Annotated[int, Field(ge=1)]
    centre: Annotated[float, Field(ge=0, le=1)] = 0.16


def kept(number: Any, options: Undersampling) -> Any:
    """Which lines are measured."""
    return (number % options.acceleration == 0) | (number.abs() <= options.centre * number.numel() / 2)


def undersampled(stack: Stack, options: Undersampling, _draw: Draw) -> Stack:
    """Zero-filled: what a scanner would show before it unfolds."""
    number = lines(stack.voxels.shape[2], stack.voxels)
    return stack.having(masked_lines(stack.voxels, kept(number, options).to(stack.voxels.dtype)))


PERTURBATION = Perturbation(
    title="Undersampling",
    suites=frozenset({"mr"}),
    OPTIONS=Undersampling,
    severities=tuple(
        {"acceleration": acceleration, "centre": centre}
        for acceleration, centre in ((2, 0.4), (2, 0.24), (3, 0.16), (4, 0.08), (6, 0.06))
    ),
    anchor="R 2 with a wide middle (residual folding) to R 3 and 4 (a failed unfolding), R 6 (far beyond clinical use)",
    strength="acceleration",
    unit="R",
    validity="Zero-filled without any unfolding: parallel imaging leaves far less of this at the same R. It imitates failed unfolding.",
    source="Zbontar et al. 2018, arXiv:1811.08839",
    change=undersampled,
)  # fmt: skip
