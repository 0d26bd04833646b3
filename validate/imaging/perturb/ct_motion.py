"""The patient moves while the gantry turns: later views show another place.

By the projection theorem a view at angle θ measures the line at θ of the image's transform. A shift d(θ) multiplies that line by
exp(-2πi·ν·d); with the shift growing over the half turn, directions disagree and edges double (Kak & Slaney 1988, Principles of
Computerized Tomographic Imaging, ch. 3).
"""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.filters import mirrored
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class CtMotion(Strength):
    """shift : of the whole slice from the first view to the last, mm, in a direction drawn for each image."""

    shift: Annotated[float, Field(ge=0)]


def moved(stack: Stack, options: CtMotion, draw: Draw) -> Stack:
    """At an even speed over half a turn, the middle view at the place of the image."""
    import torch

    _, y, x = stack.millimetres
    rows, columns = stack.voxels.shape[2:4]
    margin = (min(rows - 1, 16), min(columns - 1, 16))
    padded = mirrored(stack.voxels, margin)
    direction = draw.uniform(0, 2 * math.pi, 1)
    fy = torch.fft.fftfreq(padded.shape[2], d=y, device=padded.device)[:, None]
    fx = torch.fft.rfftfreq(padded.shape[3], d=x, device=padded.device)[None]
    # In the half plane of a real transform the angle runs over exactly half a turn.
    time = torch.atan2(fy.expand(-1, fx.shape[1]), fx.expand(fy.shape[0], -1)) / math.pi
    along = fy * torch.sin(direction)[:, :, None] + fx * torch.cos(direction)[:, :, None]
    phase = torch.exp(-2j * math.pi * options.shift * time * along)[:, None, :, :, None]
    changed = torch.fft.irfft2(torch.fft.rfft2(padded, dim=(2, 3)) * phase, s=padded.shape[2:4], dim=(2, 3))
    return stack.having(changed[:, :, margin[0] : margin[0] + rows, margin[1] : margin[1] + columns])


PERTURBATION = Perturbation(
    title="CT motion",
    suites=frozenset({"ct"}),
    OPTIONS=CtMotion,
    severities=tuple({"shift": shift} for shift in (0.5, 1.0, 2.0, 4.0, 8.0)),
    anchor="0.5 and 1 mm (breath held), 2 and 4 mm (shallow breathing or a heart in a fast scan), 8 mm (a restless patient)",
    strength="shift",
    unit="mm",
    validity="A stiff shift of the slice in its plane in parallel-beam geometry; turning, and motion of single organs, are left out.",
    source="Kak & Slaney 1988, Principles of Computerized Tomographic Imaging, ch. 3",
    change=moved,
    needs_spacing=True,
)  # fmt: skip
