"""An array with its place in the patient, and how both move together when it is turned, resampled, cropped or padded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.imaging.mask import Grid

Axis3 = tuple[float, float, float]  # (z, y, x)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a preprocessed volume lies, and where the image as it was read."""

    seen: Grid
    image: Grid

    def document(self) -> dict[str, Any]:
        """As plain JSON."""
        grids = {"seen": self.seen, "image": self.image}
        return {
            name: {"shape": list(grid.shape), "affine": grid.affine.ravel().tolist()} for name, grid in grids.items()
        }


def placement_of(document: Mapping[str, Any]) -> Placement:
    """The placement that `document` describes. Raises ValueError where it is none."""
    return Placement(_grid(document["seen"]), _grid(document["image"]))


def _grid(said: Mapping[str, Any]) -> Grid:
    z, y, x = (int(size) for size in said["shape"])
    return Grid((z, y, x), np.asarray(said["affine"], np.float64).reshape(4, 4))


@dataclass(frozen=True, slots=True)
class Placed:
    """
    voxels : (channel, z, y, x)
    affine : (4, 4) float64, voxel (x, y, z, 1) to patient LPS in mm; None where the file says nothing
    """

    voxels: NDArray[Any]
    affine: NDArray[np.float64] | None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(z, y, x)."""
        z, y, x = self.voxels.shape[1:]
        return z, y, x

    @property
    def grid(self) -> Grid | None:
        """Where the voxels lie; None where nothing says so."""
        return None if self.affine is None else Grid(self.shape, self.affine)

    def moved(self, voxels: NDArray[Any], *, scale: Axis3 = (1, 1, 1), start: Axis3 = (0, 0, 0)) -> Placed:
        """Other voxels of the same space: index i of them lies at scale · i + start of ours, each (z, y, x)."""
        if self.affine is None:
            return Placed(voxels, None)
        step = np.eye(4)
        step[:3, :3] = np.diag(scale[::-1])
        step[:3, 3] = start[::-1]
        return Placed(voxels, self.affine @ step)

    def turned(self, order: Sequence[int], flipped: Sequence[bool]) -> Placed:
        """Order : our axis (z, y, x as 0, 1, 2) that each new axis comes from      flipped : whether it runs backwards."""
        voxels = self.voxels.transpose(0, *(1 + axis for axis in order))
        voxels = voxels[(slice(None), *(slice(None, None, -1 if back else 1) for back in flipped))]
        if self.affine is None:
            return Placed(voxels, None)
        step = np.zeros((4, 4))
        step[3, 3] = 1
        for new, (old, back) in enumerate(zip(order, flipped, strict=True)):
            step[2 - old, 2 - new] = -1 if back else 1
            step[2 - old, 3] = self.shape[old] - 1 if back else 0
        return Placed(voxels, self.affine @ step)
