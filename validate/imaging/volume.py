"""Pixels with their geometry: what every reader returns and every model's preprocessing starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.imaging.failure import DecodeFailure

__all__ = ["DecodeFailure", "Volume"]


@dataclass(frozen=True, slots=True)
class Volume:
    """An image in its native units.

    voxels : (z, y, x) or (z, y, x, channel); a radiograph has z = 1
    affine : (4, 4) float64, voxel index (x, y, z, 1) to patient LPS in mm; None where the file says nothing
    spacing : (z, y, x) in mm, or None where the file says nothing
    unit : "HU", "stored", "a.u."
    source : what decoding needs to be repeated and explained: decoder, transfer syntax, VOI windows, …
    """

    voxels: NDArray[Any]
    affine: NDArray[np.float64] | None = None
    spacing: tuple[float, float, float] | None = None
    unit: str = "stored"
    source: Mapping[str, Any] = field(default_factory=dict)
