"""Reference marks as one plain table, whatever they came from: which lesions a case has, where, and of what kind.

    unit        pseudonym of the case
    lesion      its id within the case, as the source says, else its number there ("1", "2", …)
    target      what kind of lesion, "" where the source tells no kinds apart
    shape       "box", "point" or "ball", as a model's marks are
    mm          numbers of that shape in patient LPS, mm, or null: box x, y[, z] of the lower and of the upper corner; point
                x, y, z; ball x, y, z of the centre and the diameter
    pixels      the same in pixels of the image, counted from the corner of the first one as in COCO (x along columns, y along
                rows, z along slices, in the order of `read_series`), or null; of a plane without z

Either `mm` or `pixels` is there; both are where the image says where it lies and the shape has one form in both: a box only
where the image's axes are the patient's, a ball where its pixels are as high as wide as deep.

A case that was read and has no lesion is "present" with no row here; one that nobody read is "missing".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from validate.cohort.case import Case
from validate.cohort.coco import coco_marks, image_order, is_coco, listed_images
from validate.cohort.found_marks import FoundMarks, Mark
from validate.cohort.lesion_table import table_marks
from validate.cohort.report_folder import report_marks, reports
from validate.cohort.table import key_text, read_table
from validate.errors import DataError
from validate.imaging.mask import Grid
from validate.imaging.nifti import is_nifti, read_grid
from validate.imaging.series import grid_of
from validate.imaging.volume import DecodeFailure
from validate.protocol.geometry import Geometry
from validate.protocol.reference import Reference

SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in ("unit", "lesion", "target", "shape")),
        pa.field("mm", pa.list_(pa.float64())),
        pa.field("pixels", pa.list_(pa.float64())),
    ]
)
STATUS = pa.schema([pa.field("unit", pa.string(), nullable=False), pa.field("status", pa.string(), nullable=False)])
ALIGNED = 1e-3  # largest direction cosine of axes that still count as parallel or at right angles


@dataclass(frozen=True, slots=True)
class Lesions:
    """cases : unit, status ("present" or "missing") in the cohort's order      marks : as SCHEMA says, in that order too
    about : of each of them what else its source says (found_marks.Mark.about)
    """

    cases: pa.Table
    marks: pa.Table
    about: tuple[Mapping[str, Any], ...] = ()


def read_lesions(
    reference: Reference,
    *,
    base: Path,
    cases: Sequence[Case],
    geometry: Geometry | None = None,
    attributes: Sequence[str] = (),
) -> Lesions:
    """The marks of every case, from a table of lesions, COCO JSON or a folder of DICOM reports (reference.marks).

    attributes : columns of a table that are wanted of each, besides

    Raises DataError where they can't be read, belong to no case, or lie outside their image.
    """
    found = _found(reference, base, cases, attributes, geometry)
    statuses, rows, about = [], [], []
    for case in cases:
        marks = found.get(case.unit)
        statuses.append({"unit": case.unit, "status": "missing" if marks is None else "present"})
        grid = _grid(case, geometry) if marks else None
        for number, mark in enumerate(marks or (), 1):
            rows.append({"unit": case.unit, **_row(mark, number, grid, case)})
            about.append(mark.about)
    if all(status["status"] == "missing" for status in statuses):
        raise DataError(
            f"reference.marks {reference.marks}: none of {len(cases)} cases is in it. Check that '{reference.key}' means the "
            "same there and in the images."
        )
    return Lesions(
        pa.Table.from_pylist(statuses, schema=STATUS),
        pa.Table.from_pylist(rows, schema=SCHEMA),
        tuple(about),
    )


def order_of_images(reference: Reference, *, base: Path, cases: Sequence[Case]) -> dict[str, int]:
    """Each unit's place: by image ids of a COCO file, else by reference.key, numbers in it as numbers; cases without either last.

    The cohort's own order hangs on what files hold. Where boxes of two images have equal scores, COCO's numbers hang on this one.
    """
    path = base / str(reference.marks)
    if reference.marks is not None and path.suffix.lower() == ".json" and is_coco(path):
        listed = image_order(reference, path, cases)
    else:
        keys = {case.unit: key_text(case.keys.get(str(reference.key))) for case in cases}
        listed = sorted((unit for unit, key in keys.items() if key), key=lambda unit: _as_numbers(str(keys[unit])))
    there = set(listed)
    return {unit: place for place, unit in enumerate([*listed, *(c.unit for c in cases if c.unit not in there)])}


def _as_numbers(key: str) -> list[tuple[bool, int, str]]:
    return [
        (not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"([0-9]+)", key) if part
    ]


def marked_units(reference: Reference, base: Path, cases: Sequence[Case]) -> frozenset[str]:
    """Units that somebody read, without a look at what was marked. Raises DataError."""
    return frozenset(_found(reference, base, cases))


def listed_keys(reference: Reference, base: Path) -> frozenset[str]:
    """What the cases are called that the source speaks of, without a look at what was marked. Raises DataError."""
    path = base / str(reference.marks)
    if path.is_dir():
        found = reports(path)
        known = {uid for report in found for uid in (*report.series, *report.images, report.study, report.accession)}
        return frozenset(known - {""})
    if path.suffix.lower() == ".json" and is_coco(path):
        return listed_images(path)
    keys = (key_text(value) for value in read_table(path, what="table of marks").column(str(reference.key)))
    return frozenset(key for key in keys if key is not None)


def _found(
    reference: Reference,
    base: Path,
    cases: Sequence[Case],
    attributes: Sequence[str] = (),
    geometry: Geometry | None = None,
) -> FoundMarks:
    path = base / str(reference.marks)
    if path.is_dir():
        return report_marks(reference, path, cases, geometry or Geometry())
    if path.suffix.lower() == ".json" and is_coco(path):
        return coco_marks(reference, path, cases)
    return table_marks(reference, path, cases, attributes)


def _grid(case: Case, geometry: Geometry | None) -> Grid | None:
    """Where the case's image lies; None where nothing says so."""
    if not case.files:
        return None
    try:
        if is_nifti(case.files[0]):
            return read_grid(case.files[0])
        found = grid_of(case.files, geometry or Geometry())
    except DecodeFailure:
        return None  # the case fails for that at inference, with the reason
    return found[0] if found is not None else None


