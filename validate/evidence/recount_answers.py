"""Counts of labelled cases at the operating point and along the scores, curves and net benefit: one group, under one rule."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from validate.evidence import recount_calibration, recount_yes_no
from validate.evidence.recount_table import Entry, Table, answer_of, counted_cases, group_of
from validate.evidence.recount_way import answers_of, yes_no_rows
from validate.evidence.recount_yes_no import Row

Rows = Sequence[Row]
Condition = Mapping[str, Any]
Point = tuple[float, float]
HAIR, PLACES = 1e-12, 101  # of a threshold written in tenths; of a smooth curve
NOT_LESS = 1e-9


def counted(table: Table, line: Entry) -> float | Sequence[float] | None:
    """Of one group under one rule; None where there is no such question."""
    name, condition = str(line["metric"]).removeprefix("cases."), line["condition"]
    if answer_of(line) not in table.of_answer:
        return None
    if name in OF_ANSWERS:
        return OF_ANSWERS[name](answers_of(table, line), table.classes, condition)
    rows, group = yes_no_rows(table, line), ("cases", *group_of(table, line))
    if name in OF_PATIENTS:
        cases = zip(counted_cases(table, line), rows, strict=True)
        return len({case["patient"] for (case, _), row in cases if OF_PATIENTS[name](row)})
    if name in CURVES:
        made, side = CURVES[name]
        points: list[Point] = table.once((made.__name__, *group), lambda: made(rows))
        return _nearest(points, condition, side)
    if name in ALONG:
        sides: tuple[list[float], list[float]] = table.once(("sides", *group), lambda: _sides(rows))
        return ALONG[name](*sides, condition)
    return _of_probabilities(table, group, rows, line)


def _of_probabilities(table: Table, group: tuple[Any, ...], rows: Rows, line: Entry) -> float:
    name, condition = str(line["metric"]).removeprefix("cases."), line["condition"]
    if name == "smooth":
        curve: list[float] = table.once(("smooth", *group), lambda: _smooth(rows))
        return float(curve[condition["place"]])
    if name.startswith("shifted."):
        return _shifted(rows, condition["prevalence"], name.partition(".")[2])
    if name in OF_BINS:
        key = ("bins", condition["bins"], condition["equal_counts"], *group)
        bins: list[list[Row]] = table.once(key, lambda: _bins(rows, condition))
        return OF_BINS[name](bins[condition["place"]], condition)
    return float(COUNTS[name](rows, condition))


def _sides(rows: Rows) -> tuple[list[float], list[float]]:
    """Scores of those with the finding and of those without it, each rising."""
    return sorted(row.score for row in rows if row.positive), sorted(row.score for row in rows if not row.positive)


def share_above(one: Iterable[float], other: Iterable[float]) -> float:
    rows = [*(Row(positive=True, score=score) for score in one), *(Row(positive=False, score=score) for score in other)]
    return recount_yes_no.auroc(rows).value


def _number_of(asked: Callable[[Row, Condition], bool]) -> Callable[[Rows, Condition], int]:
    return lambda rows, condition: sum(asked(row, condition) for row in rows)


COUNTS: Mapping[str, Callable[[Rows, Condition], float]] = {
    "cases": lambda rows, _c: len(rows),
    "positives": _number_of(lambda row, _c: row.positive),
    "negatives": _number_of(lambda row, _c: not row.positive),
    "true_positives": _number_of(lambda row, _c: row.positive and bool(row.flagged)),
    "false_negatives": _number_of(lambda row, _c: row.positive and not row.flagged),
    "false_positives": _number_of(lambda row, _c: not row.positive and bool(row.flagged)),
    "true_negatives": _number_of(lambda row, _c: not row.positive and not row.flagged),
    # a score further below the threshold than half-way to 0, or further above it than half-way to 1
    "surely_missed": _number_of(lambda row, c: row.positive and not row.flagged and row.score < c["threshold"] / 2),
    "surely_false": _number_of(
        lambda row, c: not row.positive and bool(row.flagged) and row.score > (1 + c["threshold"]) / 2
    ),
}  # fmt: skip
OF_PATIENTS: Mapping[str, Callable[[Row], bool]] = {
    "patients": lambda _row: True,
    "patients_missed": lambda row: row.positive and not row.flagged,
    "patients_falsely_flagged": lambda row: not row.positive and bool(row.flagged),
}


def _within(scores: Sequence[float], condition: Condition) -> int:
    """From low on and below high; the last of several stretches has its end too."""
    end = bisect_right if condition["last"] else bisect_left
    return end(scores, condition["high"]) - bisect_left(scores, condition["low"])


def _missed(positives: Sequence[float], _negatives: Sequence[float], condition: Condition) -> float:
    return float(positives[condition["place"]])  # the lowest are the surest


def _alarm(_positives: Sequence[float], negatives: Sequence[float], condition: Condition) -> float:
    return float(negatives[-1 - condition["place"]])


def _net_benefit(positives: Sequence[float], negatives: Sequence[float], condition: Condition) -> float:
    """Of one who acts from a risk on: rightly treated less wrongly treated at its odds, at a prevalence."""
    at = float(condition["threshold_probability"])
    found, alarms = (1 - bisect_left(side, at - HAIR) / len(side) for side in (positives, negatives))
    share = _prevalence(positives, negatives, condition)
    return found * share - alarms * (1 - share) * at / (1 - at)


def _treat_all(positives: Sequence[float], negatives: Sequence[float], condition: Condition) -> float:
    share, at = _prevalence(positives, negatives, condition), float(condition["threshold_probability"])
    return share - (1 - share) * at / (1 - at)


def _avoided(positives: Sequence[float], negatives: Sequence[float], condition: Condition) -> float:
    at = float(condition["threshold_probability"])
    more = _net_benefit(positives, negatives, condition) - _treat_all(positives, negatives, condition)
    return 100 * more * (1 - at) / at


def _prevalence(positives: Sequence[float], negatives: Sequence[float], condition: Condition) -> float:
    own = len(positives) / (len(positives) + len(negatives))
    return float(condition.get("prevalence", own))


ALONG: Mapping[str, Callable[[list[float], list[float], Condition], float | Sequence[float]]] = {
    "positives_within": lambda positives, _negatives, c: _within(positives, c),
    "negatives_within": lambda _positives, negatives, c: _within(negatives, c),
    "within": lambda positives, negatives, c: _within(positives, c) + _within(negatives, c),
    "scores_with": lambda positives, _negatives, _c: positives,
    "scores_without": lambda _positives, negatives, _c: negatives,
    "missed_score": _missed,
    "alarm_score": _alarm,
    "share": _prevalence,
    "net_benefit": _net_benefit,
    "treat_all": _treat_all,
    "avoided": _avoided,
}


def _roc(rows: Rows) -> list[Point]:
    """The corners of the curve, from flagging nobody to everybody."""
    positives = sum(row.positive for row in rows)
    steps, found, alarms = [(0, 0)], 0, 0
    for found, alarms in _steps(rows):
        while len(steps) > 1 and _straight(steps[-2], steps[-1], (alarms, found)):
            steps.pop()
        steps.append((alarms, found))
    return [(x / (len(rows) - positives), y / positives) for x, y in steps]


def _straight(one: tuple[int, int], two: tuple[int, int], three: tuple[int, int]) -> bool:
    return (two[0] - one[0]) * (three[1] - two[1]) == (three[0] - two[0]) * (two[1] - one[1])


def _precision_recall(rows: Rows) -> list[Point]:
    positives = sum(row.positive for row in rows)
    return [(found / positives, found / (found + alarms)) for found, alarms in _steps(rows)]


def _steps(rows: Rows) -> Iterable[tuple[int, int]]:
    """Found and false alarms at each score, from the highest down."""
    found = alarms = 0
    for _, tied in itertools.groupby(sorted(rows, key=lambda row: -row.score), key=lambda row: row.score):
        for row in tied:
            found, alarms = found + row.positive, alarms + (not row.positive)
        yield found, alarms


def _nearest(points: Sequence[Point], condition: Condition, side: int) -> float:
    """Of a drawn point: that of the same place where all are drawn, else the nearest of the curve.    side : 0 across, 1 up"""
    if side < 0:
        return len(points)
    if len(points) == condition["points"]:
        return float(points[condition["place"]][side])
    x, y = condition["x"], condition["y"]  # points lie in the order of x
    start, end = bisect_left(points, (x - HAIR, -1.0)), bisect_right(points, (x + HAIR, 2.0))
    points = points[max(start - 1, 0) : end + 1]
    return float(min(points, key=lambda point: abs(point[0] - x) + abs(point[1] - y))[side])


CURVES: Mapping[str, tuple[Callable[[Rows], list[Point]], int]] = {
    "roc_across": (_roc, 0), "roc_up": (_roc, 1), "roc_corners": (_roc, -1),
    "recall": (_precision_recall, 0), "precision": (_precision_recall, 1),
}  # fmt: skip


def _smooth(rows: Rows) -> list[float]:
    """The calibration curve at places from the least to the greatest probability, straight between rows."""
    order = sorted(rows, key=lambda row: row.score)
    stated = [row.score for row in order]
    fitted = recount_calibration.fitted(order)
    places = [stated[0] + (stated[-1] - stated[0]) * place / (PLACES - 1) for place in range(PLACES)]
    return [min(max(float(one), 0.0), 1.0) for one in np.interp(places, stated, fitted)]


def _shifted(rows: Rows, stated: float, measure: str) -> float:
    """Had the probabilities been made for a stated prevalence: their odds times those of this sample over those of that."""
    share = sum(row.positive for row in rows) / len(rows)
    times = share / (1 - share) * (1 - stated) / stated
    inside = [replace(row, score=min(max(row.score, HAIR), 1 - HAIR)) for row in rows]
    moved = [replace(row, score=row.score * times / (row.score * times + 1 - row.score)) for row in inside]
    return recount_calibration.MEASURES[measure][0](moved, {}).value


def _bins(rows: Rows, condition: Condition) -> list[list[Row]]:
    """By rising probability: of equal counts, those that tie together, so that there may be fewer; or equal parts of the scale."""
    bins = int(condition["bins"])
    if not condition["equal_counts"]:
        parts: list[list[Row]] = [[] for _ in range(bins)]
        for row in rows:
            parts[min(int(row.score * bins), bins - 1)].append(row)
        return parts
    order = sorted(row.score for row in rows)
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(bisect_left(order, row.score) * bins // len(order), []).append(row)
    return [found[place] for place in sorted(found)]


OF_BINS: Mapping[str, Callable[[Rows, Condition], float]] = {
    "bin_cases": lambda rows, _c: len(rows),
    "bin_positives": lambda rows, _c: sum(row.positive for row in rows),
    "bin_stated": lambda rows, _c: math.fsum(row.score for row in rows) / len(rows),
    "bin_observed": lambda rows, _c: sum(row.positive for row in rows) / len(rows),
    "bin_start": lambda rows, c: min(row.score for row in rows) if c["equal_counts"] else c["place"] / c["bins"],
    "bin_end": lambda rows, c: max(row.score for row in rows) if c["equal_counts"] else (c["place"] + 1) / c["bins"],
}
OF_ANSWERS: Mapping[str, Callable[[Any, int, Condition], float]] = {
    "cell": lambda answers, _k, c: sum(one.true == c["true"] and one.given == c["given"] for one in answers),
    "off_by": lambda answers, k, c: sum(one.given < k and one.given - one.true == c["off"] for one in answers),
}
