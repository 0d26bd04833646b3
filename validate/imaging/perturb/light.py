"""Shown colour and light: sRGB values to light and back (IEC 61966-2-1)."""

from __future__ import annotations

from typing import Any


def to_light(shown: Any) -> Any:
    """[0, 1] as stored → linear light."""
    import torch

    shown = shown.clamp(0, 1)
    return torch.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)


def to_shown(light: Any) -> Any:
    """Linear light → [0, 1] as stored; what is brighter than white is white."""
    import torch

    light = light.clamp(0, 1)
    return torch.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
