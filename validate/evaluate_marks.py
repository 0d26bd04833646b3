"""`evaluate(task="detection")`: a table of cases, one of marks and one of lesions, judged here or judged already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import ValidationError

from validate.casewise.objects import Objects, fit
from validate.cohort.table import key_text
from validate.errors import DataError
from validate.estimation.cases import Groups, Sample, with_lesions
from validate.estimation.marked import LESION, Marked, lesion_levels, marked_rows, members_of
from validate.evaluate_questions import column, numbers
from validate.metrics.metric import Rows
from validate.protocol.detection import Hit
from validate.results.levels import level_texts
from validate.stats.detection.coco import match
from validate.stats.detection.geometry import diameters
from validate.stats.detection.hits import NONE, assign

Floats = NDArray[np.float64]
SHAPES = {
    "box": ("x_min", "y_min", "z_min", "x_max", "y_max", "z_max"),
    "ball": ("x", "y", "z", "diameter"),
    "point": ("x", "y", "z"),
}
DEEP = frozenset({"z", "z_min", "z_max"})


@dataclass(frozen=True, slots=True)
class MarkedTables:
    """Cases, marks and lesions as `evaluate` got them.

    key : column that names the case, in all three      hit : as a protocol's detection.hit      by : columns of cases or of lesions
    """

    cases: pa.Table
    marks: pa.Table
    lesions: pa.Table
    key: str
    score: str
    hit: Mapping[str, Any] | None
    repeated_hits: str
    by: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class MarkedSamples:
    """What metrics of cases, and what metrics of lesions, are computed from."""

    found: Marked
    patients: NDArray[np.int64]
    groups: Groups
    condition: Mapping[str, float]
    inclusive: bool

    def of(self, needs: Sequence[str]) -> Sample:
        """Groups of lesions only for metrics of lesions."""
        nobody = np.zeros(self.patients.size, np.bool_)
        rows = marked_rows(self.found, cases=self.patients.size, worst=nobody, best=nobody, keep=~nobody)
        columns = dict(rows.columns)
        if "threshold" in self.condition:
            at = self.condition["threshold"]
            columns["flagged"] = columns["score"] >= at if self.inclusive else columns["score"] > at
        kept = [n for n, name in enumerate(self.groups.attributes) if name not in self.found.levels or LESION in needs]
        groups = Groups(
            tuple(self.groups.attributes[n] for n in kept),
            tuple(self.groups.levels[n] for n in kept),
            self.groups.members[kept],
        )
        members = members_of(groups, rows, self.found)
        return Sample(
            Rows(columns, dict(self.condition)),
            self.patients[rows.case],
            self.patients[rows.case],
            Groups(groups.attributes, groups.levels, members),
            np.zeros(len(kept), np.int64),
            counted=rows.kinds == 0,
        )


def marked_samples(
    tables: MarkedTables,
    patients: NDArray[np.int64],
    groups: Groups,
    *,
    threshold: float | None,
    inclusive: bool,
) -> MarkedSamples:
    """Judge the marks. Raises DataError, in a sentence, for what can't be judged."""
    place = _places(tables)
    found = _judged(tables, place)
    of_lesions = [name for name in tables.by if name not in tables.cases.column_names]
    levels = [one for one in lesion_levels(found) if one[0] in of_lesions]
    condition = {} if threshold is None else {"threshold": float(threshold)}
    return MarkedSamples(found, patients, with_lesions(groups, levels), condition, inclusive)


def _places(tables: MarkedTables) -> dict[str, int]:
    """Row number of each case. Raises DataError where a key stands twice or is empty."""
    place: dict[str, int] = {}
    for row, value in enumerate(column(tables.cases, tables.key).to_pylist()):
        key = key_text(value)
        if key is None or key in place:
            what = "is empty" if key is None else "stands in another row too"
            raise DataError(f"frame: row {row + 1}: {tables.key} {what}; each case has one row.")
        place[key] = row
    return place


