"""The patient moves while the gantry turns: later views show another place.

By the projection theorem a view at angle θ measures the line at θ of the image's transform. A shift d(θ) multiplies that line by
exp(-2πi·ν·d); with the shift growing over the half turn, directions disagree and edges double (Kak & Slaney 1988, Principles of
Computerized Tomographic Imaging, ch. 3).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.filters import frequencies, transferred
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.phase_kernel import turned
from validate.imaging.perturb.stack import Stack


class CtMotion(Strength):
    """shift : of the whole slice from the first view to the last, mm, in a direction drawn for each image."""

    shift: Annotated[float, Field(ge=0)]


def moved(stack: Stack, options: CtMotion, draw: Draw) -> Stack:
    """At an even speed over half a turn, the middle view at the place of the image."""

    _, y, x = stack.millimetres
    direction = draw.uniform(0, 2 * math.pi, 1)

    def phase(rows: int, columns: int) -> Any:
        fy, fx = frequencies((rows, columns), (y, x), direction.device)
        down, across = (
            one * (-options.shift * part) for one, part in ((fy.t(), direction.sin()), (fx, direction.cos()))
        )
        return _phase(_time(rows, columns, y, x).to(direction.device), down, across)

    return stack.having(transferred(stack.voxels, phase, draw))


def _phase(time: Any, down: Any, across: Any) -> Any:
    """(n, y, x) exp(2πi·time·(down + across))      time : (y, x)      down : (n, y), across : (n, x) turns"""
    import torch

    if time.device.type == "cpu":
        found = torch.empty((len(down), *time.shape), dtype=torch.complex64)
        turned(time.numpy(), down.numpy(), across.numpy(), torch.view_as_real(found).flatten(2).numpy())
        return found
    turn = (down[:, :, None] + across[:, None, :]).mul_(time).mul_(2 * math.pi)
    return torch.complex(turn.cos(), turn.sin())


@lru_cache(maxsize=2)
def _time(rows: int, columns: int, y: float, x: float) -> Any:
    """From -1/2 for the first view to 1/2 for the last: in the half plane of a real transform the angle runs over half a turn."""
    import torch

    fy, fx = frequencies((rows, columns), (y, x))
    return torch.atan2(fy.expand(-1, fx.shape[1]), fx.expand(fy.shape[0], -1)) / math.pi


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
