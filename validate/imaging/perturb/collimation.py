"""A narrower field: the collimator's blades cover the border, and the shutter is shown black.

Blades stand at a distance from the detector, so their edge is a penumbra of width p = focal spot · (SID - SFD)/SFD, some mm; here a
linear ramp (IEC 60601-1-3 on the limitation of the beam).
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class Collimation(Strength):
    """border : covered on each side, mm, drawn anew for each side between half of it and all      penumbra : mm"""

    border: Annotated[float, Field(gt=0)]
    penumbra: Annotated[float, Field(gt=0)] = 2.0


def collimated(stack: Stack, options: Collimation, draw: Draw) -> Stack:
    """Black outside the blades."""
    import torch

    _, y, x = stack.millimetres
    rows, columns = stack.voxels.shape[2:4]
    sides = draw.uniform(0.5, 1.0, 4) * options.border
    down = (torch.arange(rows, device=stack.voxels.device) + 0.5) * y
    across = (torch.arange(columns, device=stack.voxels.device) + 0.5) * x
    open_y = _open(down, rows * y, sides[:, 0], sides[:, 1], options.penumbra)
    open_x = _open(across, columns * x, sides[:, 2], sides[:, 3], options.penumbra)
    inside = stack.voxels.sub_(stack.black).mul_(open_y[:, None, :, None, None]).mul_(open_x[:, None, None, :, None])
    return stack.having(inside.add_(stack.black))


def _open(place: Any, whole: float, first: Any, last: Any, penumbra: float) -> Any:
    """(n, length) from 0 under a blade to 1 in the field."""
    import torch

    left = (place[None] - first[:, None]) / penumbra + 0.5
    right = (whole - last[:, None] - place[None]) / penumbra + 0.5
    return torch.minimum(left, right).clamp(0, 1)


PERTURBATION = Perturbation(
    title="Collimation border",
    suites=frozenset({"radiography", "mammography"}),
    OPTIONS=Collimation,
    severities=tuple({"border": border} for border in (5.0, 10.0, 20.0, 40.0, 60.0)),
    anchor="blades 5 mm in (tight but right) to 20 mm (common), 40 and 60 mm (anatomy is cut off)",
    strength="border",
    unit="mm",
    validity="The black border and what it hides; the scatter that a narrower field saves is left out. From severity 4 on a finding may "
    "itself be covered, and the reference still counts it.",
    source="IEC 60601-1-3 (limitation of the beam)",
    change=collimated,
    needs_spacing=True,
)  # fmt: skip
