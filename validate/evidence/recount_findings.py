"""The numbers of findings.json once more: each that is counted a second time, and why each of the others is not."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from validate.canonical import pointer_step
from validate.evidence import recount_survival
from validate.evidence.findings import (
    calibration,
    comparison,
    decision_curve,
    determinism,
    errors,
    fairness,
    input_guard,
    marks,
    masks,
    metamorphic,
    missing,
    overall,
    participants,
    population,
    prevalence,
    robustness,
    scanner_shift,
    strata,
    targets,
)
from validate.evidence.findings.finding import Finding
from validate.evidence.recount_number import TORN, Number, agrees
from validate.evidence.recount_table import FINDINGS, Table

REASONS = Path(__file__).parent / "findings" / "not_counted.yaml"
OF: Mapping[str, Callable[[Finding], Iterator[Number]]] = {
    module.__name__.rpartition(".")[2]: module.numbers
    for module in (
        calibration, comparison, decision_curve, determinism, errors, fairness, input_guard, marks, masks, metamorphic, missing, overall,
        participants, population, prevalence, robustness, scanner_shift, strata, targets,
    )
}  # fmt: skip


@dataclass(slots=True)
class Findings:
    """checked : how many numbers were counted again      not_counted : why others were not, and how many

    unknown : addresses of numbers that have neither a second way of counting nor a reason to have none
    """

    checked: int = 0
    differences: list[str] = field(default_factory=list)
    not_counted: Counter[str] = field(default_factory=Counter)
    unknown: list[str] = field(default_factory=list)


def recounted(table: Table) -> Findings:
    """Raises EvidenceError where findings.json can't be read."""
    found, known = Findings(), set[str]()
    for place, document in enumerate(table.findings):
        try:
            for number in _numbers(table, place, document):
                now = number.counted(table)
                if now is None:
                    continue
                known.add(number.address)
                if not agrees(number.stored, now):
                    found.differences.append(f"{number.address}: stored {number.stored}, counted {_said(now)}")
        except TORN as error:
            found.differences.append(f"{FINDINGS}#/findings/{place}: {_torn(error)}")
    try:
        found.differences += recount_survival.recounted(table)[1]
        known |= {one.address for _, stored in recount_survival.asked(table) for one in stored}
    except TORN as error:
        found.differences.append(f"{FINDINGS}: survival {_torn(error)}")
    found.checked = len(known)
    _others(table, known, found)
    return found


def _torn(error: Exception) -> str:
    return f"can't be counted again: {type(error).__name__}: {error}"


def _said(now: float) -> str:
    return "nothing" if math.isnan(now) else str(int(now) if now == int(now) else now)


def numbers(table: Table) -> Iterator[Number]:
    """Of every finding, what is counted again; of survival recount_survival has them."""
    for place, document in enumerate(table.findings):
        yield from _numbers(table, place, document)


def _numbers(table: Table, place: int, document: Mapping[str, Any]) -> Iterator[Number]:
    if document["status"] == "ok" and document["analysis"] in OF:
        yield from OF[document["analysis"]](Finding(table, place, document))


def _others(table: Table, known: set[str], found: Findings) -> None:
    for place, document in enumerate(table.findings):
        for path in _leaves(document["data"], ""):
            address = f"{FINDINGS}#/findings/{place}/data{path}"
            if address in known:
                continue
            why = why_not(f"{document['analysis']}{path}")
            if why is None:
                found.unknown.append(address)
            else:
                found.not_counted[why] += 1


def why_not(path: str) -> str | None:
    """Why a number is not counted a second time; None where it should be.    path : the analysis, and the way to it in its data"""
    return next((why for why, fits in _reasons() if fits.fullmatch(path)), None)


@cache
def _reasons() -> tuple[tuple[str, re.Pattern[str]], ...]:
    entries = yaml.safe_load(REASONS.read_text(encoding="utf-8"))
    return tuple((entry["why"], re.compile(path)) for entry in entries for path in entry["paths"])


def _leaves(value: Any, at: str) -> Iterator[str]:
    """Where a number stands."""
    if isinstance(value, Mapping):
        for key, inside in value.items():
            yield from _leaves(inside, f"{at}/{pointer_step(str(key))}")
    elif isinstance(value, list):
        for place, inside in enumerate(value):
            yield from _leaves(inside, f"{at}/{place}")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield at
