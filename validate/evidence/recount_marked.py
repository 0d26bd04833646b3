"""Counts of marks and lesions, the free-response curve, and lesions by size: one kind of lesion of one model."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from validate.evidence.recount_table import Entry, Table, answer_of, cases, counted_cases, group_of
from validate.evidence.recount_way import marked_cases

WIDTH, PLACES = 0.35, 41  # of the bell in the logarithm of size, by which neighbours weigh; of the curve
Point = tuple[float, float]


def counted(table: Table, line: Entry) -> float | None:
    name, asked = str(line["metric"]).removeprefix("marks."), line["asked"]
    if table.marked is None or answer_of(line) not in table.of_answer:
        return None
    if name in {"across", "up"}:
        curve: list[Point] = table.once(("free response", *group_of(table, line)), lambda: _curve(table, line))
        return _nearest(curve, asked)[name == "up"]
    if name in {"lesion_size", "size", "size_share"}:
        sizes: list[tuple[float, bool]] = table.once(("sizes", *group_of(table, line)), lambda: _sizes(table, line))
        return (
            sizes[asked["place"]][0] if name == "lesion_size" else _smooth(sizes, asked["place"])[name == "size_share"]
        )
    if name in {"worst_lesions", "worst_found", "worst_false_marks"}:
        return _worst(table, line, asked["case"])[name.removeprefix("worst_")]
    found: Mapping[str, int] = table.once(("marks", *group_of(table, line)), lambda: _counts(table, line))
    return found[name]


def _counts(table: Table, line: Entry) -> dict[str, int]:
    """Cases with a reference; marks of all of them, whatever their score, and lesions."""
    assert table.marked is not None
    here = cases(table, line)
    every = [row for row in table.rows if answer_of(row) == answer_of(line)]
    keys = {(row["model"], row["pass"], row["target"], row["unit"]) for row in every}
    lesions = [one for key in keys for one in table.marked.lesions.get(key, ())]
    verdicts = Counter(mark["verdict"] for key in keys for mark in table.marked.marks.get(key, ()))
    abnormal = sum(row["label"] == 1.0 for row in here)
    return {
        "cases": len(here), "abnormal": abnormal, "normal": len(here) - abnormal, "failed": sum(row["status"] != "ok" for row in here),
        "without_reference": len(every) - len(here), "lesions": sum(not one["ignore"] for one in lesions),
        "ignored_lesions": sum(bool(one["ignore"]) for one in lesions), "marks": sum(verdicts.values()) - verdicts["unjudged"],
        "hits": verdicts["hit"], "false": verdicts["false"], "repeated": verdicts["repeated"], "ignored": verdicts["ignored"],
    }  # fmt: skip


def _curve(table: Table, line: Entry) -> list[Point]:
    """False marks a case, and the share of lesions found: from nothing marked, at each score from the highest down."""
    marked = marked_cases(table, line)
    hits = [lesion.score for case in marked for lesion in case.lesions if lesion.score > -math.inf]
    false = [score for case in marked for score in case.false]
    there = sum(len(case.lesions) for case in marked)
    steps = sorted({*hits, *false}, reverse=True)
    hit_at, false_at = Counter(hits), Counter(false)
    points, found, wrong = [(0.0, 0.0)], 0, 0
    for score in steps:
        found, wrong = found + hit_at[score], wrong + false_at[score]
        points.append((wrong / len(marked), found / there))
    return points


def _nearest(points: Sequence[Point], asked: Mapping[str, Any]) -> Point:
    if len(points) == asked["points"]:
        return points[int(asked["place"])]
    return min(points, key=lambda point: abs(point[0] - asked["x"]) + abs(point[1] - asked["y"]))


def _sizes(table: Table, line: Entry) -> list[tuple[float, bool]]:
    """Of each lesion with a size, whether it is found at the operating point."""
    assert table.marked is not None
    at, inclusive = table.threshold(line["model"], line["target"]), table.inclusive(line["model"])
    assert at is not None
    found = []
    for row, _ in counted_cases(table, line):
        lesions = [
            one
            for one in table.marked.lesions.get((row["model"], row["pass"], row["target"], row["unit"]), ())
            if not one["ignore"]
        ]
        found += [(row, one) for one in lesions]
    scores = [lesion.score for case in marked_cases(table, line) for lesion in case.lesions]
    return [
        (float(one["size"]), score >= at if inclusive else score > at)
        for (_, one), score in zip(found, scores, strict=True)
        if one["size"] is not None
    ]


def _smooth(sizes: Sequence[tuple[float, bool]], place: int) -> Point:
    """A mean of neighbours in size at the place, of places that lie evenly on the logarithm from the least to the largest."""
    low, high = math.log(min(size for size, _ in sizes)), math.log(max(size for size, _ in sizes))
    at = low + (high - low) * place / (PLACES - 1)
    near = [math.exp(-(((math.log(size) - at) / WIDTH) ** 2) / 2) for size, _ in sizes]
    hit = math.fsum(weight for weight, (_, found) in zip(near, sizes, strict=True) if found)
    return math.exp(at), hit / math.fsum(near)


def _worst(table: Table, line: Entry, unit: str) -> dict[str, int]:
    """Of one case: lesions, those whose mark reaches the operating point, and false marks that do."""
    assert table.marked is not None
    at, inclusive = table.threshold(line["model"], line["target"]), table.inclusive(line["model"])
    key = (line["model"], line["pass"], line["target"], unit)

    def reaches(score: float | None) -> bool:
        return score is not None and (at is None or (score >= at if inclusive else score > at))

    lesions = [one for one in table.marked.lesions.get(key, ()) if not one["ignore"]]
    marks = table.marked.marks.get(key, ())
    hits: dict[int, float] = {}
    for mark in marks:
        if mark["verdict"] == "hit":
            hits[mark["lesion"]] = max(mark["score"], hits.get(mark["lesion"], -math.inf))
    return {
        "lesions": len(lesions),
        "found": sum(reaches(hits.get(one["lesion"])) for one in lesions),
        "false_marks": sum(mark["verdict"] == "false" and reaches(mark["score"]) for mark in marks),
    }
