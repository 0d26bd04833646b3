"""Another echo time: T2 weighting grows or shrinks.

S = M₀·exp(-TE/T2), so at TE' = q·TE the signal is M₀·(S/M₀)^q: exactly a power of the signal over its proton density. M₀ is taken as one
for all tissue, the image's 99.5th percentile (Bernstein, King & Zhou 2004, ch. 14).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.body import high_quantile
from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack

HIGH = 0.995


class ContrastShift(Strength):
    """ratio : q, new echo time over the old."""

    ratio: Annotated[float, Field(gt=0)]


def reweighted(stack: Stack, options: ContrastShift, _draw: Draw) -> Stack:
    """Magnitudes; what is negative counts as nothing."""
    flat = stack.voxels.reshape(stack.voxels.shape[0], -1)
    top = high_quantile(flat, HIGH).reshape(-1, 1, 1, 1, 1).clamp_min(1e-6)
    return stack.having(
        stack.voxels.div_(top).clamp_min_(0).log_().mul_(options.ratio).exp_().mul_(top)
    )  # a power, in half of its time


PERTURBATION = Perturbation(
    title="Contrast shift",
    suites=frozenset({"mr"}),
    OPTIONS=ContrastShift,
    severities=tuple({"ratio": ratio} for ratio in (1.1, 1.25, 1.5, 1.9, 2.5)),
    anchor="an echo time 10 and 25% longer (between makers), 50% (another protocol), 90 and 150% (another weighting)",
    strength="ratio",
    unit="of TE",
    validity="Right for T2 decay where all tissue has one proton density, which it has not; T1 weighting is not touched.",
    source="Bernstein, King & Zhou 2004, Handbook of MRI Pulse Sequences, ch. 14",
    change=reweighted,
)  # fmt: skip
