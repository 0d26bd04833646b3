"""Where each frame of a DICOM file lies: its first pixel, its directions and its pixels' size, as the header says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from validate.imaging.element_value import value_of
from validate.imaging.functional_groups import macro
from validate.imaging.volume import DecodeFailure

UNIT = 1e-3  # by which a direction's length may miss 1, and two directions a right angle
FARTHEST = 1e6  # mm


@dataclass(frozen=True, slots=True)
class Plane:
    """Patient LPS, mm.

    position : (3,) centre of the first pixel      across, down : (3,) unit vectors of rising column and rising row
    spacing : (y, x), distance of rows and of columns
    """

    position: NDArray[np.float64]
    across: NDArray[np.float64]
    down: NDArray[np.float64]
    spacing: tuple[float, float]

    @property
    def normal(self) -> NDArray[np.float64]:
        """(3,) unit vector, across × down: the direction in which slices are counted."""
        return np.asarray(np.cross(self.across, self.down))


def planes(dataset: Dataset, frames: int) -> list[Plane | None]:
    """Of each frame; None where the header does not say. Raises DecodeFailure where what it says can't be."""
    if frames > 1 and not value_of(dataset, "PerFrameFunctionalGroupsSequence"):
        return _equidistant(dataset, frames)
    return [_plane(dataset, frame) for frame in range(frames)]


def _plane(dataset: Dataset, frame: int) -> Plane | None:
    position = _numbers(value_of(macro(dataset, frame, "PlanePositionSequence"), "ImagePositionPatient"), 3)
    directions = _numbers(value_of(macro(dataset, frame, "PlaneOrientationSequence"), "ImageOrientationPatient"), 6)
    return _made(position, directions, macro(dataset, frame, "PixelMeasuresSequence"))


def _made(position: Sequence[float] | None, directions: Sequence[float] | None, measures: Dataset) -> Plane | None:
    spacing = _numbers(value_of(measures, "PixelSpacing"), 2)
    if position is None or directions is None or spacing is None:
        return None
    across, down = np.array(directions[:3], np.float64), np.array(directions[3:], np.float64)
    lengths = float(np.linalg.norm(across)), float(np.linalg.norm(down))
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(float(across @ down))) > UNIT:
        raise DecodeFailure(
            "decode:geometry_orientation", "The directions of rows and columns are not at right angles."
        )
    if min(spacing) <= 0.0 or float(np.abs([*position, *spacing]).max()) > FARTHEST:
        raise DecodeFailure("decode:geometry_orientation", "The header's pixel spacing or position can't be.")
    return Plane(np.array(position, np.float64), across / lengths[0], down / lengths[1], (spacing[0], spacing[1]))


def _equidistant(dataset: Dataset, frames: int) -> list[Plane | None]:
    """Frames of older objects: RT Dose (PS3.3 C.8.8.3.2) and reconstructed NM (C.8.4.15) say one place and the distances."""
    place = dataset
    offsets = _numbers(dataset.get("GridFrameOffsetVector"), frames)
    if offsets is None:
        detectors: Any = dataset.get("DetectorInformationSequence") or ()
        step = _numbers([dataset.get("SpacingBetweenSlices")], 1)
        if "TOMO" not in str(dataset.get("ImageType")) or len(detectors) == 0 or step is None:
            return [None] * frames
        place, offsets = detectors[0], (step[0] * np.arange(frames)).tolist()
    elif offsets[0] != 0:
        return [None] * frames  # absolute coordinates along the patient: only of transverse planes, and retired
    first = _made(
        _numbers(place.get("ImagePositionPatient"), 3), _numbers(place.get("ImageOrientationPatient"), 6), dataset
    )
    if first is None:
        return [None] * frames
    return [
        Plane(first.position + offset * first.normal, first.across, first.down, first.spacing) for offset in offsets
    ]


def _numbers(value: Any, count: int) -> list[float] | None:
    """`count` finite numbers, or None where the element is absent, empty or something else."""
    try:
        numbers = [float(part) for part in value or ()]
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count and bool(np.isfinite(numbers).all()) else None
