"""Marks and lesions in the coordinates that hits are judged in: by the geometry of the case's image, where there is another.

Coordinates are patient mm as in DICOM ("mm") or NIfTI ("mm_ras"), or counted in pixels from the first one's corner ("pixels") or
centre ("voxels"). Of marks in a plane, mm are counted from the image's corner.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from validate.cohort.case import Case
from validate.imaging.in_time import decoded_in_time
from validate.imaging.mask import Grid
from validate.imaging.nifti import is_nifti, read_grid
from validate.imaging.series import grid_of, read_series
from validate.imaging.volume import DecodeFailure
from validate.protocol.geometry import Geometry
from validate.stats.detection.geometry import centres

Floats = NDArray[np.float64]
PATIENT = frozenset({"mm", "mm_ras"})
LEVEL = 1e-3  # of an axis, by which an image may be turned and still lie along the patient's axes
EVEN = 0.01  # by which the sides of a voxel may differ where a diameter is brought from pixels to mm


class NotPlaced(Exception):
    """Why marks can't be brought to the coordinates that are judged in: a sentence without identifiers."""


@dataclass(slots=True)
class Places:
    """One case's image; its header is read when something hangs on it.

    rules : for series that are no regular box      extent : of the image in pixels along x, y[, z], where the cohort says it
    """

    case: Case
    rules: Geometry = field(default_factory=Geometry)
    extent: tuple[float, ...] | None = None
    grid: Grid | None = None

    def to(self, space: str, wanted: str, shape: str, geometry: Floats) -> Floats:
        """Geometry as in models.prediction.Boxes, in other coordinates. Raises NotPlaced."""
        if not len(geometry) or space == wanted:
            return geometry
        axes = centres(shape, geometry).shape[1]
        if (space in PATIENT) == (wanted in PATIENT):
            scale = np.eye(4)
        else:
            grid = self._grid()
            z, y, x = grid.spacing
            scale = grid.affine if axes == 3 else np.diag([x, y, z, 1.0]) @ _shift(0.5)
        across = np.linalg.inv(_steps(wanted, scale)) @ _steps(space, scale)
        kept = [*range(axes), 3]
        return _moved(shape, geometry, across[np.ix_(kept, kept)])

    def outside(self, space: str, at: Floats) -> NDArray[np.bool_]:
        """(n,) points beyond the image; all False where nothing says how large it is. Raises NotPlaced."""
        nowhere = np.zeros(len(at), np.bool_)
        if not len(at) or (self.extent is None and self.grid is None and not self._is_nifti()):
            return nowhere
        if space in PATIENT and self.grid is None and not self.case.files:
            return nowhere
        size = self.extent or self._grid().shape[::-1]
        there = self.to(space, "pixels", "point", at)
        return np.asarray(((there < 0) | (there > np.array(size[: at.shape[1]], np.float64))).any(axis=1))

    def _is_nifti(self) -> bool:
        return bool(self.case.files) and is_nifti(self.case.files[0])

    def _grid(self) -> Grid:
        if self.grid is None:
            self.grid = _grid_of(self.case.files, self.rules)
        return self.grid


def _shift(by: float) -> Floats:
    found = np.eye(4)
    found[:3, 3] = by
    return found


def _steps(space: str, voxels: Floats) -> Floats:
    """(4, 4) to patient mm. voxels : the same from voxel indices."""
    return {
        "mm": np.eye(4),
        "mm_ras": np.diag([-1.0, -1.0, 1.0, 1.0]),
        "voxels": voxels,
        "pixels": voxels @ _shift(-0.5),
    }[space]


def _moved(shape: str, geometry: Floats, across: Floats) -> Floats:
    turn, shift = across[:-1, :-1], across[:-1, -1]
    if shape == "point":
        return np.asarray(geometry @ turn.T + shift)
    lengths = np.linalg.norm(turn, axis=0)
    if shape == "ball":
        if np.ptp(lengths) > EVEN * lengths.min():
            raise NotPlaced("A diameter in pixels has no length in mm where a voxel's sides differ: give it in mm.")
        return np.column_stack((geometry[:, :-1] @ turn.T + shift, geometry[:, -1] * lengths.mean()))
    if (np.sort(np.abs(turn) / lengths, axis=0)[:-1] > LEVEL).any():
        raise NotPlaced(
            "The image is turned against the patient's axes, so a box along the ones is none along the others."
        )
    axes = len(shift)
    ends = geometry[:, :axes] @ turn.T + shift, geometry[:, axes:] @ turn.T + shift
    return np.column_stack((np.minimum(*ends), np.maximum(*ends)))


def _grid_of(files: tuple[Path, ...], rules: Geometry) -> Grid:
    if not files:
        raise NotPlaced("The case has no image that says where its pixels lie.")
    try:
        if is_nifti(files[0]):
            return read_grid(files[0])
        found = grid_of(files, rules)
        if found is not None:
            return found[0]
        volume = decoded_in_time(partial(read_series, files, rules))
    except DecodeFailure as failure:
        raise NotPlaced(f"The image does not say where its pixels lie: {failure.detail}") from failure
    if volume.spacing is None:
        raise NotPlaced("The image does not say how large its pixels are.")
    z, y, x = volume.voxels.shape[:3]
    return Grid((z, y, x), np.diag([*volume.spacing[::-1], 1.0]))
