"""An acoustic shadow: what lies behind bone, gas or a lost contact returns less.

Echoes behind an attenuator of A dB (both ways) are A dB lower, grey by A/range, with soft borders (Szabo 2014, ch. 4).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class Shadow(Strength):
    """attenuation : A, dB      width : share of the image's width      range : dB from black to white"""

    attenuation: Annotated[float, Field(ge=0)]
    width: Annotated[float, Field(gt=0, le=1)] = 0.2
    range: Annotated[float, Field(gt=0)] = 60.0


def shadowed(stack: Stack, options: Shadow, draw: Draw) -> Stack:
    """A vertical band from a depth drawn in the upper half, somewhere across the image."""
    import torch

    grey = stack.into_grey()
    rows, columns = grey.shape[2:4]
    across = torch.linspace(0, 1, columns, device=grey.device).reshape(1, 1, 1, -1, 1)
    down = torch.linspace(0, 1, rows, device=grey.device).reshape(1, 1, -1, 1, 1)
    middle, top = draw.column(0.2, 0.8), draw.column(0.05, 0.5)
    band = torch.sigmoid((options.width / 2 - (across - middle).abs()) * 80) * torch.sigmoid((down - top) * 80)
    below = grey.clamp_max(0)
    dimmed = stack.lit(grey).mul_(band.mul_(options.attenuation / options.range))
    return stack.shown(grey.sub_(dimmed).clamp_min_(0).add_(below))


PERTURBATION = Perturbation(
    title="Acoustic shadow",
    suites=frozenset({"ultrasound"}),
    OPTIONS=Shadow,
    severities=tuple(
        {"attenuation": attenuation, "width": width}
        for attenuation, width in ((6.0, 0.08), (10.0, 0.12), (18.0, 0.18), (30.0, 0.25), (50.0, 0.35))
    ),
    anchor="6 and 10 dB (edges of vessels), 18 dB (calcification), 30 and 50 dB (rib, gas, lost contact)",
    strength="attenuation",
    unit="dB",
    validity="A straight vertical band, as of a linear probe; it may hide the finding, and the reference still counts it.",
    source="Szabo 2014, Diagnostic Ultrasound Imaging, 2nd ed., ch. 4",
    change=shadowed,
)  # fmt: skip
