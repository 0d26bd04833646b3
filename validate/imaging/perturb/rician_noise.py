"""Thermal noise of an MR receiver in a magnitude image.

Both channels carry normal noise of σ = S/SNR, S the mean signal of tissue, and the magnitude is M = √((A + n₁)² + n₂²): Rician, with mean
σ·√(π/2) and variance (2 - π/2)·σ² where there is no signal (Gudbjartsson & Patz 1995, doi:10.1002/mrm.1910340618).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.body import tissue_mean
from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class RicianNoise(Strength):
    """snr : mean of tissue over σ of one channel, of the noise that is added."""

    snr: Annotated[float, Field(gt=0)]


def noisier(stack: Stack, options: RicianNoise, draw: Draw) -> Stack:
    """One channel of a single coil."""
    sigma = draw.kept(lambda: tissue_mean(stack.voxels)) / options.snr
    shape = stack.voxels.shape[1:]
    real = stack.voxels.addcmul_(draw.normal(*shape), sigma)
    other = draw.normal(*shape).mul_(sigma)
    return stack.having(real.square_().add_(other.square_()).sqrt_())


PERTURBATION = Perturbation(
    title="Rician noise",
    suites=frozenset({"mr"}),
    OPTIONS=RicianNoise,
    severities=tuple({"snr": snr} for snr in (40.0, 25.0, 15.0, 9.0, 5.0)),
    anchor="added noise of SNR 40 and 25 (3 T to 1.5 T), 15 (a fast protocol), 9 (low field), 5 (a broken coil element)",
    strength="snr",
    unit="SNR",
    validity="A single coil with white noise; parallel imaging, whose noise grows in the middle, and filters of the scanner are left out.",
    source="Gudbjartsson & Patz 1995, doi:10.1002/mrm.1910340618",
    change=noisier,
)  # fmt: skip
