"""A spark during read-out: one point of k-space is far too large, and a stripe lies over the image.

A spike of height h·|k|max at one place adds a plane wave whose peak is h times the mean of the image (the middle of k-space over
√N); in the magnitude image it is a stripe pattern (Bernstein, King & Zhou 2004; TorchIO's RandomSpike has the same form).
"""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.kspace import to_image, to_kspace
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class Spike(Strength):
    """height : of the spike, in heights of the middle of k-space."""

    height: Annotated[float, Field(ge=0)]


def struck(stack: Stack, options: Spike, draw: Draw) -> Stack:
    """One spike in each slice, at the same place outside of the middle."""
    import torch

    kspace = to_kspace(stack.voxels)
    rows, columns = kspace.shape[2:4]
    angle, distance = draw.uniform(0, math.pi, 1)[:, 0], draw.uniform(0.08, 0.3, 1)[:, 0]
    for place in range(len(kspace)):
        y = int(rows // 2 + round(float(distance[place] * torch.sin(angle[place])) * rows))
        x = int(columns // 2 + round(float(distance[place] * torch.cos(angle[place])) * columns))
        middle = kspace[place, :, rows // 2, columns // 2].abs()
        kspace[place, :, y % rows, x % columns] += options.height * middle
    return stack.having(to_image(kspace))


PERTURBATION = Perturbation(
    title="Spike",
    suites=frozenset({"mr"}),
    OPTIONS=Spike,
    severities=tuple({"height": height} for height in (0.05, 0.1, 0.25, 0.5, 1.0)),
    anchor="stripes of 5 and 10% of the mean (hardly seen), 25% (plain), 50 and 100% (a loose connector)",
    strength="height",
    unit="of the centre",
    validity="One spike a slice; several, or a burst over a line, give other patterns.",
    source="Bernstein, King & Zhou 2004, Handbook of MRI Pulse Sequences",
    change=struck,
)  # fmt: skip
