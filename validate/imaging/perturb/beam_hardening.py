"""Cupping: a polychromatic beam hardens on its way, so the middle of a body reads too low.

The logarithm of a hardened beam lags behind the length of its path, to first order by a square: p' = p - b·p². In a round body of radius
R the reconstructed error is a paraboloid, -A·(1 - (r/R)²), with depth A in the middle and none at the border (Brooks & Di Chiro 1976,
"Beam hardening in X-ray reconstructive tomography", Phys Med Biol 21:390-398).
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from validate.imaging.perturb.body import body
from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class BeamHardening(Strength):
    """depth : A, HU in the middle of the body."""

    depth: Annotated[float, Field(ge=0)]


def cupped(stack: Stack, options: BeamHardening, _draw: Draw) -> Stack:
    """By the ellipse of the same moments as the body of each slice."""
    import torch

    inside = body(stack.voxels)
    rows, columns = inside.shape[2:4]
    y = torch.arange(rows, dtype=torch.float32, device=inside.device).reshape(1, 1, -1, 1, 1)
    x = torch.arange(columns, dtype=torch.float32, device=inside.device).reshape(1, 1, 1, -1, 1)
    # A full ellipse of half axes a and b has second moments a²/4 and b²/4.
    down, across = _ellipse(inside.sum(dim=3, keepdim=True), y, 2), _ellipse(inside.sum(dim=2, keepdim=True), x, 3)
    cup = (1 - down - across).clamp_min_(0)
    return stack.having(stack.voxels.sub_(inside.mul_(cup), alpha=options.depth))


def _ellipse(mass: Any, place: Any, axis: int) -> Any:
    """Squared distance from the middle over the squared half axis, along one axis; mass : of the body at each place of it."""
    whole = mass.sum(dim=axis, keepdim=True).clamp_min(1)
    from_middle = place - (mass * place).sum(dim=axis, keepdim=True) / whole
    spread = (mass * from_middle**2).sum(dim=axis, keepdim=True) / whole
    return from_middle**2 / (4 * spread).clamp_min(1)


PERTURBATION = Perturbation(
    title="Beam hardening",
    suites=frozenset({"ct"}),
    OPTIONS=BeamHardening,
    severities=tuple({"depth": depth} for depth in (5.0, 10.0, 20.0, 40.0, 80.0)),
    anchor="5 and 10 HU (a good water correction), 20 (a poor one), 40 and 80 (none, in a head or a large abdomen)",
    strength="depth",
    unit="HU",
    validity="Cupping of a body that is about an ellipse of water; dark bands between bones or contrast are left out. Lungs are outside of "
    "the body and keep their HU.",
    source="Brooks & Di Chiro 1976, Phys Med Biol 21:390-398",
    change=cupped,
)  # fmt: skip
