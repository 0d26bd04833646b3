"""Another tube voltage: what absorbs by its high atomic number (iodine, bone) shows other HU, water and air do not.

HU of iodine and of bone above soft tissue go about as (kVp/120)^-1.25: 1.66 at 80, 1.26 at 100, 0.82 at 140 kVp for iodine, less for
bone (Yu et al. 2010, "Automatic selection of tube potential for radiation dose reduction in CT: a general strategy", Med Phys
37:234-243, and Huda, Scalzetti & Levin 2000, Radiology 217:430-435, on contrast by voltage). Soft tissue up to `soft` HU is left.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack

EXPONENT = -1.25


class TubeVoltage(Strength):
    """kvp : new voltage      reference : the one that the image was made with      soft : HU up to which nothing moves"""

    kvp: Annotated[float, Field(ge=60, le=160)]
    reference: Annotated[float, Field(ge=60, le=160)] = 120.0
    soft: float = 60.0


def contrast_factor(kvp: float, reference: float) -> float:
    """What contrast above soft tissue is multiplied by."""
    return float((kvp / reference) ** EXPONENT)


def revolted(stack: Stack, options: TubeVoltage, _draw: Draw) -> Stack:
    """HU' = soft + factor·(HU - soft) above soft."""
    factor = contrast_factor(options.kvp, options.reference)
    above = (stack.voxels - options.soft).clamp_min_(0)
    return stack.having(stack.voxels.add_(above, alpha=factor - 1))


PERTURBATION = Perturbation(
    title="Tube voltage",
    suites=frozenset({"ct"}),
    OPTIONS=TubeVoltage,
    severities=tuple({"kvp": kvp} for kvp in (110.0, 100.0, 90.0, 80.0, 70.0)),
    anchor="110 and 100 kVp (other presets for adults), 90 and 80 (contrast-saving and small patients), 70 (children)",
    strength="kvp",
    unit="kVp",
    validity="The shift of HU of iodine and bone alone, by one power law for both; noise and beam hardening at the lower voltage are other "
    "files. Fat, which falls by some HU at lower voltages, is left where it is.",
    source="Huda, Scalzetti & Levin 2000, Radiology 217:430-435; Yu et al. 2010, Med Phys 37:234-243",
    change=revolted,
)  # fmt: skip
