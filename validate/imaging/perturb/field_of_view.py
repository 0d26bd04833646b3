"""A smaller field of view: what lies outside is not reconstructed, and a body that reaches beyond it is too bright at the rim.

Projections that are cut off at radius R make filtered back-projection see a step there: values rise towards the rim, about as
h·(r/R)^n (Ohnesorge et al. 2000, "Efficient correction for CT image artifacts caused by objects extending outside the scan field of
view", Med Phys 27:39-46, on measured rims of several hundred HU without correction).
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from validate.imaging.perturb.body import body
from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack

OUTSIDE = -1024.0  # HU
STEEPNESS = 12


class FieldOfView(Strength):
    """lost : of the field's radius, mm      rim : excess at the rim, HU, where tissue is cut off"""

    lost: Annotated[float, Field(gt=0)]
    rim: Annotated[float, Field(ge=0)] = 150.0


def truncated(stack: Stack, options: FieldOfView, _draw: Draw) -> Stack:
    """Round, about the middle of the image."""
    import torch

    _, y, x = stack.millimetres
    rows, columns = stack.voxels.shape[2:4]
    down = (torch.arange(rows, device=stack.voxels.device) - (rows - 1) / 2)[:, None] * y
    across = (torch.arange(columns, device=stack.voxels.device) - (columns - 1) / 2)[None] * x
    whole = min(rows * y, columns * x) / 2
    squared = (down**2 + across**2).div_(max(whole - options.lost, min(y, x)) ** 2)[None, None, :, :, None]
    outside = (squared > 1).to(stack.voxels.dtype)
    inside = body(stack.voxels)
    cut = (inside * outside).amax(dim=(2, 3), keepdim=True)
    rim = _power(squared.clamp_max_(1), STEEPNESS // 2).mul_(options.rim) * cut
    field = 1 - outside
    return stack.having(stack.voxels.add_(inside.mul_(rim)).mul_(field).add_(outside, alpha=OUTSIDE))


def _power(values: Any, whole: int) -> Any:
    """By multiplications, which are far quicker than a power."""
    found = values.clone()
    for _ in range(whole - 1):
        found.mul_(values)
    return found


PERTURBATION = Perturbation(
    title="Field of view",
    suites=frozenset({"ct"}),
    OPTIONS=FieldOfView,
    severities=tuple({"lost": lost} for lost in (10.0, 20.0, 40.0, 60.0, 90.0)),
    anchor="10 and 20 mm of the radius (arms or skin cut off), 40 to 90 mm (a field planned for another organ)",
    strength="lost",
    unit="mm",
    validity="A round field about the middle with a bright rim; the grid stays, so pixels do not become smaller as they would.",
    source="Ohnesorge et al. 2000, Med Phys 27:39-46",
    change=truncated,
    needs_spacing=True,
)  # fmt: skip
