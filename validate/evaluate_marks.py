"""`evaluate(task="detection")`: a table of cases, one of marks and one of lesions, judged here or judged already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import ValidationError

from validate.casewise.objects import Objects, fit
from validate.cohort.table import key_text
from validate.errors import DataError
from validate.estimation.groups import Groups, with_lesions
from validate.estimation.marked import LESION, Marked, lesion_levels, marked_rows, members_of
from validate.estimation.sample import Sample
from validate.evaluate_questions import column, numbers
from validate.metrics.metric import Rows
from validate.protocol.detection import Hit
from validate.protocol.targets import ALL
from validate.results.levels import level_texts
from validate.stats.detection.coco import match
from validate.stats.detection.geometry import diameters
from validate.stats.detection.hits import NONE, Hits, assign

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
    kind : column of marks and of lesions that says of which class each is, where there are several
    """

    cases: pa.Table
    marks: pa.Table
    lesions: pa.Table
    key: str
    score: str
    hit: Mapping[str, Any] | None
    repeated_hits: str
    by: Sequence[str] = ()
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class MarkedSamples:
    """What metrics of cases, and what metrics of lesions, are computed from."""

    found: Marked
    patients: NDArray[np.int64]
    groups: Groups
    condition: Mapping[str, float]
    inclusive: bool

    @property
    def told(self) -> tuple[NDArray[Any], ...]:
        """What numbers hang on."""
        found = self.found
        return found.mark_case, found.mark_score, found.lesion_case, found.lesion_score

    def of(self, needs: Sequence[str], options: Mapping[str, float]) -> Sample:
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
            Rows(columns, {**self.condition, **options}),
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
    found = judged(tables)
    of_lesions = [name for name in tables.by if name not in tables.cases.column_names]
    levels = [one for one in lesion_levels(found) if one[0] in of_lesions]
    condition = {} if threshold is None else {"threshold": float(threshold)}
    return MarkedSamples(found, patients, with_lesions(groups, levels), condition, inclusive)


def classes(tables: MarkedTables) -> tuple[str, ...]:
    """The kinds of lesion, by name; empty where no column tells them apart."""
    if tables.kind is None:
        return ()
    named = {
        key_text(value)
        for table, name in ((tables.marks, "marks"), (tables.lesions, "lesions"))
        for value in _column(table, name, tables.kind).to_pylist()
    }
    if None in named:
        raise DataError(
            f"truth: column '{tables.kind}' is empty in a row of marks or lesions; say of which class each is."
        )
    if ALL in named:
        raise DataError(f"truth: the class '{ALL}' is reserved for all of them together; call it another.")
    return tuple(sorted(str(name) for name in named))


def of_class(tables: MarkedTables, name: str) -> MarkedTables:
    """The same cases, with the marks and lesions of one class."""
    assert tables.kind is not None
    marks, lesions = (
        table.filter(pa.array([key_text(value) == name for value in table[tables.kind].to_pylist()], pa.bool_()))
        for table in (tables.marks, tables.lesions)
    )
    return replace(tables, marks=marks, lesions=lesions, kind=None)


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


def judged(tables: MarkedTables) -> Marked:
    """Which mark hits which lesion, each class by itself. Raises DataError."""
    place, kinds = _places(tables), classes(tables)
    if not kinds:
        return _judged(tables, place)
    parts = [_judged(of_class(tables, name), place) for name in kinds]
    together = {
        item.name: np.concatenate([getattr(part, item.name) for part in parts])
        for item in fields(Marked)
        if item.name not in {"levels", "mark_class", "lesion_class", "classes"}
    }
    mark_class, lesion_class = (
        np.repeat(np.arange(len(parts)), [getattr(part, name).size for part in parts])
        for name in ("mark_case", "lesion_case")
    )
    levels = {name: [level for part in parts for level in part.levels[name]] for name in parts[0].levels}
    return Marked(**together, levels=levels, mark_class=mark_class, lesion_class=lesion_class, classes=len(parts))


