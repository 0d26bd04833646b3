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
    radius = torch.sqrt(down[:, :, None] ** 2 + across[:, None, :] ** 2)
    angle = torch.atan2(down[:, :, None].expand_as(radius), across[:, None, :].expand_as(radius))
    streaks = options.amplitude * AT / radius.clamp_min(options.radius) * _around(errors, angle)
    changed = stack.voxels + streaks[:, None, :, :, None]
    metal = (radius < options.radius)[:, None, :, :, None]
    return stack.having(torch.where(metal, METAL, changed))


def _around(errors: Any, angle: Any) -> Any:
    """(n, y, x) errors by direction, of unit variance, the same at φ and φ + 180°."""
    import torch

    views = errors.shape[1]
    turn = (angle / math.pi).remainder(1.0) * views
    first = turn.floor().long() % views
    share = turn - turn.floor()
    flat = first.reshape(len(errors), -1)
    one = torch.gather(errors, 1, flat).reshape(angle.shape)
    two = torch.gather(errors, 1, (flat + 1) % views).reshape(angle.shape)
    return (one * (1 - share) + two * share) / torch.sqrt(share**2 + (1 - share) ** 2)


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
