"""What was measured of masks, case by case: how it lies, the worst, how volumes agree, lesions by size."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from validate.casewise.measure import MEASURES
from validate.evidence.recount_masks import LESIONS
from validate.evidence.recount_quantile import QUARTERS, quantile
from validate.evidence.recount_table import Entry, Table, answer_of, cases, counted_cases, group_of
from validate.evidence.recount_way import mask_values

Pair = tuple[float, float]  # reference and prediction
PAIRS = {
    "volume_difference": ("volume_reference", "volume_prediction"),
    "ejection_fraction_difference": ("ejection_fraction_reference", "ejection_fraction_prediction"),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one column: of each case as it counts, in order; None where it has no value."""

    of_case: Mapping[str, float | None]
    units: Sequence[str]  # of those with a value
    known: Sequence[float]
    worst: Sequence[float]  # from the worst on


def counted(table: Table, line: Entry) -> float | None:
    """Of one structure of one model.    asked : {"column": what was measured, and what else a number is of}"""
    name, asked = str(line["metric"]).removeprefix("masks."), line["asked"]
    if answer_of(line) not in table.of_answer:
        return None
    group = group_of(table, line)
    rows: list[Entry] = table.once(("rows of masks", *group), lambda: cases(table, line))
    if name in OF_ROWS:
        return OF_ROWS[name](rows, asked)
    if name in OF_PAIRS:
        pairs: list[Pair] = table.once(("pairs", asked["column"], *group), lambda: _pairs(rows, asked["column"]))
        return OF_PAIRS[name](pairs, asked)
    measured: Measured = table.once(
        ("measured", asked["column"], *group), lambda: _measured(table, line, asked["column"])
    )
    if name == "of_case":
        of_case = measured.of_case[asked["case"]]
        return math.nan if of_case is None else of_case
    if name == "group":
        return _group(table, line, measured.units[asked["place"]], asked["by"])
    return OF_VALUES[name](measured, asked) if name in OF_VALUES else quantile(measured.known, QUARTERS[name])


def _group(table: Table, line: Entry, unit: str, by: str) -> int:
    """The place of a case's level among all of them."""
    levels: list[str] = table.once(
        ("levels", by), lambda: sorted({str(row[f"by.{by}"]) for row in table.rows if row["label_status"] == "present"})
    )
    level_of: Mapping[str, str] = table.once(
        ("level of", by, *group_of(table, line)),
        lambda: {row["unit"]: str(row[f"by.{by}"]) for row in cases(table, line)},
    )
    return levels.index(level_of[unit])


def _within(known: Sequence[float], asked: Entry) -> int:
    low, high = asked["low"], asked["high"]
    return sum(low <= one and (one < high or (asked["last"] and one <= high)) for one in known)


def _measured(table: Table, line: Entry, column: str) -> Measured:
    values = mask_values(table, line, (column,))
    every = {row["unit"] for row, _ in counted_cases(table, line)}
    of_case = {
        row["unit"]: values[row["unit"]][0] if row["unit"] in values and row["unit"] in every else None
        for row in cases(table, line)
    }
    known = {unit: value for unit, value in of_case.items() if value is not None}
    higher = column in MEASURES and MEASURES[column].better == "higher"
    return Measured(of_case, list(known), list(known.values()), sorted(known.values(), reverse=not higher))


def _pairs(rows: Sequence[Entry], column: str) -> list[Pair]:
    """Reference and prediction of each output that has both."""
    both = (tuple(row[f"case.{side}"] for side in PAIRS[column]) for row in rows if row["status"] == "ok")
    return [(float(a), float(b)) for a, b in both if a is not None and b is not None]


def _apart(pair: Pair) -> float:
    reference, prediction = pair
    return prediction - reference


def _limit(pairs: Sequence[Pair], sign: int) -> float:
    """Bland and Altman's: mean ± 1.96 standard deviations of the differences."""
    apart = [_apart(pair) for pair in pairs]
    return statistics.fmean(apart) + sign * statistics.NormalDist().inv_cdf(0.975) * statistics.stdev(apart)


def _lesions(rows: Sequence[Entry], name: str, size: int) -> list[int]:
    return [row[f"case.{name}_{size}"] or 0 for row in rows if row["status"] == "ok"]


FOUND, THERE = LESIONS
OF_ROWS: Mapping[str, Callable[[Sequence[Entry], Entry], float]] = {
    "cases": lambda rows, _a: len(rows),
    "failed": lambda rows, _a: sum(row["status"] != "ok" for row in rows),
    "empty": lambda rows, a: sum(row["empty"] == a["mask"] for row in rows),
    "lesions": lambda rows, a: int(sum(_lesions(rows, THERE, a["size"]))),
    "found": lambda rows, a: int(sum(_lesions(rows, FOUND, a["size"]))),
    "cases_with_lesions": lambda rows, a: sum(one > 0 for one in _lesions(rows, THERE, a["size"])),
}
OF_PAIRS: Mapping[str, Callable[[Sequence[Pair], Entry], float]] = {
    "mean": lambda pairs, a: sum(pairs[a["place"]]) / 2,
    "apart": lambda pairs, a: _apart(pairs[a["place"]]),
    "bias": lambda pairs, _a: statistics.fmean(_apart(pair) for pair in pairs),
    "low_limit": lambda pairs, _a: _limit(pairs, -1),
    "high_limit": lambda pairs, _a: _limit(pairs, 1),
}
OF_VALUES: Mapping[str, Callable[[Measured, Entry], float]] = {
    "values": lambda of, a: of.known[a["place"]],
    "worst": lambda of, a: of.worst[a["place"]],
    "with_value": lambda of, _a: len(of.known),
    "without_value": lambda of, _a: len(of.of_case) - len(of.known),
    "within": lambda of, a: _within(of.known, a),
}
