"""Marks and lesions of a run as recount_marks counts them: read from their tables, and what a failed case counts as."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from validate.evidence import recount_boxes
from validate.evidence.recount_marks import (
    AT_RATE,
    AT_THE_POINT,
    NOT_MARKED,
    OF_SCORES,
    Box,
    Case,
    Cases,
    Lesion,
    sensitivity_at,
)
from validate.evidence.recount_yes_no import Found

MARKS, LESIONS = "results/marks.parquet", "results/lesions.parquet"
OF_MARKS = ("unit", "model", "pass", "target", "score", "verdict", "lesion", "matched", "passed_over", "rank", "place")
OF_LESIONS = ("unit", "model", "pass", "target", "lesion", "ignore", "counted", "size")
JUDGED = {"hit", "false", "repeated"}  # marks that count; others lie on what is to be ignored
CERTAIN = math.inf
RANGES, EVERY = 4, 2**10 - 1  # of areas, and the bits of all overlaps
OF_CASES = {"case_sensitivity", "case_specificity", "highest_rating_auc", *recount_boxes.MEASURES}  # not of lesions

Entry = Mapping[str, Any]
Asked = Callable[[Entry], bool]


@dataclass(frozen=True, slots=True)
class Marked:
    """marks, lesions : by model, pass, target and unit, as their tables have them      attributes : columns of lesions, "by.…"."""

    marks: dict[tuple[str, ...], list[Entry]] = field(default_factory=dict)
    lesions: dict[tuple[str, ...], list[Entry]] = field(default_factory=dict)
    attributes: frozenset[str] = frozenset()

    def case(self, row: Entry, rule: str | None, asked: Asked) -> Case:
        """As it counts.    rule : None for a case with an answer, else "worst_case" or "best_case"."""
        key = _key(row)
        lesions = [one for one in self.lesions.get(key, ()) if not one["ignore"]]
        if rule is not None:
            return _failed(lesions, rule, asked)
        marks = self.marks.get(key, ())
        hits: dict[int, float] = {}
        for mark in marks:
            if mark["verdict"] == "hit":
                hits[mark["lesion"]] = max(mark["score"], hits.get(mark["lesion"], NOT_MARKED))
        return Case(
            tuple(_lesion(one, hits.get(one["lesion"], NOT_MARKED), asked) for one in lesions),
            tuple(mark["score"] for mark in marks if mark["verdict"] == "false"),
            max((mark["score"] for mark in marks if mark["verdict"] in JUDGED), default=NOT_MARKED),
            tuple(
                Box(mark["score"], tuple(mark["matched"]), tuple(mark["passed_over"]), mark["rank"], mark["place"])
                for mark in marks
                if mark["matched"] is not None
            ),
        )


def _key(row: Entry) -> tuple[str, ...]:
    return row["model"], row["pass"], row["target"], row["unit"]


def _lesion(one: Entry, score: float, asked: Asked) -> Lesion:
    return Lesion(score, asked(one), tuple(one["counted"] or (False,) * RANGES))


def _failed(lesions: Sequence[Entry], rule: str, asked: Asked) -> Case:
    """Wrong: no lesion marked, and one false mark above all else. Right: every lesion marked, above all else, and nothing false."""
    if rule == "worst_case":
        false = Box(CERTAIN, (0,) * RANGES, (0,) * RANGES, 0, 0)
        unmarked = tuple(_lesion(one, NOT_MARKED, asked) for one in lesions)
        return Case(unmarked, (CERTAIN,), NOT_MARKED if lesions else CERTAIN, (false,))
    found = tuple(_lesion(one, CERTAIN, asked) for one in lesions)
    hits = tuple(
        Box(CERTAIN, (EVERY,) * RANGES, tuple(0 if there else EVERY for there in one.counted), place, 1)
        for place, one in enumerate(found)
    )
    return Case(found, (), CERTAIN if lesions else NOT_MARKED, hits)


def read_marked(folder: Path) -> Marked | None:
    """None for a run without marks. Raises OSError, ValueError."""
    if not (folder / MARKS).is_file() or not (folder / LESIONS).is_file():
        return None
    names = pq.read_schema(folder / LESIONS).names
    attributes = [name for name in names if name.startswith("by.")]
    found = Marked(attributes=frozenset(attributes))
    for into, path, columns in (
        (found.marks, MARKS, list(OF_MARKS)),
        (found.lesions, LESIONS, [*OF_LESIONS, *attributes]),
    ):
        for one in pq.read_table(folder / path, columns=columns).to_pylist():
            into.setdefault(_key(one), []).append(one)
    return found


def way_to_count(
    name: str, condition: Mapping[str, float], *, of_lesions: bool, threshold: float | None, inclusive: bool
) -> Callable[[Cases], Found] | None:
    """How a measure is counted, by its name after "detection."; None where it is not counted here.

    of_lesions : whether the estimate is of a group of lesions
    """
    if of_lesions and name in OF_CASES:
        return None
    if name in AT_THE_POINT:
        if threshold is None:
            return None
        at, measure = float(threshold), AT_THE_POINT[name]
        return lambda cases: measure(cases, lambda score: score >= at if inclusive else score > at)
    if name == AT_RATE:
        return partial(sensitivity_at, rate=condition["rate"])
    return OF_SCORES.get(name) or recount_boxes.MEASURES.get(name)
