"""Images of one shape on one device, as perturbations see them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.imaging.volume import DecodeFailure


@dataclass(frozen=True, slots=True)
class Stack:
    """
    voxels : (n, z, y, x, c) float32 tensor, native units      spacing : (z, y, x) in mm, the same for all
    black, white : (n, 1, 1, 1, 1), the native values that are shown black and white
    affines : of each image, as Volume has it
    """

    voxels: Any
    black: Any
    white: Any
    unit: str = "stored"
    spacing: tuple[float, float, float] | None = None
    affines: tuple[NDArray[np.float64] | None, ...] = ()

    @property
    def grey(self) -> Any:
        """Brightness, 0 black to 1 white; what is brighter or darker than the display shows lies outside."""
        return (self.voxels - self.black) / (self.white - self.black)

    def shown(self, grey: Any) -> Stack:
        """The same images with this brightness, in native units again."""
        return replace(self, voxels=self.black + grey * (self.white - self.black))

    def having(self, voxels: Any) -> Stack:
        """The same with other voxels on the same grid."""
        return replace(self, voxels=voxels)

    @property
    def millimetres(self) -> tuple[float, float, float]:
        """(z, y, x). Raises DecodeFailure where the file does not say."""
        if self.spacing is None:
            raise DecodeFailure("perturb:no_spacing", "The file does not say how large its pixels are.")
        return self.spacing