def _cases_of(table: pa.Table, name: str, tables: MarkedTables, place: Mapping[str, int]) -> NDArray[np.int64]:
    keys = [key_text(value) for value in _column(table, name, tables.key).to_pylist()]
    strange = sum(key not in place for key in keys)
    if strange:
        raise DataError(
            f"{name}: {strange} of {len(keys)} rows name no case of the frame by '{tables.key}'. Every case that was read has a row "
            "there, with marks and lesions or without."
        )
    return np.array([place[str(key)] for key in keys], np.int64)


def _column(table: pa.Table, name: str, wanted: str) -> pa.ChunkedArray:
    if wanted not in table.column_names:
        raise DataError(f"{name}: no column '{wanted}'; its columns are {', '.join(map(repr, table.column_names))}.")
    return table[wanted]


def _judged(tables: MarkedTables, place: Mapping[str, int]) -> Marked:
    of_mark = _cases_of(tables.marks, "marks", tables, place)
    of_lesion = _cases_of(tables.lesions, "lesions", tables, place)
    scores = numbers(_column(tables.marks, "marks", tables.score), f"marks.{tables.score}")
    if tables.repeated_hits not in {"ignore", "false_mark"}:
        raise DataError(f"repeated_hits: got '{tables.repeated_hits}', expected 'ignore' or 'false_mark'.")
    lesion = np.full(scores.size, NONE, np.int64)
    repeated = np.zeros(scores.size, np.bool_)
    boxes = None
    if tables.hit is None:
        lesion, repeated = _told(tables, of_mark, of_lesion, scores)
    else:
        try:
            hit = Hit.model_validate(dict(tables.hit))
        except ValidationError as error:
            problem = error.errors()[0]
            raise DataError(f"hit: {'.'.join(map(str, problem['loc']))}: {problem['msg']}.") from error
        marks, lesions = _objects(tables.marks, "marks"), _objects(tables.lesions, "lesions")
        _check(hit, marks, lesions)
        _check_distinct("marks", marks, of_mark)
        _check_distinct("lesions", lesions, of_lesion)
        boxes = (marks, lesions) if {marks.shape, lesions.shape} == {"box"} else None
        for case in np.unique(of_mark).tolist():
            own, there = np.flatnonzero(of_mark == case), np.flatnonzero(of_lesion == case)
            closeness = fit(_only(marks, own), _only(lesions, there), hit)
            decided = assign(scores[own], closeness, np.zeros(there.size, np.bool_))
            hits = decided.lesion != NONE
            lesion[own[hits]] = there[decided.lesion[hits]]
            repeated[own] = decided.repeated
    best = np.full(of_lesion.size, -np.inf)
    best[lesion[lesion != NONE]] = scores[lesion != NONE]
    false = (lesion == NONE) & (~repeated if tables.repeated_hits == "ignore" else True)
    bits = np.zeros((scores.size, 4), np.int64)
    rank, over, counted = np.zeros(scores.size, np.int64), bits, np.zeros((of_lesion.size, 4), np.bool_)
    if boxes is not None:
        found = match(of_mark, _extents(boxes[0]), scores, of_lesion, _extents(boxes[1]))
        bits, over, rank, counted = found.matched, found.ignored, found.rank, found.counted
    return Marked(
        mark_case=of_mark, mark_score=scores, false=np.asarray(false), judged=np.ones(scores.size, np.bool_), matched=bits,
        passed_over=over, rank=rank, lesion_case=of_lesion, lesion_score=best, counted=counted,
        levels={
            name: level_texts(name, tables.lesions[name].to_pylist())
            for name in tables.by
            if name not in tables.cases.column_names and name in tables.lesions.column_names
        },
    )  # fmt: skip