def _row(mark: Mark, number: int, grid: Grid | None, case: Case) -> Mapping[str, object]:
    mm, pixels = mark.mm, mark.pixels
    if grid is not None and pixels is None and mm is not None:
        pixels = to_pixels(mark.shape, mm, grid)
    elif grid is not None and mm is None and pixels is not None:
        mm = to_mm(mark.shape, pixels, grid)
    if grid is not None and pixels is not None:
        _check_inside(mark, pixels, grid, case)
    return {
        "lesion": mark.lesion or str(number),
        "target": mark.target,
        "shape": mark.shape,
        "mm": None if mm is None else [float(part) for part in mm],
        "pixels": None if pixels is None else [float(part) for part in pixels],
    }


def to_mm(shape: str, pixels: Sequence[float], grid: Grid) -> tuple[float, ...] | None:
    """The same mark in patient LPS; None where the shape has no such form there."""
    points = _corners(shape, pixels, grid)
    if points is None:
        return None
    here = np.array([[*(point - 0.5), 1.0] for point in points]) @ grid.affine.T
    return _joined(shape, here[:, :3], pixels, scale=grid.spacing[1])


def to_pixels(shape: str, mm: Sequence[float], grid: Grid) -> tuple[float, ...] | None:
    """The same mark in pixels; None where the shape has no such form there."""
    points = _corners(shape, mm, grid)
    if points is None or len(points[0]) != 3:
        return None
    here = np.array([[*point, 1.0] for point in points]) @ np.linalg.inv(grid.affine).T
    return _joined(shape, here[:, :3] + 0.5, mm, scale=1 / grid.spacing[1])


def _corners(shape: str, numbers: Sequence[float], grid: Grid) -> list[NDArray[np.float64]] | None:
    """The points of a mark, (x, y, z) each; of a plane, in its middle. None where the shape does not survive."""
    axes = grid.affine[:3, :3] / np.linalg.norm(grid.affine[:3, :3], axis=0)
    straight = bool(((np.abs(axes) < ALIGNED) | (np.abs(axes) > 1 - ALIGNED)).all())
    if shape == "box" and not straight:
        return None
    parts = numbers[:-1] if shape == "ball" else numbers
    size = len(parts) // 2 if shape == "box" else len(parts)
    sides = grid.spacing[-size:]
    if shape == "ball" and max(sides) > (1 + ALIGNED) * min(sides):
        return None
    points = [np.array(parts[at : at + size], np.float64) for at in range(0, len(parts), size)]
    if size == 3:
        return points
    if grid.shape[0] != 1:
        return None  # in which slice the mark lies is not said
    return [np.append(point, 0.5) for point in points]


def _joined(shape: str, points: NDArray[np.float64], numbers: Sequence[float], *, scale: float) -> tuple[float, ...]:
    if shape == "box":
        return (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())
    return (*points[0].tolist(), *((numbers[-1] * scale,) if shape == "ball" else ()))


def _check_inside(mark: Mark, pixels: Sequence[float], grid: Grid, case: Case) -> None:
    """Raise DataError where the whole mark lies outside its image: then the two do not belong together."""
    size = grid.shape[::-1]
    axes = len(pixels) // 2 if mark.shape == "box" else len(pixels) - (mark.shape == "ball")
    upper = pixels[axes:] if mark.shape == "box" else pixels[:axes]
    outside: Iterable[bool] = (
        high < 0 or low > most for low, high, most in zip(pixels[:axes], upper, size, strict=False)
    )
    if any(outside):
        raise DataError(
            f"reference.marks: a {mark.shape} of case {case.unit} lies outside of its image. Check reference.space, and that "
            "the marks belong to these images."
        )
