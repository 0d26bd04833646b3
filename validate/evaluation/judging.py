"""Marks and lesions of three tables → which mark hits which lesion, by a rule or as the tables say themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from validate.casewise.objects import fit
from validate.cohort.table import key_text
from validate.errors import DataError
from validate.estimation.marked import Marked
from validate.evaluation.objects import Floats, check_distinct, check_rule, extents, hit_rule, objects_of, only
from validate.evaluation.questions import column, numbers
from validate.protocol.targets import ALL
from validate.results.levels import level_texts
from validate.stats.detection.coco import match
from validate.stats.detection.hits import NONE, Hits, assign


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
        hit = hit_rule(tables.hit)
        marks, lesions = objects_of(tables.marks, "marks"), objects_of(tables.lesions, "lesions")
        check_rule(hit, marks, lesions)
        check_distinct("marks", marks, of_mark)
        check_distinct("lesions", lesions, of_lesion)
        boxes = (marks, lesions) if {marks.shape, lesions.shape} == {"box"} else None
        hits = Hits(
            np.full(scores.size, NONE, np.int64), np.zeros(scores.size, np.bool_), np.zeros(scores.size, np.bool_)
        )
        for case in np.unique(of_mark).tolist():
            own, there = np.flatnonzero(of_mark == case), np.flatnonzero(of_lesion == case)
            decided = assign(scores[own], fit(only(marks, own), only(lesions, there), hit), ignore[there])
            found = decided.lesion != NONE
            hits.lesion[own[found]] = there[decided.lesion[found]]
            hits.repeated[own], hits.ignored[own] = decided.repeated, decided.ignored
    best = np.full(of_lesion.size, -np.inf)
    best[hits.lesion[hits.lesion != NONE]] = scores[hits.lesion != NONE]
    bits = np.zeros((scores.size, 4), np.int64)
    rank, over, counted = np.zeros(scores.size, np.int64), bits, np.zeros((of_lesion.size, 4), np.bool_)
    if boxes is not None:
        area = numbers(tables.lesions["area"], "lesions.area") if "area" in tables.lesions.column_names else None
        known = extents(boxes[1])
        matched = match(of_mark, extents(boxes[0]), scores, of_lesion, known, area=area, crowd=crowd, ignore=ignore)
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
