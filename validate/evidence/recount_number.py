"""A number of findings.json, what it is made of, and what comes out when that is counted.

A line is asked like a plain estimate (recount_table) and may take one of its counts instead of its value, or be a count of its own:
of labelled cases (recount_answers), of everybody (recount_people), of pairs of models (recount_pairs), of outputs in other passes
(recount_outputs), of two sides with the same mix (recount_mix), of marks (recount_marked) and of masks (recount_measured).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from validate.evidence import (
    recount_answers,
    recount_marked,
    recount_measured,
    recount_mix,
    recount_moved,
    recount_outputs,
    recount_pairs,
    recount_people,
)
from validate.evidence.recount_sizes import other_counts
from validate.evidence.recount_table import Entry, Table, answer_of
from validate.evidence.recount_way import count, way_to_count

TOLERANCE = 1e-9
# What a document that was tampered with can lead to, where it names what is not there.
TORN = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
Counted = float | Sequence[float] | None  # scores, where a line asks for those of a group


@dataclass(frozen=True, slots=True)
class Number:
    """address : in findings.json      parts : weighed lines      how : they make up the number; a name in WAYS"""

    address: str
    stored: float
    parts: tuple[tuple[float, Entry], ...]
    how: str = "sum"
    constant: float = 0.0

    def counted(self, table: Table) -> float | None:
        """NaN where nothing comes out; None where a line is of a measure that is not counted here."""
        try:
            found = [counted(table, line) for _, line in self.parts]
            if any(one is None for one in found):
                return None
            made = WAYS[self.how](self, [one for one in found if one is not None])
        except TORN:
            return math.nan
        return math.nan if made is None else made


def agrees(stored: float, now: float) -> bool:
    return math.isclose(stored, now, rel_tol=TOLERANCE, abs_tol=1e-12)


OWN: Mapping[str, Callable[[Table, Entry], Counted]] = {
    "cases": recount_answers.counted, "people": recount_people.counted, "pairs": recount_pairs.counted,
    "outputs": recount_outputs.counted, "mix": recount_mix.counted, "marks": recount_marked.counted, "masks": recount_measured.counted,
}  # fmt: skip


def is_counted(table: Table, line: Entry) -> bool:
    """Whether there is a second way to count it; it is not counted yet."""
    family = str(line["metric"]).partition(".")[0]
    if family == "mix":
        return recount_mix.is_counted(line)
    if family in {"cases", "marks", "masks", "pairs"}:
        return answer_of(line) in table.of_answer
    known = family in OWN or recount_moved.check_of(line, table.protocol) is not None
    return known or way_to_count(table, line) is not None


def counted(table: Table, line: Entry) -> Counted:
    own = OWN.get(str(line["metric"]).partition(".")[0])
    if own is not None:
        return own(table, line)
    take = line.get("take", "value")
    if take.startswith("n_"):
        counts = other_counts(table, line)
        return None if counts is None else counts[take]
    check = recount_moved.check_of(line, table.protocol)
    found = count(table, line) if check is None else recount_moved.share(line, table.rows, check)
    if found is None:
        return None
    return {"value": found.value, "numerator": found.numerator, "denominator": found.denominator}[take]


def _sum(number: Number, found: Sequence[Any]) -> float:
    if len(found) == 1 and not number.constant:
        return float(number.parts[0][0] * found[0])
    return math.fsum([*(weight * one for (weight, _), one in zip(number.parts, found, strict=True)), number.constant])


def _ratio(_number: Number, found: Sequence[Any]) -> float:
    return found[0] / found[1] if found[1] else math.nan


def _gap(_number: Number, found: Sequence[Any]) -> float:
    return float(max(found) - min(found))


def _wider_gap(number: Number, found: Sequence[Any]) -> float:
    """Of two sets of lines, told apart by their weights."""
    sets = [[one for (weight, _), one in zip(number.parts, found, strict=True) if weight == which] for which in (1, 2)]
    return float(max(max(one) - min(one) for one in sets))


def _least_of_most(_number: Number, found: Sequence[Any]) -> float:
    return min(found) / max(found) if max(found) else math.nan


def _differences(found: Sequence[Any]) -> list[float]:
    """Of each two lines, the first less the second; without those that have no value."""
    both = zip(found[::2], found[1::2], strict=True)
    return [one - other for one, other in both if not math.isnan(one - other)]


def _unknown_most(_number: Number, found: Sequence[Any]) -> float:
    """At the most: a of n count in a group, b of m in the other, u of those who may be in either."""
    a, n, b, m, u, of = found
    return float((a + u) / (n + u) - b / (m + of - u))


def _unknown_least(_number: Number, found: Sequence[Any]) -> float:
    a, n, b, m, u, of = found
    return float(a / (n + of - u) - (b + u) / (m + u))


def _above(_number: Number, found: Sequence[Any]) -> float:
    """How often a score of the first scores above one of the second; a tie is half."""
    return recount_answers.share_above(found[0], found[1])


def _restored(_number: Number, found: Sequence[Any]) -> float:
    """The highest score of a group at which as large a share of it is found."""
    share, scores = found[0], sorted(found[1], reverse=True)
    return float(scores[max(math.ceil(share * len(scores) - 1e-9), 1) - 1])


def _restored_sensitivity(number: Number, found: Sequence[Any]) -> float:
    at = _restored(number, found)
    return float(sum(score >= at for score in found[1]) / len(found[1]))


def _restored_specificity(number: Number, found: Sequence[Any]) -> float:
    at = _restored(number, found)
    return float(sum(score < at for score in found[2]) / len(found[2]))


def _association(number: Number, found: Sequence[Any]) -> float:
    """Cramér's V with Bergsma's correction. constant : how many columns the table has, whose cells are the lines"""
    wide = int(number.constant)
    table = [list(found[place : place + wide]) for place in range(0, len(found), wide)]
    table = [row for row in table if sum(row)]
    kept = [place for place in range(wide) if sum(row[place] for row in table)]
    table = [[row[place] for place in kept] for row in table]
    n, columns = sum(map(sum, table)), [sum(row[place] for row in table) for place in range(len(kept))]
    square = sum(
        (cell - sum(row) * of / n) ** 2 / (sum(row) * of / n)
        for row in table
        for cell, of in zip(row, columns, strict=True)
    )
    r, c = len(table), len(kept)
    smaller = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    return math.sqrt(max(0.0, square / n - (r - 1) * (c - 1) / (n - 1)) / smaller)


def _thousand(name: str) -> Callable[[Number, Sequence[Any]], float | None]:
    """Of 1,000 people at a prevalence (the constant), from sensitivity and specificity."""

    def value(number: Number, found: Sequence[Any]) -> float | None:
        sensitivity, specificity = (float(one) for one in found)
        ill = 1000 * number.constant
        positive = round(ill)
        hit = min(max(round(ill * sensitivity), 0), positive)
        spared = min(max(round((1000 - ill) * specificity), 0), 1000 - positive)
        right, wrong = number.constant * sensitivity, (1 - number.constant) * (1 - specificity)
        if name in {"alarms_per_found", "number_needed_to_predict"}:
            if name == "alarms_per_found":
                return wrong / right if right else None
            gain = right / (right + wrong) + (1 - number.constant) * specificity / (1 - right - wrong) - 1
            return 1 / gain
        return {
            "positive": positive, "negative": 1000 - positive, "found": hit, "missed": positive - hit, "left_alone": spared,
            "false_alarms": 1000 - positive - spared, "flagged": hit + 1000 - positive - spared,
        }[name]  # fmt: skip

    return value


OF_THOUSAND = (
    "positive", "negative", "found", "missed", "left_alone", "false_alarms", "flagged", "alarms_per_found", "number_needed_to_predict",
)  # fmt: skip
WAYS: Mapping[str, Callable[[Number, Sequence[Any]], float | None]] = {
    "sum": _sum, "ratio": _ratio, "gap": _gap, "wider_gap": _wider_gap, "least_of_most": _least_of_most,
    "least": lambda _n, found: min(_differences(found)), "most": lambda _n, found: max(_differences(found)),
    "unknown_least": _unknown_least, "unknown_most": _unknown_most, "above": _above, "restored": _restored,
    "restored_sensitivity": _restored_sensitivity, "restored_specificity": _restored_specificity, "association": _association,
    **{f"thousand.{name}": _thousand(name) for name in OF_THOUSAND},
}  # fmt: skip
