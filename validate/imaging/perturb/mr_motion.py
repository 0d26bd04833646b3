"""The patient moves between lines of k-space: later lines measure a shifted body.

A shift d multiplies line k by exp(-2πi·k·d/FOV) along the phase direction and the read-out likewise (Godenschweger
et al. 2016, doi:10.1088/0031-9155/61/5/R32). Here it moves a few times during the scan, and each
time stays where it then is.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.kspace import to_image, to_kspace
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class MrMotion(Strength):
    """shift : standard deviation of the place after each movement, mm      times : movements during the scan"""

    shift: Annotated[float, Field(ge=0)]
    times: Annotated[int, Field(ge=1)] = 4


def moved(stack: Stack, options: MrMotion, draw: Draw) -> Stack:
    """Lines are measured from one end of k-space to the other."""
    import torch

    _, y, x = stack.millimetres
    kspace = to_kspace(stack.voxels)
    rows, columns = kspace.shape[2:4]
    where = places(rows, options, draw).to(kspace.device)
    ky = (torch.arange(rows, device=kspace.device) - rows // 2) / (rows * y)
    kx = (torch.arange(columns, device=kspace.device) - columns // 2) / (columns * x)
    turn = ky[None, :, None] * where[:, :, :1] + kx[None, None, :] * where[:, :, 1:]
    return stack.having(to_image(kspace * torch.exp(-2j * math.pi * turn)[:, None, :, :, None]))


def places(rows: int, options: MrMotion, draw: Draw) -> Any:
    """(n, rows, 2) place in mm (y, x) while each line is measured; the middle line is where the image is."""
    import torch

    moments = draw.uniform(0, 1, options.times).cpu().sort(dim=1).values
    there = torch.cat([torch.zeros(len(moments), 1, 2), options.shift * draw.normal(options.times, 2).cpu()], dim=1)
    time = (torch.arange(rows) + 0.5) / rows
    epoch = (time[None, :, None] > moments[:, None, :]).sum(dim=2)
    found = torch.gather(there, 1, epoch[:, :, None].expand(-1, -1, 2))
    return found - found[:, rows // 2 : rows // 2 + 1]


PERTURBATION = Perturbation(
    title="MR motion",
    suites=frozenset({"mr"}),
    OPTIONS=MrMotion,
    severities=tuple({"shift": shift} for shift in (0.5, 1.0, 2.0, 4.0, 8.0)),
    anchor="0.5 and 1 mm (a cooperative patient), 2 mm (visible), 4 and 8 mm (a scan that would be repeated)",
    strength="shift",
    unit="mm",
    validity="Stiff shifts in the plane of a linear Cartesian scan; turning, motion through the slice and the spin history are left out.",
    source="Godenschweger et al. 2016, doi:10.1088/0031-9155/61/5/R32",
    change=moved,
    needs_spacing=True,
)  # fmt: skip
