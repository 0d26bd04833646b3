"""Shown colour and light: sRGB values to light and back (IEC 61966-2-1)."""

from __future__ import annotations

from typing import Any

TOE = 0.04045  # shown, under which the curve is a line
KNEE = 0.0031308  # of light, where the line ends
OFFSET, EXPONENT = 0.055, 2.4
DARKEST = 1e6  # times the least that any file shows above black is brighter than white


def relit(shown: Any, root: Any) -> Any:
    """[0, 1] as stored, cut off there → as stored, after the light behind it was multiplied by root^2.4; what is brighter than
    white is white.

    Above its toe the curve is a power, and the power of a product is a product of powers: (s + 0.055)·root - 0.055. So no
    power of the image is needed, but for the pixels of the toe, which go through light and back; black stays black.
    """
    shown.clamp_(0, 1)
    found = (shown + OFFSET).mul_(root).sub_(OFFSET)
    if shown.amin() <= TOE or found.amin() <= TOE:
        found = found.minimum(shown * DARKEST)
        flat = (shown.minimum(found) <= TOE) & (shown > 0)
        toe = flat.nonzero(as_tuple=True)
        light = to_light(shown[toe]) * root.expand_as(shown)[toe] ** EXPONENT
        found[toe] = to_shown(light)
    return found.clamp_(0, 1)


def to_light(shown: Any) -> Any:
    """[0, 1] as stored → linear light."""
    import torch

    shown = shown.clamp(0, 1)
    return torch.where(shown <= TOE, shown / 12.92, ((shown + OFFSET) / (1 + OFFSET)) ** EXPONENT)


def to_shown(light: Any) -> Any:
    """Linear light → [0, 1] as stored; what is brighter than white is white."""
    import torch

    light = light.clamp(0, 1)
    return torch.where(light <= KNEE, 12.92 * light, (1 + OFFSET) * light ** (1 / EXPONENT) - OFFSET)
