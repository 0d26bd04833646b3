"""Another characteristic curve: the maker's look-up table between the detector and the screen.

Displayed grey t becomes t^γ, which leaves black and white and moves the middle: the slope at t is γ·t^(γ-1). Presentation curves
of makers differ so even for one exposure (DICOM PS3.3 C.11.6, presentation look-up tables; Flynn et al. 1999, "High-fidelity
electronic display of digital radiographs", RadioGraphics 19:1653-1669, and PS3.14 on what a display then makes of them).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class ToneCurve(Strength):
    """gamma : above 1 darkens the middle, below 1 brightens it."""

    gamma: Annotated[float, Field(gt=0)]


def toned(stack: Stack, options: ToneCurve, _draw: Draw) -> Stack:
    """Between black and white; outside of them nothing moves."""
    grey = stack.into_grey()
    inside = grey.clamp(0, 1)
    grey.sub_(inside)
    return stack.shown(grey.add_(inside.log_().mul_(options.gamma).exp_()))  # a power, in half of its time


PERTURBATION = Perturbation(
    title="Tone curve",
    suites=frozenset({"radiography", "mammography"}),
    OPTIONS=ToneCurve,
    severities=tuple({"gamma": gamma} for gamma in (1.1, 1.25, 1.5, 1.9, 2.5)),
    anchor="γ 1.1 (another release of one maker's software) to 1.5 (another maker) and 2.5 (a wrong body-part programme)",
    strength="gamma",
    unit="γ",
    validity="One global curve; makers' multi-scale processing also works locally, which this does not imitate.",
    source="Flynn et al. 1999, RadioGraphics 19:1653-1669; DICOM PS3.14 and PS3.3 C.11.6 (presentation look-up tables)",
    change=toned,
)  # fmt: skip
