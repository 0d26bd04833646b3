"""Streaks from metal: rays through an implant carry a wrong value, and back-projection lays it along each of them.

An error e(θ) of the rays through one point, back-projected over θ, is in polar coordinates about it f(r, φ) = e(φ + 90°)/(π·r): bright and
dark streaks that fall as 1/r (De Man et al. 1999, "Metal streak artifacts in X-ray computed tomography: a simulation study", IEEE
Trans Nucl Sci 46:691-696). e is drawn for each of `views` directions and interpolated; opposite directions are one ray.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from validate.imaging.perturb.draw import Draw, Source
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
    _, y, x = stack.millimetres
    rows, columns = stack.voxels.shape[2:4]
    made = draw.made(_streaks, rows, columns, y, x, options.radius, options.views)
    place, streaks = made[:, :2], made[:, 2:].reshape(-1, 1, rows, columns, 1)
    voxels = stack.voxels.add_(streaks, alpha=options.amplitude)
    for image, y_of, x_of in zip(voxels, *_from_metal(place, rows, columns, y, x), strict=True):
        near_y, near_x = (where.abs().lt(options.radius).nonzero()[:, 0] for where in (y_of, x_of))
        if len(near_y) and len(near_x):
            box = image[:, near_y[0] : near_y[-1] + 1, near_x[0] : near_x[-1] + 1]
            inside = y_of[near_y, None] ** 2 + x_of[None, near_x] ** 2 < options.radius**2
            box.masked_fill_(inside[None, :, :, None], METAL)
    return stack.having(voxels)


def _streaks(source: Source, rows: int, columns: int, y: float, x: float, radius: float, views: int) -> Any:
    """(2 + pixels,) where the metal lies, shares of the rows and columns, and streaks of an amplitude of one; on the processor, where
    numbers are drawn, and once for all severities.
    """
    import torch

    place = torch.from_numpy(0.25 + 0.5 * source.random((2,), dtype=np.float32))
    errors = torch.from_numpy(source.standard_normal((views,), dtype=np.float32))
    down, across = (one[0] for one in _from_metal(place[None], rows, columns, y, x))
    squared = down[:, None] ** 2 + across[None] ** 2
    streaks = _around(errors, torch.atan2(down[:, None].expand_as(squared), across[None].expand_as(squared)))
    streaks.mul_(squared.clamp_min(radius**2).rsqrt_().mul_(AT))
    return torch.cat([place, streaks.flatten()]).numpy()


def _from_metal(place: Any, rows: int, columns: int, y: float, x: float) -> tuple[Any, Any]:
    """(n, rows) and (n, columns) mm from the metal. place : (n, 2)"""
    import torch

    return (
        (torch.arange(rows, device=place.device)[None] - place[:, :1] * rows) * y,
        (torch.arange(columns, device=place.device)[None] - place[:, 1:] * columns) * x,
    )


def _around(errors: Any, angle: Any) -> Any:
    """(y, x) errors by direction, of unit variance, the same at φ and φ + 180°."""
    import torch

    half = len(errors) * FINE
    place = angle.mul_(half / math.pi).add_(half + 0.5).to(torch.int32)
    return _table(errors).index_select(0, place.flatten()).reshape(place.shape)


def _table(errors: Any) -> Any:
    """(places,) of a whole turn from -180° to 180°, so fine that the nearest place is as good as the exact one."""
    import torch

    share = torch.arange(FINE) / FINE
    between = errors[:, None] * (1 - share) + errors.roll(-1)[:, None] * share
    half = (between / torch.sqrt(share**2 + (1 - share) ** 2)).flatten()
    return torch.cat([half, half, half[:1]])


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
