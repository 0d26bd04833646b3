"""A folder of DICOM measurement reports (TID 1500): their numbers as a table, their marks as lesions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from validate.canonical import digest, file_digest
from validate.cohort.case import Case
from validate.cohort.found_marks import FoundMarks, Mark, Shape, checked
from validate.errors import DataError
from validate.imaging.header import read_header
from validate.imaging.measurement_report import Group, Region, Report, read_report
from validate.imaging.series import grid_of
from validate.imaging.volume import DecodeFailure
from validate.protocol.geometry import Geometry
from validate.protocol.reference import Reference

SHAPE_OF = {"POINT": "point", "CIRCLE": "ball"}  # every other region is a box: the one around it
KEYS = (
    "study_instance_uid",
    "series_instance_uid",
    "sop_instance_uid",
    "patient_id",
    "accession_number",
    "lesion",
    "finding",
)


def reports(folder: Path) -> list[Report]:
    """Every measurement report of the tree, in the order of their paths. Raises DataError."""
    found = []
    for path in _files(folder):
        try:
            report = read_report(path)
        except DecodeFailure as failure:
            if failure.reason == "decode:not_dicom":
                continue
            raise DataError(f"report {path.name}: {failure.detail} Mend or remove it.") from failure
        if report is not None:
            found.append(report)
    if not found:
        raise DataError(f"{folder}: no DICOM measurement report (TID 1500) is there.")
    return found


def reports_digest(folder: Path) -> str:
    """Over every file of the folder: name and content."""
    return digest([[path.relative_to(folder).as_posix(), file_digest(path)] for path in _files(folder)])


def report_columns(folder: Path) -> dict[str, list[Any]]:
    """One row for each group of measurements: KEYS, a column for each thing measured or judged, "… unit" beside numbers.

    A report about several series or images leaves series_instance_uid or sop_instance_uid empty. Raises DataError.
    """
    rows: list[dict[str, Any]] = []
    for report in reports(folder):
        keys = {
            "study_instance_uid": report.study,
            "series_instance_uid": _only(report.series),
            "sop_instance_uid": _only(report.images),
            "patient_id": report.patient or None,
            "accession_number": report.accession or None,
        }
        rows += [
            {**keys, "lesion": group.lesion or None, "finding": group.finding or None, **_values(group)}
            for group in report.groups
        ]
    names = list(dict.fromkeys([*KEYS, *(name for row in rows for name in row)]))
    for name in names:
        units = {row[name] for row in rows if name.endswith(" unit") and row.get(name) is not None}
        if len(units) > 1:
            listed = " and ".join(sorted(units))
            raise DataError(
                f"{folder.name}: '{name.removesuffix(' unit')}' is measured in {listed}; one column has one unit."
            )
    return {name: [row.get(name) for row in rows] for name in names}


def report_marks(reference: Reference, folder: Path, cases: Sequence[Case], geometry: Geometry) -> FoundMarks:
    """The regions of each case's reports; a case whose reports mark nothing was read and found free. Raises DataError."""
    if reference.shape is None:
        raise DataError("reference.shape: missing; say which regions of the reports are lesions: box, point or ball.")
    owners = _Owners(cases, geometry)
    found: dict[str, list[Mark]] = defaultdict(list)
    for report in reports(folder):
        for read in owners.of(report):
            found[read] += []
        for group in report.groups:
            for region in group.regions:
                unit = owners.unit(report, region)
                if unit is not None:
                    found[unit].append(owners.mark(unit, region, group, reference.shape))
    return found


class _Owners:
    """Which case a report or region is of, and in which slice of its volume an image lies."""

    def __init__(self, cases: Sequence[Case], geometry: Geometry) -> None:
        self._series = {case.keys["series_instance_uid"]: case for case in cases if "series_instance_uid" in case.keys}
        self._images = {case.keys["sop_instance_uid"]: case for case in cases if "sop_instance_uid" in case.keys}
        self._studies: dict[str, list[Case]] = defaultdict(list)
        for case in cases:
            self._studies[case.keys.get("study_instance_uid", "")].append(case)
        self._cases = {case.unit: case for case in cases}
        self._geometry = geometry
        self._levels: dict[str, Mapping[str, int]] = {}

    def of(self, report: Report) -> set[str]:
        images = {self._images[uid].unit for uid in report.images if uid in self._images}
        return images or {self._series[uid].unit for uid in report.series if uid in self._series}

    def unit(self, report: Report, region: Region) -> str | None:
        if region.image in self._images:
            return self._images[region.image].unit
        units = self.of(report)
        if region.image:
            units = {unit for unit in units if region.image in self._slices(unit)} or units
        if len(units) > 1:
            raise DataError(
                "reference.marks: a region of a report lies in several cases of this study; which is not said."
            )
        return next(iter(units), None)

    def mark(self, unit: str, region: Region, group: Group, shape: Shape) -> Mark:
        where = f"report of case {unit}"
        if SHAPE_OF.get(region.graphic, "box") != shape:
            raise DataError(f"{where}: a region is a {region.graphic}, which is no {shape} (reference.shape).")
        points = region.points
        if points.shape[1] == 2:
            level = self._slices(unit).get(region.image)
            if level is not None and region.frame == 1:
                points = np.column_stack([points, np.full(len(points), level + 0.5)])
            elif len(self._cases[unit].files) > 1:
                raise DataError(f"{where}: a region lies in an image that is no slice of the case's series.")
        geometry = _geometry(points, shape, in_pixels=region.points.shape[1] == 2)
        flat = region.points.shape[1] == 2
        mm, pixels = (None, geometry) if flat else (geometry, None)
        return checked(Mark(shape, mm=mm, pixels=pixels, target=group.finding, lesion=group.lesion), where)

    def _slices(self, unit: str) -> Mapping[str, int]:
        """Number of the slice by SOP Instance UID; empty where the case is one plane, or its place is unknown."""
        if unit not in self._levels:
            self._levels[unit] = _levels(self._cases[unit], self._geometry)
        return self._levels[unit]


def _levels(case: Case, geometry: Geometry) -> Mapping[str, int]:
    if len(case.files) < 2:
        return {}
    try:
        found = grid_of(case.files, geometry)
        uids = [str(read_header(path, [0x00080018]).dataset.get("SOPInstanceUID") or "") for path in case.files]
    except DecodeFailure:
        return {}
    if found is None:
        return {}
    _, stack = found
    # One frame a file, in the order of the files: the planes of the stack are numbered alike.
    return {
        uids[member]: level for level, members in enumerate(stack.members) for member in members if member < len(uids)
    }


def _geometry(points: Any, shape: Shape, *, in_pixels: bool) -> tuple[float, ...]:
    if shape == "point":
        return tuple(float(part) for part in points[0])
    if shape == "ball":  # centre, and a point on the circle
        return (*(float(part) for part in points[0]), 2 * float(np.linalg.norm(points[1] - points[0])))
    low, high = points.min(axis=0), points.max(axis=0)
    if in_pixels and points.shape[1] == 3:  # drawn in one slice, which it fills
        low[2], high[2] = low[2] - 0.5, high[2] + 0.5
    return (*(float(part) for part in low), *(float(part) for part in high))


def _values(group: Group) -> dict[str, Any]:
    found: dict[str, Any] = dict(group.codes)
    for name, (number, unit) in group.numbers.items():
        found |= {name: number, f"{name} unit": unit}
    return found


def _only(uids: frozenset[str]) -> str | None:
    return next(iter(uids)) if len(uids) == 1 else None


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
