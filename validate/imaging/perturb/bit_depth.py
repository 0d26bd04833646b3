"""Fewer grey levels: what export to 8 bits or a narrow archive leaves of 12.

Rounding to steps of Δ = (white - black)/(2^bits - 1) adds an error of variance Δ²/12 where the image is busier than a step
(Widrow & Kollár 2008, Quantization Noise, ch. 4).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack


class BitDepth(Strength):
    """bits : of grey levels between black and white."""

    bits: Annotated[int, Field(ge=1, le=16)]


def stepped(stack: Stack, options: BitDepth, _draw: Draw) -> Stack:
    """Rounded to the nearest level; what lies outside the display is cut off, as an export does."""
    top = float((1 << options.bits) - 1)
    return stack.shown(stack.into_grey().clamp_(0, 1).mul_(top).round_().div_(top))


PERTURBATION = Perturbation(
    title="Bit depth",
    suites=frozenset({"radiography", "mammography"}),
    OPTIONS=BitDepth,
    severities=tuple({"bits": bits} for bits in (10, 8, 6, 5, 4)),
    anchor="10 bits (a narrow detector), 8 (export to PNG or JPEG), 6 (a poor capture card), 5 and 4 (broken conversions)",
    strength="bits",
    unit="bits",
    validity="Rounding of the displayed range; dither, which some exports add, is left out.",
    source="Widrow & Kollár 2008, Quantization Noise, ch. 4",
    change=stepped,
)  # fmt: skip
