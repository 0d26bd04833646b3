"""Scattered radiation, as without a grid or with a wrong one: a veil over the primary image.

With the scatter fraction s = S/(S+P), the detector sees I' = (1 - s)·P + s·(P ∗ k), k a wide kernel of unit area: the field's mean
stays, and a small detail keeps the share 1 - s of its contrast (Boone & Seibert 1988, "An analytical model of the scattered
radiation distribution in diagnostic radiology", Med Phys 15:721-725). Grey is affine in -log10(I) over `decades`.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.filters import gaussian
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack

LEAST = 1e-4  # of the open field, under which nothing is told apart


class Scatter(Strength):
    """fraction : of the signal that is added scatter      spread : standard deviation of the kernel, mm
    decades : of exposure from black to white
    """

    fraction: Annotated[float, Field(ge=0, lt=1)]
    spread: Annotated[float, Field(gt=0)] = 30.0
    decades: Annotated[float, Field(gt=0)] = 1.5


def veiled(stack: Stack, options: Scatter, _draw: Draw) -> Stack:
    """Primary and its own blur, mixed where signals add up."""
    import torch

    _, y, x = stack.millimetres
    decades = options.decades * math.log(10)
    primary = stack.into_grey().mul_(-decades).exp_()
    # So wide a kernel is applied to a coarse copy: it holds no detail that the copy lacks.
    n, z, rows, columns, c = primary.shape
    step = max(int(options.spread / max(y, x) / 4), 1)
    flat = primary.movedim(-1, 2).reshape(n * z * c, 1, rows, columns)
    small = torch.nn.functional.avg_pool2d(flat, step, ceil_mode=True, count_include_pad=False)
    wide = gaussian(small[:, :, :, :, None], (options.spread / (y * step), options.spread / (x * step)))[..., 0]
    down, across = (_between(coarse, fine, wide) for coarse, fine in zip(wide.shape[2:], (rows, columns), strict=True))
    veil = (down.t() @ wide @ across).reshape(n, z, c, rows, columns).movedim(2, -1)
    mixed = primary.mul_(1 - options.fraction).add_(veil, alpha=options.fraction)
    return stack.shown(mixed.clamp_min_(LEAST).log_().div_(-decades))


def _between(coarse: int, fine: int, like: Any) -> Any:
    """(coarse, fine) weights of linear interpolation: along both axes that is a product of matrices, quicker than pixel by pixel."""
    import torch

    corners = torch.eye(coarse, device=like.device, dtype=like.dtype)[None]
    return torch.nn.functional.interpolate(corners, size=fine, mode="linear", align_corners=False)[0]


PERTURBATION = Perturbation(
    title="Scatter",
    suites=frozenset({"radiography", "mammography"}),
    OPTIONS=Scatter,
    severities=tuple({"fraction": fraction} for fraction in (0.1, 0.2, 0.35, 0.5, 0.7)),
    anchor="added scatter fraction 0.1 (another grid) to 0.5 (a chest without a grid) and 0.7 (a large patient without one)",
    strength="fraction",
    unit="of the signal",
    validity="Contrast is lost as scatter takes it; the noise that scatter brings is not added, and no processing restores the contrast, "
    "as a scanner's own would in part.",
    source="Boone & Seibert 1988, Med Phys 15:721-725",
    change=veiled,
    needs_spacing=True,
)  # fmt: skip
