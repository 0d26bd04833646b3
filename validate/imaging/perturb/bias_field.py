"""Uneven sensitivity of receive coils: a smooth field that multiplies the image.

exp of a polynomial of third degree in x and y with random coefficients, scaled so that its extremes are 1 ± amplitude
apart in the sense max/min = (1 + a)/(1 - a) (Van Leemput et al. 1999, doi:10.1109/42.811268; TorchIO's RandomBiasField has
the same form).
"""

from __future__ import annotations

from itertools import product
from math import log
from typing import Annotated, Any

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack

DEGREE = 3


class BiasField(Strength):
    """amplitude : a, with max/min of the field (1 + a)/(1 - a)."""

    amplitude: Annotated[float, Field(ge=0, lt=1)]


def biased(stack: Stack, options: BiasField, draw: Draw) -> Stack:
    """The same field in every slice, of geometric middle 1."""
    logarithm = polynomial(stack.voxels.shape[2], stack.voxels.shape[3], draw).to(stack.voxels)
    low, high = logarithm.amin(dim=(1, 2), keepdim=True), logarithm.amax(dim=(1, 2), keepdim=True)
    wanted = log((1 + options.amplitude) / (1 - options.amplitude))
    scaled = logarithm.sub_(low).div_(high - low).sub_(0.5).mul_(wanted).exp_()
    return stack.having(stack.voxels.mul_(scaled[:, None, :, :, None]))


def polynomial(rows: int, columns: int, draw: Draw) -> Any:
    """(n, y, x) of random coefficients in coordinates from -1 to 1."""
    import torch

    y, x = torch.linspace(-1, 1, rows), torch.linspace(-1, 1, columns)
    powers = [(i, j) for i, j in product(range(DEGREE + 1), repeat=2) if 0 < i + j <= DEGREE]
    coefficients = draw.normal(len(powers)).cpu()
    table = torch.zeros(len(coefficients), DEGREE + 1, DEGREE + 1)
    for place, (i, j) in enumerate(powers):
        table[:, i, j] = coefficients[:, place]
    degrees = range(DEGREE + 1)
    return torch.stack([y**i for i in degrees], dim=1) @ table @ torch.stack([x**j for j in degrees])


PERTURBATION = Perturbation(
    title="Bias field",
    suites=frozenset({"mr"}),
    OPTIONS=BiasField,
    severities=tuple({"amplitude": amplitude} for amplitude in (0.1, 0.2, 0.3, 0.45, 0.6)),
    anchor="10 and 20% (corrected images at 1.5 and 3 T), 30% (uncorrected), 45 and 60% (surface coils, 7 T)",
    strength="amplitude",
    unit="of the mean",
    validity="A smooth factor in the plane, the same in all slices; noise is multiplied too, which in a scanner it is not.",
    source="Van Leemput et al. 1999, doi:10.1109/42.811268",
    change=biased,
)  # fmt: skip