def _told(
    tables: MarkedTables, of_mark: NDArray[np.int64], of_lesion: NDArray[np.int64], scores: Floats
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Marks that say themselves which lesion they hit, by column "lesion"; empty where they hit none."""
    names = [key_text(value) for value in _column(tables.lesions, "lesions", "lesion").to_pylist()]
    known = {(case, name): row for row, (case, name) in enumerate(zip(of_lesion.tolist(), names, strict=True))}
    if len(known) < len(names) or None in names:
        raise DataError("lesions: column 'lesion' must name each lesion of a case, and each differently.")
    said = [key_text(value) for value in _column(tables.marks, "marks", "lesion").to_pylist()]
    lesion, repeated = np.full(scores.size, NONE, np.int64), np.zeros(scores.size, np.bool_)
    taken: set[int] = set()
    for mark in np.argsort(-scores, kind="stable").tolist():
        if said[mark] is None:
            continue
        row = known.get((int(of_mark[mark]), said[mark]))
        if row is None:
            raise DataError(f"marks: row {mark + 1} hits a lesion that its case does not have.")
        if row in taken:
            repeated[mark] = True
        else:
            lesion[mark] = row
            taken.add(row)
    return lesion, repeated


def _objects(table: pa.Table, name: str) -> Objects:
    """By the first shape whose columns are there; z may lack in a plane."""
    for shape, names in SHAPES.items():
        wanted = [one for one in names if one in table.column_names or one not in DEEP]
        if not all(one in table.column_names for one in wanted):
            continue
        geometry = np.stack([numbers(table[one], f"{name}.{one}") for one in wanted], axis=1)
        axes = geometry.shape[1] // 2
        wrong = (geometry[:, axes:] <= geometry[:, :axes]).any(axis=1) if shape == "box" else geometry[:, -1] <= 0
        if shape != "point" and wrong.any():
            what = "are inverted or have no extent" if shape == "box" else "have no diameter"
            raise DataError(
                f"{name}: {int(wrong.sum())} of {len(geometry)} rows {what}; the first is row {int(wrong.argmax()) + 1}."
            )
        return Objects(shape, geometry, diameters(shape, geometry))
    told = "; or ".join(", ".join(names) for names in SHAPES.values())
    raise DataError(f"{name}: no columns that say where they lie: {told} (without z in a plane).")


def _check(hit: Hit, marks: Objects, lesions: Objects) -> None:
    if len(marks) and len(lesions) and marks.centres.shape[1] != lesions.centres.shape[1]:
        raise DataError("marks and lesions: one has z and the other has not.")
    extended = {
        "iou": {"box", "ball"},
        "centre_in_object": {"box", "ball"},
        "diameter_fraction": {"ball"},
        "distance": set(SHAPES),
    }
    if lesions.shape not in extended[hit.criterion]:
        raise DataError(f"hit: {hit.criterion} can't be judged of lesions that are {lesions.shape}s; say distance.")
    if hit.criterion == "iou" and marks.shape != lesions.shape:
        raise DataError(f"hit: overlap is of two of a kind, and these are a {marks.shape} and a {lesions.shape}.")
    if hit.criterion != "centre_in_object" and hit.value is None:
        raise DataError(f"hit: {hit.criterion} needs a value.")
    if hit.criterion == "iou" and hit.value is not None and hit.value > 1:
        raise DataError(f"hit: value is {hit.value:g}; an overlap is more than 0 and at most 1.")


def _check_distinct(name: str, objects: Objects, of_case: NDArray[np.int64]) -> None:
    """Two at one place are one, counted twice."""
    seen: dict[tuple[int, ...], int] = {}
    for row, place in enumerate(zip(of_case.tolist(), *objects.geometry.T.tolist(), strict=True), start=1):
        if place in seen:
            raise DataError(
                f"{name}: row {row} lies at the very place of row {seen[place]}, in the same case. Remove one of them."
            )
        seen[place] = row


def _only(objects: Objects, rows: NDArray[np.int64]) -> Objects:
    return Objects(objects.shape, objects.geometry[rows], objects.size[rows])


def _extents(objects: Objects) -> Floats:
    axes = objects.geometry.shape[1] // 2
    return np.column_stack((objects.geometry[:, :axes], objects.geometry[:, axes:] - objects.geometry[:, :axes]))
