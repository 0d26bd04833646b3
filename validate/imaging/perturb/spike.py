"""A spark during read-out: one point of k-space is far too large, and a stripe lies over the image.

A spike of height h·|k|max at one place adds a plane wave whose peak is h times the mean of the image (the middle of k-space over
√N); in the magnitude image it is a stripe pattern (Bernstein, King & Zhou 2004; TorchIO's RandomSpike has the same form).
"""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class Spike(Strength):
    """height : of the spike, in heights of the middle of k-space."""

    height: Annotated[float, Field(ge=0)]


def struck(stack: Stack, options: Spike, draw: Draw) -> Stack:
    """One spike in each slice, at the same place outside of the middle."""
    voxels = stack.voxels
    rows, columns = voxels.shape[2:4]
    angle, distance = draw.uniform(0, math.pi, 1), draw.uniform(0.08, 0.3, 1)
    # One point of k-space is one plane wave, so |v + w·exp(iφ)| = √(v² + 2·v·w·cos φ + w²) needs no transform.
    down = _phase((distance * angle.sin() * rows).round(), rows)
    across = _phase((distance * angle.cos() * columns).round(), columns)
    wave = down.cos()[:, None, :, None, None] * across.cos()[:, None, None, :, None]
    wave.sub_(down.sin()[:, None, :, None, None] * across.sin()[:, None, None, :, None])
    height = voxels.mean(dim=(2, 3), keepdim=True).abs_().mul_(options.height)
    cross = (wave * (2 * height)).mul_(voxels)
    return stack.having(voxels.square_().add_(cross).add_(height.square()).clamp_min_(0).sqrt_())


def _phase(waves: Any, size: int) -> Any:
    """(n, size) of a wave that has so many periods in the image; (n, 1)."""
    import torch

    return (2 * math.pi / size) * waves * torch.arange(size, device=waves.device)


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
