"""Two sides with the same mix of what else differs: cell by cell, and by the inverse of the chance of being on a side.

asked : {"attribute", "level", "against": a level, or "" for all others, "covariates": […]}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.evidence import recount_classes, recount_masks
from validate.evidence.recount_classes import Answers
from validate.evidence.recount_marks import AT_THE_POINT
from validate.evidence.recount_table import MISSING, Entry, Table, answer_of, counted_cases, group_of
from validate.evidence.recount_way import answers_of, marked_cases, mask_values, yes_no_rows
from validate.evidence.recount_yes_no import Row

FEWEST = 5  # of both sides in a cell, for it to take part
EDGE, RIDGE = 0.02, 1e-4
AUROC = "classification.auroc"
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sides:
    """Of the rows that the measure is a mean over: on the level, on the other side, the value, and the mix.

    truth : of an area under the curve, whose values are scores      covariates : levels of every row, by name
    """

    mine: NDArray[np.bool_]
    other: NDArray[np.bool_]
    value: Floats
    truth: NDArray[np.bool_] | None
    covariates: Mapping[str, list[str]]
    levels: Mapping[str, list[str]]  # of each covariate, of all cases, in order


MEANS: Mapping[str, tuple[Callable[[Row], bool], Callable[[Row], float]]] = {
    "sensitivity": (lambda row: row.positive, lambda row: bool(row.flagged)),
    "specificity": (lambda row: not row.positive, lambda row: not row.flagged),
    "ppv": (lambda row: bool(row.flagged), lambda row: row.positive),
    "npv": (lambda row: not row.flagged, lambda row: not row.positive),
    "accuracy": (lambda _row: True, lambda row: row.flagged == row.positive),
    "alert_rate": (lambda _row: True, lambda row: bool(row.flagged)),
    "brier": (lambda _row: True, lambda row: (row.score - row.positive) ** 2),
}
OF_CLASSES = {
    "multiclass.accuracy", "multiclass.top_k_accuracy", "ordinal.exact_agreement", "ordinal.within_one", "ordinal.off_by_one",
    "ordinal.off_by_more", "ordinal.overgraded", "ordinal.undergraded",
}  # fmt: skip
OF_MARKS = {"case_sensitivity", "case_specificity", "lesion_sensitivity"}
OF_MASKS = {"mean", "at_least", "at_most"}


def is_counted(line: Entry) -> bool:
    """Of a proportion or a plain mean of questions, classes, marks or masks, and of the AUROC."""
    metric = str(line["asked"]["of"])
    kind, _, name = metric.partition(".")
    if kind == "classification":
        return name in MEANS or metric == AUROC
    named = recount_masks.statistic(metric)
    return (
        metric in OF_CLASSES
        or (kind == "detection" and name in OF_MARKS)
        or (named is not None and named[0] in OF_MASKS)
    )


def counted(table: Table, line: Entry) -> float | None:
    way, name = str(line["metric"]).removeprefix("mix.").split(".")
    asked = line["asked"]
    key = (
        "mix",
        asked["of"],
        asked["attribute"],
        asked["level"],
        asked["against"],
        *asked["covariates"],
        *group_of(table, line),
    )
    sides: Sides | None = table.once(key, lambda: _sides(table, line))
    if sides is None:
        return None
    if name == "raw":
        return _apart(sides, np.ones(len(sides.value)))
    found: Mapping[str, float] = table.once((way, *key), lambda: WAYS[way](sides))
    return found[name]


def _sides(table: Table, line: Entry) -> Sides | None:
    told = _values(table, line)
    if told is None:
        return None
    asked, rows = line["asked"], [row for row, _ in told]
    of = [row[f"by.{asked['attribute']}"] for row in rows]
    mine = np.array([level == asked["level"] for level in of], np.bool_)
    other = ~mine if not asked["against"] else np.array([level == asked["against"] for level in of], np.bool_)
    truth = np.array([row["label"] == 1.0 for row in rows], np.bool_) if asked["of"] == AUROC else None
    every = table.of_answer[answer_of(line)]
    levels = {
        name: sorted({row[f"by.{name}"] for row in every}, key=lambda level: (level == MISSING, level))
        for name in asked["covariates"]
    }
    mix = {name: [str(row[f"by.{name}"]) for row in rows] for name in asked["covariates"]}
    return Sides(mine, other, np.array([value for _, value in told], np.float64), truth, mix, levels)


def _values(table: Table, line: Entry) -> list[tuple[Entry, float]] | None:
    """Rows that the measure is a mean over, each with its value; None of a measure that has none here."""
    metric = str(line["asked"]["of"])
    if not is_counted(line):
        return None
    kind, _, name = metric.partition(".")
    if kind == "classification":
        rows: Iterable[tuple[Entry, Row]] = zip(
            (row for row, _ in counted_cases(table, line)), yes_no_rows(table, line), strict=True
        )
        if metric == AUROC:
            return [(case, row.score) for case, row in rows]
        counts, value = MEANS[name]
        return [(case, float(value(row))) for case, row in rows if counts(row)]
    if metric in OF_CLASSES:
        return _of_classes(table, line, metric)
    if kind == "detection":
        return _of_marks(table, line, name)
    named = recount_masks.statistic(metric)
    assert named is not None
    values, goal = mask_values(table, line, named[1]), line["condition"].get("goal")
    way: Callable[[float], float] = {
        "mean": lambda one: one, "at_least": lambda one: one >= goal, "at_most": lambda one: one <= goal,
    }[named[0]]  # fmt: skip
    cases = (row for row, _ in counted_cases(table, line) if row["unit"] in values)
    return [(row, float(way(values[row["unit"]][0]))) for row in cases]


def _of_classes(table: Table, line: Entry, metric: str) -> list[tuple[Entry, float]]:
    """Of each case, its share of a study that has no other."""
    cases, measure = (row for row, _ in counted_cases(table, line)), recount_classes.MEASURES[metric]
    return [
        (case, measure(Answers([answer], table.classes), line["condition"]).value)
        for case, answer in zip(cases, answers_of(table, line), strict=True)
    ]


def _of_marks(table: Table, line: Entry, name: str) -> list[tuple[Entry, float]]:
    """Of each case that the measure counts, or of each of its lesions, whether the operating point is reached, or is not."""
    at, inclusive = table.threshold(line["model"], line["target"]), table.inclusive(line["model"])
    assert at is not None
    found: list[tuple[Entry, float]] = []
    for (row, _), case in zip(counted_cases(table, line), marked_cases(table, line), strict=True):
        told = AT_THE_POINT[name]([case], lambda score: score >= at if inclusive else score > at)
        hits, of = told.numerator or 0, told.denominator or 0
        found += [*[(row, 1.0)] * hits, *[(row, 0.0)] * (of - hits)]
    return found


def _standardised(sides: Sides) -> Mapping[str, float]:
    """Means within each cell of the mix, weighed by how many of all lie in it; only cells that hold enough of both sides."""
    cells: dict[tuple[str, ...], list[int]] = {}
    for place, cell in enumerate(zip(*sides.covariates.values(), strict=True)):
        cells.setdefault(cell, []).append(place)
    kept = [
        (len(places), places)
        for places in map(np.array, cells.values())
        if min(sides.mine[places].sum(), sides.other[places].sum()) >= FEWEST
    ]
    both = sides.mine.sum() + sides.other.sum()
    inside = sum(int(sides.mine[places].sum() + sides.other[places].sum()) for _, places in kept)
    of = sum(count for count, _ in kept)
    apart = [_apart_in(sides, places) * count / of for count, places in kept]
    return {"cells": len(kept), "covered": inside / max(int(both), 1), "value": math.fsum(apart) if kept else math.nan}


def _apart_in(sides: Sides, places: NDArray[np.int64]) -> float:
    value = sides.value[places]
    return float(value[sides.mine[places]].mean() - value[sides.other[places]].mean())


def _weighted(sides: Sides) -> Mapping[str, float]:
    """By a logistic regression of being on the level on the mix, over both sides."""
    both = sides.mine | sides.other
    columns = [
        [one == level for one in sides.covariates[name]]
        for name, levels in sides.levels.items()
        for level in levels[1:]
    ]
    design = np.column_stack([np.ones(both.sum()), *(np.array(column, np.float64)[both] for column in columns)])
    chance = np.clip(_chances(design, sides.mine[both].astype(np.float64)), EDGE, 1 - EDGE)
    weight = np.zeros(len(sides.mine))
    weight[both] = np.where(sides.mine[both], 1 / chance, 1 / (1 - chance))
    worth = [float(weight[side].sum() ** 2 / (weight[side] ** 2).sum()) for side in (sides.mine, sides.other)]
    return {
        "value": _apart(sides, weight),
        "effective": min(worth),
        "clipped": int(((chance <= EDGE) | (chance >= 1 - EDGE)).sum()),
    }


def _chances(design: Floats, truth: Floats) -> Floats:
    penalty = np.diag([0.0, *[RIDGE * len(truth)] * (design.shape[1] - 1)])
    beta = np.zeros(design.shape[1])
    for _ in range(60):
        chance = 1 / (1 + np.exp(-(design @ beta)))
        slope = design.T @ (truth - chance) - penalty @ beta
        step = np.linalg.lstsq((design.T * (chance * (1 - chance))) @ design + penalty, slope, rcond=None)[0]
        beta = beta + step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < 1e-11:
            break
    return np.asarray(1 / (1 + np.exp(-(design @ beta))))


def _apart(sides: Sides, weight: Floats) -> float:
    """The measure of the one side less that of the other; NaN where one has none."""
    return _measure(sides, sides.mine, weight) - _measure(sides, sides.other, weight)


def _measure(sides: Sides, side: NDArray[np.bool_], weight: Floats) -> float:
    if not side.any():
        return math.nan
    if sides.truth is None:
        return float((sides.value[side] * weight[side]).sum() / weight[side].sum())
    above = side & sides.truth
    below = sorted(zip(sides.value[side & ~sides.truth].tolist(), weight[side & ~sides.truth].tolist(), strict=True))
    if not above.any() or not below:
        return math.nan
    scores = np.array([score for score, _ in below])
    so_far = np.concatenate(([0.0], np.cumsum([one for _, one in below])))
    mine = sides.value[above]
    won = (so_far[np.searchsorted(scores, mine, "left")] + so_far[np.searchsorted(scores, mine, "right")]) / 2
    return float((weight[above] * won).sum() / (weight[above].sum() * so_far[-1]))


WAYS: Mapping[str, Callable[[Sides], Mapping[str, float]]] = {"standardised": _standardised, "weighted": _weighted}
