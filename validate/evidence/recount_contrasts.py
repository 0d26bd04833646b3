"""Differences and ratios once more, from what was counted of both sides: two models, two groups, a group and all others."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from validate.evidence.recount_yes_no import Found

Estimate = Mapping[str, Any]
Count = Callable[[Estimate], Found | None]
ALL_BUT = "\0"  # before a level, where every other one is meant
BESIDE = "beside"  # key of an estimate that is only of cases which are left out of this model neither
LEFT_OUT = {"excluded", "exclude_and_report", "outputs_only"}  # a pair of which one half is left out is no pair
AGAINST_THE_FIRST = "noninferiority_worst_case"  # failures wrong for the first model, right for the second
OF_MASKS = "segmentation."  # a case without a value of either model is no pair there


def of_contrasts(
    estimates: Sequence[Estimate], counted: Mapping[int, Found], *, count: Count
) -> Iterator[tuple[int, Found]]:
    """Estimates by their place, with what was counted.

    counted : plain estimates, by their place      count : of a plain estimate
    """
    plain = {i for i in counted if "prevalence" not in estimates[i]["condition"]}
    places = {_name(one): index for index, one in enumerate(estimates) if index in plain}
    for index, one in enumerate(estimates):
        contrast = one["contrast"]
        if contrast is None or one["status"] != "ok":
            continue
        if contrast["kind"] == "rest_difference":
            yield from _against_the_rest(index, one, count)
        elif contrast["kind"] != "difference" or one["missing_rule"] in {"worst_case", "best_case"}:
            yield from _of_two(index, one, places, counted)
        elif not str(one["metric"]).startswith(OF_MASKS):
            yield from _of_pairs(index, one, count)


def _of_two(
    index: int, one: Estimate, places: Mapping[tuple[Any, ...], int], counted: Mapping[int, Found]
) -> Iterator[tuple[int, Found]]:
    """Both were counted, and no case was left out for the other's sake."""
    contrast = one["contrast"]
    other = _other(one, contrast)
    if other is None:
        return
    first, second = places.get(_name(one)), places.get(_name(other))
    if first is None or second is None:
        return
    a, b = counted[first].value, counted[second].value
    if contrast["kind"].endswith("ratio"):
        yield index, Found(a / b if b else math.nan)
    elif contrast["kind"] in {"difference", "group_difference"}:
        yield index, Found(a - b)


def _of_pairs(index: int, one: Estimate, count: Count) -> Iterator[tuple[int, Found]]:
    """Only cases that are left out of neither model; or each model under a rule of its own."""
    if "prevalence" in one["condition"]:
        return
    against, plain = one["contrast"]["against"], {**one, "contrast": None}
    if one["missing_rule"] in LEFT_OUT:
        sides = {**plain, BESIDE: against}, {**plain, "model": against, BESIDE: one["model"]}
    elif one["missing_rule"] == AGAINST_THE_FIRST:
        sides = {**plain, "missing_rule": "worst_case"}, {**plain, "missing_rule": "best_case", "model": against}
    else:
        return
    first, second = (count(side) for side in sides)
    if first is not None and second is not None:
        yield index, Found(first.value - second.value)


def _against_the_rest(index: int, one: Estimate, count: Count) -> Iterator[tuple[int, Found]]:
    """One level less all others together."""
    others = {name: f"{ALL_BUT}{level}" for name, level in one["stratum"].items()}
    own, rest = (count({**one, "contrast": None, "stratum": stratum}) for stratum in (one["stratum"], others))
    if own is not None and rest is not None:
        yield index, Found(own.value - rest.value)


def _other(one: Mapping[str, Any], contrast: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if contrast["kind"] == "difference":
        return {**one, "model": contrast["against"]}
    attribute, _, level = str(contrast["against"]).partition("=")
    if not contrast["kind"].startswith("group_") or list(one["stratum"]) != [attribute]:
        return None
    return {**one, "stratum": {attribute: level}}


def _name(one: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells estimates of one endpoint apart; conditions are the endpoint's own."""
    return (
        one["endpoint"],
        one["model"],
        one["pass"],
        one["target"],
        tuple(sorted(one["stratum"].items())),
        one["missing_rule"],
    )
