"""Closed planar contours of an RT Structure Set (PS3.3 C.8.8.6) as a label map on the grid of their image.

A voxel belongs to a structure where its centre lies inside an odd number of the structure's contours in its slice, so that a
contour within another is a hole. A centre on a contour counts where it is the left or upper side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from validate.imaging.mask import Grid
from validate.imaging.volume import DecodeFailure

OFF_SLICE = 0.1  # of a slice, by which a contour may miss it
MOST_POINTS = 50_000_000


@dataclass(frozen=True, slots=True)
class Contour:
    """name : of the structure (ROI Name)    kind : CLOSED_PLANAR, POINT, …    points : (n, 3), patient LPS, mm"""

    name: str
    kind: str
    points: NDArray[np.float64]


def contours(dataset: Dataset) -> Iterator[Contour]:
    """Of every structure. Raises DecodeFailure, mask:contour, for what is none."""
    names = {_number(item, "ROINumber"): str(item.get("ROIName") or "") for item in dataset.StructureSetROISequence}
    total = 0
    for structure in dataset.get("ROIContourSequence") or ():
        name = names.get(_number(structure, "ReferencedROINumber"))
        if name is None:
            raise DecodeFailure("mask:contour", "Contours belong to a structure that the file does not list.")
        for item in structure.get("ContourSequence") or ():
            points = _points(item)
            total += len(points)
            if total > MOST_POINTS:
                raise DecodeFailure("mask:too_large", f"The contours have more than {MOST_POINTS:,} points.")
            yield Contour(name, str(item.get("ContourGeometricType") or ""), points)


def structure_names(dataset: Dataset) -> tuple[str, ...]:
    """As written (ROI Name)."""
    return tuple(str(item.get("ROIName") or "") for item in dataset.get("StructureSetROISequence") or ())


def drawn(contour: Contour, grid: Grid, rule: Literal["refuse", "nearest"]) -> tuple[int, NDArray[np.bool_]] | None:
    """(slice, (y, x) inside) of one closed contour; None where it lies outside of the image.

    rule : of a contour that lies in no slice: "refuse", or the "nearest" slice
    Raises DecodeFailure: mask:contour, mask:grid.
    """
    if contour.kind != "CLOSED_PLANAR" or len(contour.points) < 3:
        what = contour.kind or "of no kind"
        raise DecodeFailure("mask:contour", f"A contour is {what}; a structure is drawn with closed planar contours.")
    index = np.column_stack([contour.points, np.ones(len(contour.points))]) @ np.linalg.inv(grid.affine).T[:, :3]
    level = round(float(index[:, 2].mean()))
    if rule == "refuse" and np.abs(index[:, 2] - level).max() > OFF_SLICE:
        detail = "A contour lies in none of the image's slices; reference.grid is refuse."
        raise DecodeFailure("mask:grid", detail)
    if not 0 <= level < grid.shape[0]:
        return None
    return level, inside(index[:, :2], grid.shape[1:])


def inside(corners: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """(y, x) whether a pixel's centre is inside of the polygon, by the even-odd rule.

    corners : (n, 2) x, y in pixels, pixel centres at whole numbers
    """
    rows, columns = shape
    (x0, y0), (x1, y1) = corners.T, np.roll(corners, -1, axis=0).T
    low, high = np.minimum(y0, y1), np.maximum(y0, y1)
    first, last = np.clip(np.ceil(low), 0, rows).astype(int), np.clip(np.ceil(high), 0, rows).astype(int)
    counts = last - first
    edge = np.repeat(np.arange(len(corners)), counts)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
    crossing = x0[edge] + (row - y0[edge]) / (y1[edge] - y0[edge]) * (x1[edge] - x0[edge])
    turns = np.zeros((rows, columns + 1), np.int32)
    np.add.at(turns, (row, np.clip(np.ceil(crossing), 0, columns).astype(int)), 1)
    return np.asarray(np.cumsum(turns, axis=1)[:, :columns] % 2 == 1)


def _number(item: Dataset, keyword: str) -> int:
    try:
        return int(item[keyword].value)
    except (KeyError, TypeError, ValueError):
        raise DecodeFailure("mask:contour", f"A structure has no {keyword}.") from None


def _points(item: Dataset) -> NDArray[np.float64]:
    data: Any = item.get("ContourData")
    try:
        numbers = np.array([float(part) for part in data or ()], np.float64)
    except (TypeError, ValueError):
        numbers = np.array([np.nan])
    if numbers.size == 0 or numbers.size % 3 or not np.isfinite(numbers).all():
        raise DecodeFailure("mask:contour", "A contour is no list of points of three numbers.")
    return numbers.reshape(-1, 3)
