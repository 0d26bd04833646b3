"""Out of focus: every point becomes a disc.

With an error of D dioptres and a pupil of p mm the blur circle is D·p·10⁻³ radians wide (Smith 1982, "Angular diameter of defocus blur
discs", Am J Optom Physiol Opt 59:885-889), so D·p·10⁻³/field of the image's width. `disc` says how exact it is.
"""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.disc import blurred
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
    return stack.having(blurred(stack, diameter(options, stack.shape[3]), draw))


PERTURBATION = Perturbation(
    title="Defocus",
    suites=frozenset({"fundus", "dermoscopy"}),
    OPTIONS=Defocus,
    severities=tuple({"dioptres": dioptres} for dioptres in (0.5, 1.0, 2.0, 3.5, 6.0)),
    anchor="0.5 and 1 dioptre (an unnoticed error), 2 (soft), 3.5 and 6 (uncorrected myopia; graders reject it)",
    strength="dioptres",
    unit="dioptres",
    validity="A disc of the geometric blur, behind a 4 mm pupil in a 45° field unless said otherwise; no scatter of a cataract. "
    "The contrast of each wave is the disc's within 0.006 up to half of the highest frequency that pixels hold, within 0.055 up to it.",
    source="Smith 1982, Am J Optom Physiol Opt 59:885-889",
    change=unfocused,
)  # fmt: skip
