"""Counts and point estimates once more, by the textbook and one case at a time, without code of metrics, estimation, analyses or stats.

What two ways of counting agree on is not a slip of either. Counted in recount_yes_no, _curves, _calibration, _classes, _masks, _marks,
_boxes, _moved and _shift, and of findings as recount_findings says; which rows an estimate is of is read in recount_table, and what
differences are made of in recount_parts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from validate.evidence import recount_findings, recount_moved, recount_shift
from validate.evidence.recount_parts import Parts, parts_of
from validate.evidence.recount_sizes import other_counts
from validate.evidence.recount_table import Entry, Table, read_table
from validate.evidence.recount_way import count
from validate.evidence.recount_yes_no import Found

TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Recount:
    """checked : estimates counted again      of : estimates that have a value      differences : each with its address

    found : numbers of findings that were counted again      not_counted : why others of them were not, and how many
    unknown : addresses of numbers of findings that have neither
    """

    checked: int
    differences: tuple[str, ...]
    of: int = 0
    found: int = 0
    not_counted: Mapping[str, int] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


def recount(folder: Path, table: Table | None = None) -> Recount:
    """Count every estimate that can be. Raises EvidenceError where a table can't be read.

    table : of this folder, where it was read already
    """
    table = read_table(folder) if table is None else table
    checked, of, told = 0, 0, list[str]()
    for index, one in enumerate(table.estimates):
        has_value = one["value"] is not None
        of += has_value
        found = estimated(table, one) if has_value else None
        checked += found is not None
        stored_and_counted = [*(_unequal(one, found) if found is not None else ()), *_other_counts(table, one)]
        told += [
            f"estimates.json#/estimates/{index}/{key}: stored {was}, counted {now}"
            for key, was, now in stored_and_counted
        ]
    beside = recount_findings.recounted(table)
    differ = (*told, *beside.differences)
    return Recount(checked, differ, of, beside.checked, dict(beside.not_counted), tuple(beside.unknown))


def estimated(table: Table, one: Entry) -> Found | None:
    """One estimate, of whatever it is made; None where it is not counted here."""
    check, parts = recount_moved.check_of(one, table.protocol), parts_of(table, one)
    if check is not None:
        return recount_moved.share(one, table.rows, check)
    if recount_shift.asked(one):
        return recount_shift.told_apart(table, str(one["model"]))
    return None if parts is None else _together(table, parts)


def _together(table: Table, parts: Parts) -> Found | None:
    found = [count(table, plain) for _, plain in parts.plain]
    known = [part for part in found if part is not None]
    if len(known) < len(found):
        return None
    if len(known) == 1 and not parts.constant:
        return known[0]
    if parts.ratio:
        return Found(known[0].value / known[1].value if known[1].value else math.nan)
    weighed = (weight * part.value for (weight, _), part in zip(parts.plain, known, strict=True))
    return Found(math.fsum((*weighed, parts.constant)))


def _unequal(estimate: Entry, found: Found) -> Iterator[tuple[str, Any, Any]]:
    stored = estimate["value"]
    if not math.isclose(stored, found.value, rel_tol=TOLERANCE, abs_tol=1e-12):
        yield "value", stored, found.value
    for key, now in (("numerator", found.numerator), ("denominator", found.denominator)):
        if now is not None and estimate[key] is not None and estimate[key] != now:
            yield key, estimate[key], now


def _other_counts(table: Table, one: Entry) -> Iterator[tuple[str, Any, Any]]:
    for key, now in (other_counts(table, one) or {}).items():
        if one.get(key) is not None and one[key] != now:
            yield key, one[key], now
