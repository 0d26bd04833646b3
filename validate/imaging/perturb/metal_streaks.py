"""Streaks from metal: rays through an implant carry a wrong value, and back-projection lays it along each of them.

An error e(θ) of the rays through one point, back-projected over θ, is in polar coordinates about it f(r, φ) = e(φ + 90°)/(π·r): bright and
dark streaks that fall as 1/r (De Man et al. 1999, "Metal streak artifacts in X-ray computed tomography: a simulation study", IEEE
Trans Nucl Sci 46:691-696). e is drawn for each of `views` directions and interpolated; opposite directions are one ray.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack

METAL = 3000.0  # HU, where scanners clip
FINE = 256  # places between two directions
AT = 20.0  # mm from the metal, where the amplitude is told


class MetalStreaks(Strength):
    """amplitude : standard deviation of the streaks 20 mm from the metal, HU      radius : of the metal, mm
    views : independent directions in half a turn
    """

    amplitude: Annotated[float, Field(ge=0)]
    radius: Annotated[float, Field(gt=0)] = 4.0
    views: Annotated[int, Field(ge=8)] = 90


def streaked(stack: Stack, options: MetalStreaks, draw: Draw) -> Stack:
    """One round implant somewhere in the middle half of the field, the same place in every slice."""
    import torch

    _, y, x = stack.millimetres
    rows, columns = stack.voxels.shape[2:4]
    place = draw.uniform(0.25, 0.75, 2)
    errors = draw.normal(options.views)
    down = (torch.arange(rows, device=stack.voxels.device)[None] - place[:, :1] * rows) * y
    across = (torch.arange(columns, device=stack.voxels.device)[None] - place[:, 1:] * columns) * x
    squared = down[:, :, None] ** 2 + across[:, None, :] ** 2
    streaks = _around(errors, torch.atan2(down[:, :, None].expand_as(squared), across[:, None, :].expand_as(squared)))
    streaks.mul_(squared.clamp_min(options.radius**2).rsqrt_().mul_(options.amplitude * AT))
    voxels = stack.voxels.add_(streaks[:, None, :, :, None])
    for image, y_of, x_of in zip(voxels, down, across, strict=True):
        near_y, near_x = (where.abs().lt(options.radius).nonzero()[:, 0] for where in (y_of, x_of))
        if len(near_y) and len(near_x):
            box = image[:, near_y[0] : near_y[-1] + 1, near_x[0] : near_x[-1] + 1]
            inside = y_of[near_y, None] ** 2 + x_of[None, near_x] ** 2 < options.radius**2
            box.masked_fill_(inside[None, :, :, None], METAL)
    return stack.having(voxels)


def _around(errors: Any, angle: Any) -> Any:
    """(n, y, x) errors by direction, of unit variance, the same at φ and φ + 180°."""
    import torch

    table, half = _table(errors), errors.shape[1] * FINE
    place = angle.mul_(half / math.pi).add_(half + 0.5).to(torch.int32)
    return torch.stack(
        [row.index_select(0, at.flatten()).reshape(at.shape) for row, at in zip(table, place, strict=True)]
    )


def _table(errors: Any) -> Any:
    """(n, places) of a whole turn from -180° to 180°, so fine that the nearest place is as good as the exact one."""
    import torch

    share = torch.arange(FINE, device=errors.device) / FINE
    following = errors.roll(-1, dims=1)
    between = errors[:, :, None] * (1 - share) + following[:, :, None] * share
    half = (between / torch.sqrt(share**2 + (1 - share) ** 2)).flatten(1)
    return torch.cat([half, half, half[:, :1]], dim=1)


PERTURBATION = Perturbation(
    title="Metal streaks",
    suites=frozenset({"ct"}),
    OPTIONS=MetalStreaks,
    severities=tuple({"amplitude": amplitude} for amplitude in (10.0, 25.0, 60.0, 120.0, 250.0)),
    anchor="10 and 25 HU at 20 mm (clips, with artefact reduction), 60 (a stent or a screw), 120 and 250 (a hip without reduction)",
    strength="amplitude",
    unit="HU at 20 mm",
    validity="One round implant anywhere in the middle of the field, not where implants are; no shadow between two of them.",
    source="De Man et al. 1999, IEEE Trans Nucl Sci 46:691-696",
    change=streaked,
    needs_spacing=True,
)  # fmt: skip
