"""Label maps with their geometry: which grid they lie on, and what they say on another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.imaging.volume import DecodeFailure

SAME = 0.01  # of a voxel's shortest side, by which corners of one and the same grid may differ
LARGEST_LABEL = 65535


@dataclass(frozen=True, slots=True)
class Grid:
    """shape : (z, y, x)    affine : (4, 4) float64, voxel index (x, y, z, 1) to patient LPS in mm."""

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]

    @property
    def spacing(self) -> tuple[float, float, float]:
        """(z, y, x), mm, to six digits: what a header in single precision holds, so that 1.6 mm are 1.6 mm however turned."""
        x, y, z = (float(f"{length:.6g}") for length in np.linalg.norm(self.affine[:3, :3], axis=0))
        return z, y, x

    @property
    def diagonal(self) -> float:
        """From the centre of the first voxel to that of the last, mm: no two voxels are further apart."""
        z, y, x = self.shape
        return float(np.linalg.norm(self.affine[:3, :3] @ np.array([x - 1, y - 1, z - 1], np.float64)))

    def corners(self) -> NDArray[np.float64]:
        """(8, 3) centres of the corner voxels, patient LPS in mm."""
        z, y, x = self.shape
        index = np.array([(i, j, k, 1) for i in (0, x - 1) for j in (0, y - 1) for k in (0, z - 1)], np.float64)
        return np.asarray((index @ self.affine.T)[:, :3])

    def is_same(self, other: Grid) -> bool:
        """Equal shape, and corners within 1% of a voxel's shortest side."""
        if self.shape != other.shape:
            return False
        apart = float(np.linalg.norm(self.corners() - other.corners(), axis=1).max())
        return apart <= SAME * min(*self.spacing, *other.spacing)


@dataclass(frozen=True, slots=True)
class LabelMap:
    """labels : (z, y, x) uint8 or uint16, on the grid."""

    labels: NDArray[Any]
    grid: Grid

    def on(self, grid: Grid) -> LabelMap:
        """The value at each voxel centre of another grid: that of the voxel it lies in, 0 outside."""
        if self.grid.is_same(grid):
            return LabelMap(self.labels, grid)
        across = np.linalg.inv(self.grid.affine) @ grid.affine  # index of theirs (x, y, z) → index of ours
        found = np.zeros(grid.shape, self.labels.dtype)
        z, y, x = grid.shape
        rows, columns = np.meshgrid(np.arange(y), np.arange(x), indexing="ij")
        for level in range(z):
            points = np.stack([columns.ravel(), rows.ravel(), np.full(rows.size, level), np.ones(rows.size)])
            index = np.floor((across @ points)[:3] + 0.5).astype(np.int64)
            limit = np.array(self.labels.shape[::-1])[:, None]
            inside = ((index >= 0) & (index < limit)).all(axis=0)
            i, j, k = index[:, inside]
            found[level].ravel()[inside] = self.labels[k, j, i]
        return LabelMap(found, grid)


def whole_labels(values: NDArray[Any]) -> NDArray[Any]:
    """Labels as uint8 or uint16. Raises DecodeFailure for what is no whole number of 0 to 65535."""
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise DecodeFailure("mask:labels", "A voxel is not a finite number; a mask holds whole numbers.")
        whole = np.rint(values)
        if (whole != values).any():
            strange = float(values[whole != values].flat[0])
            raise DecodeFailure("mask:labels", f"A voxel is {strange:g}; a mask holds whole numbers.")
        values = whole
    elif values.dtype.kind not in "iub":
        raise DecodeFailure("mask:labels", f"Voxels are of type {values.dtype}; a mask holds whole numbers.")
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    if low < 0 or high > LARGEST_LABEL:
        raise DecodeFailure("mask:labels", f"Voxels lie between {low} and {high}; labels are 0 to {LARGEST_LABEL}.")
    return values.astype(np.uint8 if high < 256 else np.uint16)
