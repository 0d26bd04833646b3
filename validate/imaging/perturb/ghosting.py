"""Ghosts along the phase direction: something periodic modulates the lines of k-space.

If line k is multiplied by 1 + α·cos(2πk/N + φ), the image gets copies shifted by ± FOV/N, each of α/2 of its height (Wood & Henkelman
1985, "MR image artifacts from periodic motion", Med Phys 12:143-151).
"""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.kspace import lines, weighted_lines
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class Ghosting(Strength):
    """modulation : α      period : N, lines of k-space in one period, so ghosts lie a FOV/N away."""

    modulation: Annotated[float, Field(ge=0, le=2)]
    period: Annotated[int, Field(ge=2)] = 4


def ghosted(stack: Stack, options: Ghosting, draw: Draw) -> Stack:
    """Phase-encoded along y; where the motion begins is drawn."""
    start = draw.uniform(0, 2 * math.pi, 1)
    number = lines(stack.voxels.shape[2], stack.voxels)
    wave = 1 + options.modulation * (2 * math.pi * number / options.period + start).cos()
    return stack.having(weighted_lines(stack.voxels, wave))


PERTURBATION = Perturbation(
    title="Ghosting",
    suites=frozenset({"mr"}),
    OPTIONS=Ghosting,
    severities=tuple({"modulation": modulation} for modulation in (0.1, 0.2, 0.4, 0.7, 1.2)),
    anchor="ghosts of 5 and 10% (pulsation of vessels), 20% (breathing), 35 and 60% (uncorrected breathing, eddy currents of EPI)",
    strength="modulation",
    unit="α",
    validity="The whole slice is modulated; in a body only what moves throws ghosts.",
    source="Wood & Henkelman 1985, Med Phys 12:143-151",
    change=ghosted,
)  # fmt: skip
