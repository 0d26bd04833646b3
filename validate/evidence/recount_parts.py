"""What an estimate is made of: itself, or a sum or ratio of plain ones, as differences, drops and areas are."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from validate.casewise.measure import MEASURES
from validate.evidence import recount_masks
from validate.evidence.recount_table import ALL_BUT, BESIDE, Table
from validate.evidence.recount_way import count

Estimate = Mapping[str, Any]
Weighed = tuple[float, Estimate]
CLEAN = "clean"
OF_A_PASS = {"severity", "severities"}  # conditions that say which pass, and nothing about the measure
LEFT_OUT = {"excluded", "exclude_and_report", "outputs_only"}  # a pair of which one half is left out is no pair
AGAINST_THE_FIRST = "noninferiority_worst_case"  # failures wrong for the first model, right for the second
OF_MASKS = "segmentation."  # a case without a value of either model is no pair there, whatever the rule
# Of measures where less is better a drop is disturbed less clean, so that it is positive where the model gets worse.
LESS_IS_BETTER = {
    "classification.brier", "classification.e50", "classification.e90", "classification.ece", "classification.ece_equal_mass",
    "classification.emax", "classification.ici", "classification.negative_likelihood_ratio", "classification.squared_ece_debiased",
    "ordinal.off_by_more", "ordinal.overgraded", "ordinal.undergraded",
}  # fmt: skip
COCO, ALL = "detection.coco.", "all"  # boxes of all classes together: the mean over classes
FALSE_MARKS, IN_ITS_UNIT = "detection.false_marks", {"mean", "median", "quantile"}


@dataclass(frozen=True, slots=True)
class Parts:
    """The weighed sum of plain estimates and a constant, or the ratio of two of them."""

    plain: Sequence[Weighed]
    constant: float = 0.0
    ratio: bool = False


def parts_of(table: Table, one: Estimate) -> Parts | None:
    """None of what is no such sum: shares of outputs that moved, and how well two cohorts can be told apart."""
    if one["contrast"] is None:
        return _by_class(table, Parts(((1.0, one),)))
    way = WAYS.get(str(one["contrast"]["kind"]))
    found = None if way is None else way(table, one, {**one, "contrast": None})
    return None if found is None else _by_class(table, found)


def _by_class(table: Table, parts: Parts) -> Parts | None:
    """A mean over classes of lesions as its classes; those that have nothing to find are not in it."""
    plain: list[Weighed] = []
    for weight, one in parts.plain:
        if one["target"] != ALL or not str(one["metric"]).startswith(COCO):
            plain.append((weight, one))
            continue
        kinds = sorted(
            {target for model, pass_id, target in table.of_answer if (model, pass_id) == (one["model"], one["pass"])}
        )
        counted = [(count(table, {**one, "target": kind}), {**one, "target": kind}) for kind in kinds]
        there = [of for found, of in counted if found is not None and not math.isnan(found.value)]
        plain += [(weight / len(there), of) for of in there]
    return None if parts.ratio and len(plain) > len(parts.plain) else replace(parts, plain=plain)


def _difference(_table: Table, one: Estimate, plain: Estimate) -> Parts:
    """Only cases that are left out of neither model; or each model under a rule of its own."""
    against = str(one["contrast"]["against"])
    if one["missing_rule"] == AGAINST_THE_FIRST:
        first = {**plain, "missing_rule": "worst_case"}
        second = {**plain, "missing_rule": "best_case", "model": against}
    elif one["missing_rule"] in LEFT_OUT or str(one["metric"]).startswith(OF_MASKS):
        first, second = {**plain, BESIDE: against}, {**plain, "model": against, BESIDE: one["model"]}
    else:
        first, second = dict(plain), {**plain, "model": against}
    return Parts(((1.0, first), (-1.0, second)))


def _against_the_rest(_table: Table, one: Estimate, plain: Estimate) -> Parts:
    """One level less all others together."""
    others = {name: f"{ALL_BUT}{level}" for name, level in one["stratum"].items()}
    return Parts(((1.0, plain), (-1.0, {**plain, "stratum": others})))


def _of_groups(_table: Table, one: Estimate, plain: Estimate) -> Parts | None:
    attribute, _, level = str(one["contrast"]["against"]).partition("=")
    if list(one["stratum"]) != [attribute]:
        return None
    sides = (1.0, plain), (-1.0, {**plain, "stratum": {attribute: level}})
    return Parts(sides, ratio=str(one["contrast"]["kind"]).endswith("ratio"))


def _drop(_table: Table, one: Estimate, plain: Estimate) -> Parts:
    sign = -1.0 if less_is_better(str(one["metric"])) else 1.0
    return Parts(((sign, _at(plain, CLEAN)), (-sign, _at(plain, str(one["pass"])))))


def _area(table: Table, one: Estimate, plain: Estimate) -> Parts | None:
    """Trapezoids from no disturbance to the worst one, over the width of all: each point weighs half of the width around it."""
    cause = str(one["contrast"]["cause"])
    named = re.compile(re.escape(cause) + r"-(\d+)")
    passes = {str(row["pass"]) for row in table.rows}
    grid = [0, *sorted(int(found[1]) for name in passes if (found := named.fullmatch(name)))]
    if len(grid) == 1:
        return None
    around = [(grid[max(i - 1, 0)], grid[min(i + 1, len(grid) - 1)]) for i in range(len(grid))]
    names = [CLEAN, *(f"{cause}-{step}" for step in grid[1:])]
    return Parts(
        [((high - low) / 2 / grid[-1], _at(plain, name)) for (low, high), name in zip(around, names, strict=True)]
    )


def _since(table: Table, one: Estimate, plain: Estimate) -> Parts | None:
    before = table.accepted.get((one["endpoint"], one["model"], one["metric"]))
    return None if before is None else Parts(((1.0, _at(plain, CLEAN)),), constant=-before)


WAYS: Mapping[str, Callable[[Table, Estimate, Estimate], Parts | None]] = {
    "difference": _difference, "rest_difference": _against_the_rest, "group_difference": _of_groups, "group_ratio": _of_groups,
    "drop": _drop, "area": _area, "since_accepted": _since,
}  # fmt: skip


def _at(plain: Estimate, pass_id: str) -> Estimate:
    """The plain estimate of one pass."""
    condition = {name: value for name, value in plain["condition"].items() if name not in OF_A_PASS}
    return {**plain, "pass": pass_id, "condition": condition}


def less_is_better(metric: str) -> bool:
    """Of a measure of masks it hangs on what is measured, where the statistic is in its unit."""
    if metric in LESS_IS_BETTER or metric.startswith(FALSE_MARKS):
        return True
    named = recount_masks.statistic(metric)
    known = MEASURES.get(named[1][0]) if named is not None and named[0] in IN_ITS_UNIT else None
    return known is not None and known.better == "lower"
