"""Rows of a study of marks: cases, lesions and marks one below the other, failed cases as the rules have them.

A failed case that counts as wrong leaves its lesions unmarked and stands for one false mark above every other; one that counts as
right has every lesion marked above every other, and nothing false. Excluded, it is not there, and neither are its lesions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from validate.metrics.metric import Array
from validate.protocol.targets import ALL
from validate.results.levels import MISSING
from validate.results.units import STRATUM_PREFIX
from validate.stats.detection.coco import AREAS, THRESHOLDS

if TYPE_CHECKING:
    from validate.estimation.groups import Groups

Floats = NDArray[np.float64]
ALL_BITS = (1 << THRESHOLDS.size) - 1
LESION = "lesion"  # the column by which a metric says that lesions are what it counts


@dataclass(frozen=True, slots=True)
class Tables:
    """results/marks.parquet and results/lesions.parquet."""

    marks: pa.Table = field(repr=False)
    lesions: pa.Table = field(repr=False)

    def of(self, model: str, pass_id: str, target: str, units: Sequence[str]) -> Marked:
        """Marks and lesions of these cases, which are numbered as they stand; of the target of all classes, those of every class."""
        case = {unit: place for place, unit in enumerate(units)}
        parts = []
        for table in (self.marks, self.lesions):
            chosen = pc.and_(pc.equal(table["model"], model), pc.equal(table["pass"], pass_id))
            own = table.filter(chosen if target == ALL else pc.and_(chosen, pc.equal(table["target"], target)))
            place = np.array([case.get(unit, -1) for unit in own["unit"].to_pylist()], np.int64)
            kept = np.flatnonzero(place >= 0)
            parts.append((own.take(pa.array(kept)), place[kept]))
        (marks, of_mark), (lesions, of_lesion) = parts
        return _marked(marks, of_mark, lesions, of_lesion)


@dataclass(frozen=True, slots=True)
class Marked:
    """Marks and lesions of the cases of one Cases, in table order.

    mark_case, lesion_case : place of the case      mark_class, lesion_class : place of the class, 0 where there is one
    classes : how many there are      lesion_score : -inf where unmarked      judged : marks that count at all
    place : (marks,) which of two equal scores comes first
    matched, passed_over : (marks, 4) bits      counted : (lesions, 4)      levels : of lesions, by attribute
    """

    mark_case: NDArray[np.int64]
    mark_score: Floats
    false: NDArray[np.bool_]
    judged: NDArray[np.bool_]
    matched: NDArray[np.int64]
    passed_over: NDArray[np.int64]
    rank: NDArray[np.int64]
    lesion_case: NDArray[np.int64]
    lesion_score: Floats
    counted: NDArray[np.bool_]
    levels: Mapping[str, Sequence[str]]
    place: NDArray[np.int64]
    mark_class: NDArray[np.int64]
    lesion_class: NDArray[np.int64]
    classes: int


def _classes(marks: pa.Table, lesions: pa.Table) -> list[str]:
    return sorted({*pc.unique(marks["target"]).to_pylist(), *pc.unique(lesions["target"]).to_pylist()})


def _marked(marks: pa.Table, of_mark: NDArray[np.int64], lesions: pa.Table, of_lesion: NDArray[np.int64]) -> Marked:
    verdicts = np.array(marks["verdict"].to_pylist(), "U8")
    there = np.array([not ignore for ignore in lesions["ignore"].to_pylist()], np.bool_)
    kept = np.flatnonzero(there)
    place = {name: number for number, name in enumerate(_classes(marks, lesions))}
    names = [name for name in lesions.column_names if name.startswith(STRATUM_PREFIX)]
    scores = np.array([-np.inf if score is None else score for score in lesions["score"].to_pylist()], np.float64)
    # what is to be ignored is no lesion to be found, but COCO's ranges of areas have their own word on it: never counted
    return Marked(
        mark_case=of_mark,
        mark_score=np.asarray(marks["score"].to_numpy(), np.float64),
        false=verdicts == "false",
        judged=np.isin(verdicts, ("hit", "false", "repeated")),
        matched=_four(marks["matched"], np.int64),
        passed_over=_four(marks["passed_over"], np.int64),
        rank=np.array([0 if rank is None else rank for rank in marks["rank"].to_pylist()], np.int64),
        place=np.array(
            [number if place is None else place for number, place in enumerate(marks["place"].to_pylist())], np.int64
        ),
        lesion_case=of_lesion[kept],
        lesion_score=scores[kept],
        counted=_four(lesions["counted"], np.bool_)[kept],
        levels={
            name.removeprefix(STRATUM_PREFIX): [str(level) for level in lesions[name].take(pa.array(kept)).to_pylist()]
            for name in names
        },
        mark_class=np.array([place[name] for name in marks["target"].to_pylist()], np.int64),
        lesion_class=np.array([place[name] for name in lesions["target"].to_pylist()], np.int64)[kept],
        classes=max(len(place), 1),
    )


def _four(column: pa.ChunkedArray, kind: type) -> Array:
    empty = [0] * len(AREAS)
    return np.array([empty if row is None else row for row in column.to_pylist()], kind).reshape(-1, len(AREAS))


@dataclass(frozen=True, slots=True)
class MarkedRows:
    """columns : metrics.detection.rows, but "flagged"      case : (n,) place of the case that each row is of      kinds : (n,) 0 case,
    1 lesion, 2 mark      source : (n,) place among the lesions, where it is one
    """

    columns: dict[str, Array]
    case: NDArray[np.int64]
    kinds: NDArray[np.int8]
    source: NDArray[np.int64]


def marked_rows(
    found: Marked, *, cases: int, worst: NDArray[np.bool_], best: NDArray[np.bool_], keep: NDArray[np.bool_]
) -> MarkedRows:
    """worst, best : (cases,) failed ones by the rule they fall under      keep : (cases,) those that are in the sample."""
    lesions = np.bincount(found.lesion_case, minlength=cases)
    abnormal = lesions > 0
    highest, highest_false = np.full(cases, -np.inf), np.full(cases, -np.inf)
    np.maximum.at(highest, found.mark_case[found.judged], found.mark_score[found.judged])
    np.maximum.at(highest_false, found.mark_case[found.false], found.mark_score[found.false])
    highest = np.where((worst & ~abnormal) | (best & abnormal), np.inf, highest)
    highest_false = np.where(worst, np.inf, highest_false)
    lesion_score = np.where(best[found.lesion_case], np.inf, found.lesion_score)
    made, last = _made(found, worst, best), int(found.place.max(initial=-1)) + 1
    kinds = np.repeat(
        np.array([0, 1, 2], np.int8), [cases, found.lesion_case.size, found.mark_case.size + made.case.size]
    )
    case = np.concatenate((np.arange(cases), found.lesion_case, found.mark_case, made.case))
    source = np.zeros(kinds.size, np.int64)
    source[kinds == 1] = np.arange(found.lesion_case.size)
    is_case, is_lesion, is_mark = (kinds == kind for kind in range(3))
    size = kinds.size
    columns: dict[str, Array] = {
        "case": is_case,
        "lesion": is_lesion,
        "mark": is_mark,
        "abnormal": abnormal[case],
        "score": np.concatenate((highest, lesion_score, found.mark_score, made.score)),
        "highest_false": np.where(is_case, highest_false[case], -np.inf),
        "share": np.where(is_lesion, 1.0 / np.maximum(lesions, 1)[case], 0.0),
        "false_mark": _filled(size, is_mark, np.concatenate((found.false, made.false))),
        "matched": _filled(size, is_mark, np.concatenate((found.matched, made.matched))),
        "ignored": _filled(size, is_mark, np.concatenate((found.passed_over, made.passed_over))),
        "rank": _filled(size, is_mark, np.concatenate((found.rank, made.rank))),
        "counted": _filled(size, is_lesion, found.counted),
        "class": np.concatenate((np.zeros(cases, np.int64), found.lesion_class, found.mark_class, made.kind)),
        "place": _filled(size, is_mark, np.concatenate((found.place, last + np.arange(made.case.size)))),
    }
    chosen = keep[case]
    # marks that are ignored stand in no count, but in COCO's order they have their place
    return MarkedRows(
        {name: column[chosen] for name, column in columns.items()}, case[chosen], kinds[chosen], source[chosen]
    )


def _filled(size: int, where: NDArray[np.bool_], values: Array) -> Array:
    found = np.zeros((size, *values.shape[1:]), values.dtype)
    found[where] = values
    return found


@dataclass(frozen=True, slots=True)
class _Made:
    """Marks that stand for failed cases."""

    case: NDArray[np.int64]
    kind: NDArray[np.int64]  # place of the class
    score: Floats
    false: NDArray[np.bool_]
    matched: NDArray[np.int64]
    passed_over: NDArray[np.int64]
    rank: NDArray[np.int64]


def _made(found: Marked, worst: NDArray[np.bool_], best: NDArray[np.bool_]) -> _Made:
    """One false mark of each class for each case that counts as wrong, one right mark for each lesion of those that count as right."""
    wrong, right = np.repeat(np.flatnonzero(worst), found.classes), np.flatnonzero(best[found.lesion_case])
    case = np.concatenate((wrong, found.lesion_case[right]))
    kind = np.concatenate((np.arange(wrong.size) % found.classes, found.lesion_class[right]))
    hits = np.repeat([False, True], [wrong.size, right.size])
    width = len(AREAS)
    matched = np.where(hits[:, None], np.full((case.size, width), ALL_BITS), 0)
    over = np.zeros((case.size, width), np.int64)
    over[hits] = np.where(found.counted[right], 0, ALL_BITS)
    group = case * found.classes + kind
    rank = np.array([int((group[:place] == one).sum()) for place, one in enumerate(group.tolist())], np.int64)
    return _Made(case, kind, np.full(case.size, np.inf), ~hits, matched, over, rank)


def lesion_levels(found: Marked) -> list[tuple[str, str]]:
    """(attribute, level) of lesions, in the order of the numbers that levels begin with, then of names; "missing" last."""
    return [
        (attribute, level)
        for attribute, values in found.levels.items()
        for level in sorted(set(values), key=_by_number)
    ]


def _by_number(level: str) -> tuple[bool, float, str]:
    try:
        first = float(level.split(" ", 1)[0])
    except ValueError:
        first = np.inf
    return level == MISSING, first, level


def members_of(groups: Groups, rows: MarkedRows, found: Marked) -> NDArray[np.bool_]:
    """(group, n) : a group of cases holds their lesions and marks; a group of lesions holds them, and every case and mark."""
    members = groups.members[:, rows.case].copy()
    is_lesion = rows.kinds == 1
    for place, (attribute, level) in enumerate(zip(groups.attributes, groups.levels, strict=True)):
        if attribute is not None and attribute in found.levels:
            own = np.array([one == level for one in found.levels[attribute]], np.bool_)
            members[place] = ~is_lesion
            members[place, is_lesion] = own[rows.source[is_lesion]]
    return np.ascontiguousarray(members)


def others(inside: NDArray[np.bool_], lesion: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of a group of lesions the lesions outside it, with every case and mark: (n,)."""
    return np.asarray(~inside | ~lesion)