def _judged(tables: MarkedTables, place: Mapping[str, int]) -> Marked:
    of_mark = _cases_of(tables.marks, "marks", tables, place)
    of_lesion = _cases_of(tables.lesions, "lesions", tables, place)
    scores = numbers(_column(tables.marks, "marks", tables.score), f"marks.{tables.score}")
    if tables.repeated_hits not in {"ignore", "false_mark"}:
        raise DataError(f"repeated_hits: got '{tables.repeated_hits}', expected 'ignore' or 'false_mark'.")
    crowd = _flags(tables.lesions, "crowd")
    ignore = _flags(tables.lesions, "ignore") | crowd
    boxes = None
    if tables.hit is None:
        hits = _told(tables, of_mark, of_lesion, scores, ignore)
    else:
        hit = _hit(tables.hit)
        marks, lesions = _objects(tables.marks, "marks"), _objects(tables.lesions, "lesions")
        _check(hit, marks, lesions)
        _check_distinct("marks", marks, of_mark)
        _check_distinct("lesions", lesions, of_lesion)
        boxes = (marks, lesions) if {marks.shape, lesions.shape} == {"box"} else None
        hits = Hits(
            np.full(scores.size, NONE, np.int64), np.zeros(scores.size, np.bool_), np.zeros(scores.size, np.bool_)
        )
        for case in np.unique(of_mark).tolist():
            own, there = np.flatnonzero(of_mark == case), np.flatnonzero(of_lesion == case)
            decided = assign(scores[own], fit(_only(marks, own), _only(lesions, there), hit), ignore[there])
            found = decided.lesion != NONE
            hits.lesion[own[found]] = there[decided.lesion[found]]
            hits.repeated[own], hits.ignored[own] = decided.repeated, decided.ignored
    best = np.full(of_lesion.size, -np.inf)
    best[hits.lesion[hits.lesion != NONE]] = scores[hits.lesion != NONE]
    bits = np.zeros((scores.size, 4), np.int64)
    rank, over, counted = np.zeros(scores.size, np.int64), bits, np.zeros((of_lesion.size, 4), np.bool_)
    if boxes is not None:
        area = numbers(tables.lesions["area"], "lesions.area") if "area" in tables.lesions.column_names else None
        known = _extents(boxes[1])
        matched = match(of_mark, _extents(boxes[0]), scores, of_lesion, known, area=area, crowd=crowd, ignore=ignore)
        bits, over, rank, counted = matched.matched, matched.ignored, matched.rank, matched.counted
    there = np.flatnonzero(~ignore)
    return Marked(
        mark_case=of_mark,
        mark_score=scores,
        false=hits.false | hits.repeated if tables.repeated_hits == "false_mark" else hits.false,
        judged=~hits.ignored,
        matched=bits,
        passed_over=over,
        rank=rank,
        place=np.argsort(np.lexsort((rank, of_mark))),
        lesion_case=of_lesion[there],
        lesion_score=best[there],
        counted=counted[there],
        levels={
            name: level_texts(name, tables.lesions[name].take(pa.array(there)).to_pylist())
            for name in tables.by
            if name not in tables.cases.column_names and name in tables.lesions.column_names
        },
        mark_class=np.zeros(scores.size, np.int64),
        lesion_class=np.zeros(there.size, np.int64),
        classes=1,
    )


def _hit(told: Mapping[str, Any]) -> Hit:
    try:
        return Hit.model_validate(dict(told))
    except ValidationError as error:
        problem = error.errors()[0]
        raise DataError(f"hit: {'.'.join(map(str, problem['loc']))}: {problem['msg']}.") from error


def _flags(table: pa.Table, name: str) -> NDArray[np.bool_]:
    """Of a column of yes and no, 1 and 0; no where it lacks."""
    if name not in table.column_names:
        return np.zeros(table.num_rows, np.bool_)
    values = table[name].to_pylist()
    for row, value in enumerate(values, start=1):
        if value not in {True, False}:  # 1 and 0 are equal to them
            raise DataError(f"lesions.{name}: row {row} holds {value!r}; expected true or false.")
    return np.array(values, np.bool_)


def _told(
    tables: MarkedTables,
    of_mark: NDArray[np.int64],
    of_lesion: NDArray[np.int64],
    scores: Floats,
    ignore: NDArray[np.bool_],
) -> Hits:
    """Marks that say themselves which lesion they hit, by column "lesion"; empty where they hit none."""
    names = [key_text(value) for value in _column(tables.lesions, "lesions", "lesion").to_pylist()]
    known = {(case, name): row for row, (case, name) in enumerate(zip(of_lesion.tolist(), names, strict=True))}
    if len(known) < len(names) or None in names:
        raise DataError("lesions: column 'lesion' must name each lesion of a case, and each differently.")
    said = [key_text(value) for value in _column(tables.marks, "marks", "lesion").to_pylist()]
    lesion, repeated = np.full(scores.size, NONE, np.int64), np.zeros(scores.size, np.bool_)
    ignored = repeated.copy()
    taken: set[int] = set()
    for mark in np.argsort(-scores, kind="stable").tolist():
        if said[mark] is None:
            continue
        row = known.get((int(of_mark[mark]), said[mark]))
        if row is None:
            raise DataError(f"marks: row {mark + 1} hits a lesion that its case does not have.")
        if ignore[row]:
            ignored[mark] = True
        elif row in taken:
            repeated[mark] = True
        else:
            lesion[mark] = row
            taken.add(row)
    return Hits(lesion, repeated, ignored)


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
