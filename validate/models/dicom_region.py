"""Where a region of a structured report is: points on an image, or in the patient, as a box, a point or a ball.

Sources: PS3.3 C.18.6.1 (SCOORD: column, row, from the upper left corner of the first pixel; C.10.5.1.2 counts alike),
C.18.9.1 (SCOORD3D: patient, mm).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.cohort.case import Case
from validate.imaging.plane import Plane, planes
from validate.imaging.volume import DecodeFailure
from validate.models.dicom_items import text

EVEN = 0.01  # by which the axes of a ball, or the sides of a pixel, may differ
Points = NDArray[np.float64]


class Misplaced(Exception):
    """Why a region is no place that can be counted: a sentence without the report's own words. `reason` is a code."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


OTHER_SHAPE = Misplaced("shape", "A region of the report is of a shape that the protocol does not ask for.")


def region(item: Any, shape: str) -> list[float]:
    """Of an SCOORD, or a graphic of a presentation state: a box (x, y, x, y), a point (x, y) or a ball (x, y, diameter), in pixels."""
    points, kind = _points(item, 2), text(item, "GraphicType")
    if kind == "CIRCLE" and len(points) == 2:  # centre, and a point on it
        centre, radius = points[0], float(np.linalg.norm(points[1] - points[0]))
        return _made(shape, centre - radius, centre + radius, centre, 2 * radius)
    if kind == "ELLIPSE" and len(points) == 4:  # ends of the major axis, then of the minor one
        return _ellipse(points, shape)
    if kind == "POINT" and len(points) == 1 and shape == "point":
        return [*points[0].tolist()]
    if kind in {"POLYLINE", "INTERPOLATED", "MULTIPOINT"} and len(points) > 1:
        low, high = points.min(axis=0), points.max(axis=0)
        return _made(shape, low, high, (low + high) / 2, None)
    raise OTHER_SHAPE


def region_in_patient(item: Any, shape: str, case: Case) -> list[float]:
    """Of an SCOORD3D, in mm of the patient, which must be in the same frame of reference as the case's images."""
    frame = text(item, "ReferencedFrameOfReferenceUID")
    if not frame or frame != _frame_of(case):
        raise Misplaced(
            "frame_of_reference", "A region of the report lies in another frame of reference than the image."
        )
    points, kind = _points(item, 3), text(item, "GraphicType")
    if kind == "POINT" and len(points) == 1 and shape == "point":
        return [*points[0].tolist()]
    if kind == "ELLIPSOID" and len(points) == 6:  # ends of the three axes
        return _ellipse(points, shape)
    if kind in {"POLYLINE", "POLYGON", "MULTIPOINT", "ELLIPSE"} and len(points) > 1 and shape != "ball":
        low, high = points.min(axis=0), points.max(axis=0)
        return _made(shape, low, high, (low + high) / 2, None)
    raise OTHER_SHAPE


def on_image(flat: list[float], shape: str, instance: str, case: Case) -> list[float]:
    """What lies at these pixels of one of the case's images, in mm of the patient. A box in a plane is no box in a volume."""
    if shape == "box":
        raise Misplaced("flat", "A box of the report lies in one plane of a volume, and so holds nothing of it.")
    plane = _plane_of(instance, case)
    down, across = plane.spacing
    x, y = flat[0] - 0.5, flat[1] - 0.5  # pixels are counted from their corner, a plane from its first pixel's centre
    at = plane.position + plane.across * across * x + plane.down * down * y
    if shape == "point":
        return [*at.tolist()]
    if abs(down - across) > EVEN * min(down, across):
        raise Misplaced("ball", "A ball of the report lies on pixels whose sides differ, so its diameter is no length.")
    return [*at.tolist(), flat[2] * (down + across) / 2]


def _made(shape: str, low: Points, high: Points, centre: Points, diameter: float | None) -> list[float]:
    if shape == "box":
        return [*low.tolist(), *high.tolist()]
    if shape == "point":
        return [*centre.tolist()]
    if diameter is None:
        raise OTHER_SHAPE
    return [*centre.tolist(), diameter]


def _ellipse(points: Points, shape: str) -> list[float]:
    """From the ends of its axes, each pair after the other. Half its extent along an axis is the root of the sum of squares."""
    pairs = points.reshape(-1, 2, points.shape[1])
    centre = np.asarray(pairs.mean(axis=(0, 1)))
    halves = (pairs[:, 1] - pairs[:, 0]) / 2
    reach = np.sqrt((halves**2).sum(axis=0))
    lengths = 2 * np.linalg.norm(halves, axis=1)
    round_enough = float(np.ptp(lengths)) <= EVEN * float(lengths.min())
    return _made(shape, centre - reach, centre + reach, centre, float(lengths.mean()) if round_enough else None)


def _points(item: Any, axes: int) -> Points:
    try:
        values = np.array([float(value) for value in item.get("GraphicData") or ()], np.float64)
    except (TypeError, ValueError):
        values = np.array([np.nan])
    if not values.size or values.size % axes or not np.isfinite(values).all():
        raise Misplaced("region", "A region of the report has no coordinates that can be read.")
    return values.reshape(-1, axes)


def _frame_of(case: Case) -> str:
    from pydicom import dcmread

    if not case.files:
        return ""
    header = dcmread(case.files[0], stop_before_pixels=True, specific_tags=["FrameOfReferenceUID"])
    return text(header, "FrameOfReferenceUID")


def _plane_of(instance: str, case: Case) -> Plane:
    from pydicom import dcmread

    for path in case.files:
        header = dcmread(path, stop_before_pixels=True)
        if text(header, "SOPInstanceUID") != instance:
            continue
        try:
            (plane,) = planes(header, 1)
        except DecodeFailure as failure:
            raise Misplaced("no_geometry", failure.detail) from failure
        if plane is not None:
            return plane
        break
    raise Misplaced(
        "no_geometry", "The image that a region of the report is on does not say where it lies in the patient."
    )
