"""A lower tube current: more noise of the colour that filtered back-projection gives it.

Noise variance goes as 1/dose, so at the fraction f of the dose noise of variance σ²·(1/f - 1) is added. Back-projection filters white
projection noise by a ramp and an apodising window, so its power is |ν|·exp(-(ν/ν₀)²) up to a factor (Riederer, Pelc & Chesler 1978,
"The noise power spectrum in computed X-ray tomography", Phys Med Biol 23:446-454; Solomon, Christianson & Samei 2012, Med Phys
39:6048-6055, on measured spectra).
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from validate.imaging.perturb.draw import Draw, Source
from validate.imaging.perturb.filters import coloured
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class CtDose(Strength):
    """fraction : of the dose that the image was made with      noise : of that image in soft tissue, HU
    cut_off : ν₀ of the kernel, cycles/mm
    """

    fraction: Annotated[float, Field(gt=0, le=1)]
    noise: Annotated[float, Field(gt=0)] = 12.0
    cut_off: Annotated[float, Field(gt=0)] = 0.35


def power(frequency: Any, cut_off: float) -> Any:
    """Of the noise, up to a factor."""
    return frequency * (-((frequency / cut_off) ** 2)).exp()


def noisier(stack: Stack, options: CtDose, draw: Draw) -> Stack:
    """Noise that knows no neighbour slice."""
    _, y, x = stack.millimetres
    sigma = options.noise * (1 / options.fraction - 1) ** 0.5
    return stack.having(
        stack.voxels.add_(draw.made(_noise, *stack.voxels.shape[1:4], y, x, options.cut_off), alpha=sigma)
    )


def _noise(source: Source, slices: int, rows: int, columns: int, y: float, x: float, cut_off: float) -> Any:
    """(z, y, x, 1) of unit variance; on the processor, where noise is drawn, and once for all severities."""
    import torch

    white = torch.from_numpy(source.standard_normal((slices, rows, columns), dtype=np.float32))
    return coloured(white, (y, x), lambda frequency: power(frequency, cut_off))[..., None].numpy()


PERTURBATION = Perturbation(
    title="CT dose",
    suites=frozenset({"ct"}),
    OPTIONS=CtDose,
    severities=tuple({"fraction": fraction} for fraction in (0.75, 0.5, 0.25, 0.125, 0.06)),
    anchor="three quarters and half of the dose (between hospitals), a quarter (a low-dose protocol), an eighth and 6% (screening and "
    "attenuation-correction scans)",
    strength="fraction",
    unit="of the dose",
    validity="Stationary noise of a filtered back-projection; it does not grow along dense paths, has no streaks of photon starvation, and "
    "is not what iterative or learned reconstruction leaves. The noise of the image at hand is assumed, not measured.",
    source="Riederer, Pelc & Chesler 1978, Phys Med Biol 23:446-454",
    change=noisier,
    needs_spacing=True,
)  # fmt: skip
