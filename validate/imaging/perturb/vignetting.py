"""Darker corners: the illumination of a lens falls with the fourth power of the cosine of the angle.

E(θ) = E(0)·cos⁴θ, tan θ proportional to the distance from the middle (Kingslake 1992, Optics in Photography). `loss` is what is
gone in the corners.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.light import EXPONENT, relit
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class Vignetting(Strength):
    """loss : share of the light that is gone in the corners."""

    loss: Annotated[float, Field(ge=0, lt=1)]


def vignetted(stack: Stack, options: Vignetting, _draw: Draw) -> Stack:
    """About the middle of the image."""
    rows, columns = stack.voxels.shape[2:4]
    return relit(stack, _root(rows, columns, options.loss).to(stack.voxels.device))


@lru_cache(maxsize=8)
def _root(rows: int, columns: int, loss: float) -> Any:
    """(1, 1, y, x, 1) of what is left of the light."""
    import torch

    y, x = torch.linspace(-1, 1, rows)[:, None] * rows, torch.linspace(-1, 1, columns) * columns
    distance = (y**2 + x**2) / (rows**2 + columns**2)  # squared, 1 in the corners
    # cos⁴θ = (1 + tan²θ)⁻², and the corners have 1 - loss.
    tangent = (1 - loss) ** -0.5 - 1
    return (1 + tangent * distance).log_().mul_(-2 / EXPONENT).exp_().reshape(1, 1, rows, columns, 1)


PERTURBATION = Perturbation(
    title="Vignetting",
    suites=frozenset({"fundus", "dermoscopy"}),
    OPTIONS=Vignetting,
    severities=tuple({"loss": loss} for loss in (0.15, 0.3, 0.5, 0.7, 0.85)),
    anchor="15 and 30% in the corners (lenses), 50% (a small pupil), 70 and 85% (a wrong distance)",
    strength="loss",
    unit="of the light",
    validity="One cos⁴ fall about the middle; mechanical vignetting has harder borders.",
    source="Kingslake 1992, Optics in Photography",
    change=vignetted,
)  # fmt: skip
