"""Out of focus: every point becomes a disc.

With an error of D dioptres and a pupil of p mm the blur circle is D·p·10⁻³ radians wide (Smith 1982, "Angular diameter of defocus blur
discs", Am J Optom Physiol Opt 59:885-889), so D·p·10⁻³/field of the image's width. Its transfer is 2·J₁(πdf)/(πdf).
"""

from __future__ import annotations

import math
from functools import lru_cache, partial
from typing import Annotated, Any

from pydantic import Field

from validate.imaging.perturb.cosines import cosine_frequencies, mirrored
from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class Defocus(Strength):
    """dioptres : of the focus error      pupil : mm      field : angle across the image, degrees"""

    dioptres: Annotated[float, Field(ge=0)]
    pupil: Annotated[float, Field(gt=0)] = 4.0
    field: Annotated[float, Field(gt=0, lt=180)] = 45.0


def diameter(options: Defocus, columns: int) -> float:
    """Of the blur disc, pixels."""
    return options.dioptres * options.pupil * 1e-3 / math.radians(options.field) * columns


def unfocused(stack: Stack, options: Defocus, draw: Draw) -> Stack:
    """The same everywhere in the field."""
    width = diameter(options, stack.shape[3])
    return stack.having(mirrored(stack, partial(_transfer, width), draw))


@lru_cache(maxsize=8)
def _transfer(width: float, rows: int, columns: int) -> Any:
    import torch

    return disc(torch.hypot(cosine_frequencies(rows)[:, None], cosine_frequencies(columns)[None]).mul_(width))


def disc(argument: Any) -> Any:
    """2·J₁(πx)/(πx), 1 at 0."""
    import torch

    scaled = math.pi * argument
    small = scaled < 1e-4
    return torch.where(small, 1.0, 2 * torch.special.bessel_j1(scaled.clamp_min(1e-4)) / scaled.clamp_min(1e-4))


PERTURBATION = Perturbation(
    title="Defocus",
    suites=frozenset({"fundus", "dermoscopy"}),
    OPTIONS=Defocus,
    severities=tuple({"dioptres": dioptres} for dioptres in (0.5, 1.0, 2.0, 3.5, 6.0)),
    anchor="0.5 and 1 dioptre (an unnoticed error), 2 (soft), 3.5 and 6 (uncorrected myopia; graders reject it)",
    strength="dioptres",
    unit="dioptres",
    validity="A disc of the geometric blur, behind a 4 mm pupil in a 45° field unless said otherwise; no scatter of a cataract.",
    source="Smith 1982, Am J Optom Physiol Opt 59:885-889",
    change=unfocused,
)  # fmt: skip
