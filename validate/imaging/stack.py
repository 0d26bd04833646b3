"""Slices put in order by where they lie, and what is wrong with the pile: never by instance number, which lies at will."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from validate.imaging.plane import Plane
from validate.imaging.volume import DecodeFailure
from validate.protocol.geometry import Geometry

SAME_DIRECTION = 1e-3  # largest difference of direction cosines within one pile
SAME_PLACE = 1e-2  # mm, along the normal
UNEVEN = 0.1  # of a step, by which a slice may miss its place: swallows positions rounded to 0.1 mm
SHIFTED = (
    0.1  # of a pixel, by which the last slice may be shifted against the first, and any against the line between them
)


@dataclass(frozen=True, slots=True)
class Stack:
    """A pile of slices in rising order along their normal.

    order : numbers of the planes, those at one place together      places : (slice,) mm along the normal, each once, rising
    members : of each place, its planes      step : (3,) mm, from one slice to the next
    affine : (4, 4), voxel (x, y, z, 1) to patient LPS      spacing : (z, y, x), mm
    findings : what is not as in a regular box: code → how much of it
    """

    places: NDArray[np.float64]
    members: tuple[tuple[int, ...], ...]
    first: Plane
    step: NDArray[np.float64]
    findings: dict[str, float] = field(default_factory=dict)

    @property
    def affine(self) -> NDArray[np.float64]:
        """Columns: one voxel across, one down, one slice on; the centre of the first voxel."""
        affine = np.eye(4)
        affine[:3, 0] = self.first.across * self.first.spacing[1]
        affine[:3, 1] = self.first.down * self.first.spacing[0]
        affine[:3, 2] = self.step
        affine[:3, 3] = self.first.position
        return affine

    @property
    def spacing(self) -> tuple[float, float, float]:
        return (float(np.linalg.norm(self.step)), *self.first.spacing)


def stacked(planes: Sequence[Plane], *, thickness: float | None = None) -> Stack:
    """Order and regularity of one pile.

    thickness : of a single slice, mm, which has no neighbour to say how far the next one is
    findings : "gap" (missing slices), "spacing" (largest over smallest distance), "tilt" (degrees), "phases" (planes at each
        place, where it is the same number everywhere), "duplicates" (planes at places that have another already)
    Raises DecodeFailure, decode:geometry_…: orientations, pixel_spacing, shifted.
    """
    first = planes[0]
    directions = np.array([[*plane.across, *plane.down] for plane in planes])
    if np.abs(directions - directions[0]).max() > SAME_DIRECTION:
        raise DecodeFailure("decode:geometry_orientations", "The slices of the series lie in different orientations.")
    sizes = np.array([plane.spacing for plane in planes])
    if (np.abs(sizes - sizes[0]) > SAME_DIRECTION * sizes[0]).any():
        raise DecodeFailure("decode:geometry_pixel_spacing", "The slices of the series have pixels of different sizes.")
    positions = np.array([plane.position for plane in planes])
    along = positions @ first.normal
    order = np.argsort(along, kind="stable")
    starts = np.flatnonzero(np.diff(along[order], prepend=-np.inf) > SAME_PLACE)
    members = tuple(tuple(int(i) for i in part) for part in np.split(order, starts[1:]))
    places = along[[group[0] for group in members]]
    centres = positions[[group[0] for group in members]]
    counts = {len(group) for group in members}
    findings: dict[str, float] = {}
    if counts != {1}:
        several = len(counts) == 1
        findings["phases" if several else "duplicates"] = counts.pop() if several else len(planes) - len(members)
    step, uneven = _step(first, places, centres, thickness)
    return Stack(places, members, planes[members[0][0]], step, {**findings, **uneven})


def _step(
    first: Plane, places: NDArray[np.float64], centres: NDArray[np.float64], thickness: float | None
) -> tuple[NDArray[np.float64], dict[str, float]]:
    """(mm from slice to slice, findings)."""
    count = len(places)
    if count == 1:
        return first.normal * (thickness or 1.0), {}
    distances = np.diff(places)
    typical = float(np.median(distances))
    findings: dict[str, float] = {}
    steps = typical
    if np.abs(places - np.linspace(places[0], places[-1], count)).max() > UNEVEN * distances.mean():
        parts = distances / distances.min()
        if np.abs(parts - np.rint(parts)).max() <= UNEVEN:
            findings["gap"] = float(np.rint(parts).sum() - len(parts))
            steps = float((places[-1] - places[0]) / np.rint(parts).sum())
        else:
            findings["spacing"] = round(float(distances.max() / distances.min()), 4)
            steps = float(distances.min())
    else:
        steps = float((places[-1] - places[0]) / (count - 1))
    drift, tilt = _drift(first, places, centres)
    if tilt:
        findings["tilt"] = tilt
    return (first.normal + drift) * steps, findings


def _drift(
    first: Plane, places: NDArray[np.float64], centres: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """(in-plane shift for each mm along the normal, tilt in degrees). Raises DecodeFailure where slices are on no line."""
    rise = places - places[0]
    aside = centres - centres[0] - rise[:, None] * first.normal
    allowed = SHIFTED * min(first.spacing)
    if np.linalg.norm(aside, axis=1).max() <= allowed:
        return np.zeros(3), 0.0
    slope = aside[-1] / rise[-1]
    if np.linalg.norm(aside - rise[:, None] * slope, axis=1).max() > max(allowed, UNEVEN):
        raise DecodeFailure("decode:geometry_shifted", "The slices of the series are not on one straight line.")
    return slope, round(float(np.degrees(np.arctan(np.linalg.norm(slope)))), 3)


def check_regular(stack: Stack, rules: Geometry) -> None:
    """Raise DecodeFailure, decode:geometry_…, for what the rules do not allow.

    Whether several images at one place are the same, and so do no harm, only their pixels say.
    """
    found = stack.findings
    if "gap" in found and rules.gaps == "refuse":
        detail = f"{found['gap']:.0f} slices of the series are missing between others; cohort.geometry.gaps is refuse."
        raise DecodeFailure("decode:geometry_gap", detail)
    if "spacing" in found and rules.spacing == "refuse":
        detail = f"Slice distances vary by a factor of {found['spacing']:g}; cohort.geometry.spacing is refuse."
        raise DecodeFailure("decode:geometry_spacing", detail)
    if "tilt" in found and rules.tilt == "refuse":
        detail = f"The slices are tilted by {found['tilt']:g} degrees; cohort.geometry.tilt is refuse."
        raise DecodeFailure("decode:geometry_tilt", detail)
