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
    rows, columns = stack.shape[2:4]
    there, epoch = (one.to(draw.device) for one in places(rows, options, draw))
    ky = torch.fft.fftshift(torch.fft.fftfreq(rows, d=y, device=there.device))
    kx = torch.fft.fftfreq(columns, d=x, device=there.device)
    # All lines of one stay have one phase along x, and each line has one number for the shift along y.
    down = torch.gather(there[:, :, 0], 1, epoch) * ky
    across = torch.gather(_turned(there[:, :, 1:] * kx), 1, epoch[:, :, None].expand(-1, -1, columns))
    phase = torch.fft.ifftshift(across.mul_(_turned(down)[:, :, None]), dim=1)
    spectrum = draw.kept(lambda: torch.fft.fft2(stack.voxels, dim=(2, 3)))
    return stack.having(torch.fft.ifft2(spectrum * phase[:, None, :, :, None], dim=(2, 3)).abs())


def _turned(shift: Any) -> Any:
    """exp(-2πi·shift)"""
    import torch

    return torch.polar(torch.ones_like(shift), shift * (-2 * math.pi))


def places(rows: int, options: MrMotion, draw: Draw) -> tuple[Any, Any]:
    """(n, stays, 2) each place in mm (y, x), and (n, rows) in which of them each line is measured, the lowest frequency in the middle.

    The middle line is where the image is.
    """
    import torch

    moments = draw.uniform(0, 1, options.times).cpu().sort(dim=1).values
    there = torch.cat([torch.zeros(len(moments), 1, 2), options.shift * draw.normal(options.times, 2).cpu()], dim=1)
    time = (torch.arange(rows) + 0.5) / rows
    epoch = (time[None, :, None] > moments[:, None, :]).sum(dim=2)
    middle = epoch[:, rows // 2].reshape(-1, 1, 1).expand(-1, 1, 2)
    return there - torch.gather(there, 1, middle), epoch


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
