"""What was measured of masks, case by case: how it lies, the worst, how volumes agree, lesions by size."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence

from validate.casewise.measure import MEASURES
from validate.evidence.recount_masks import LESIONS
from validate.evidence.recount_table import Entry, Table, answer_of, cases, counted_cases, group_of
from validate.evidence.recount_way import mask_values

PAIRS = {
    "volume_difference": ("volume_reference", "volume_prediction"),
    "ejection_fraction_difference": ("ejection_fraction_reference", "ejection_fraction_prediction"),
}
QUARTERS = {"least": 0.0, "lower_quartile": 0.25, "median": 0.5, "upper_quartile": 0.75, "most": 1.0}


def counted(table: Table, line: Entry) -> float | None:
    """Of one structure of one model.    asked : {"column": what was measured, and what else a number is of}"""
    name, asked = str(line["metric"]).removeprefix("masks."), line["asked"]
    if answer_of(line) not in table.of_answer:
        return None
    rows = cases(table, line)
    if name in OF_ROWS:
        return OF_ROWS[name](rows, asked)
    key = ("of cases", asked["column"], *group_of(table, line))
    values: list[tuple[str, float | None]] = table.once(key, lambda: _values(table, line, asked["column"]))
    return _of_values(table, rows, values, name, asked)


def _of_values(
    table: Table, rows: Sequence[Entry], values: Sequence[tuple[str, float | None]], name: str, asked: Entry
) -> float:
    known = [value for _, value in values if value is not None]
    if name == "of_case":
        of_case = dict(values)[asked["case"]]
        return math.nan if of_case is None else of_case
    if name == "group":
        return _group(table, rows, [unit for unit, value in values if value is not None][asked["place"]], asked["by"])
    if name == "without_value":
        return len(values) - len(known)
    return OF_VALUES[name](known, asked) if name in OF_VALUES else _quantile(known, QUARTERS[name])


def _group(table: Table, rows: Sequence[Entry], unit: str, by: str) -> int:
    """The place of a case's level among all of them."""
    levels: list[str] = table.once(
        ("levels", by), lambda: sorted({str(row[f"by.{by}"]) for row in table.rows if row["label_status"] == "present"})
    )
    return levels.index(next(str(row[f"by.{by}"]) for row in rows if row["unit"] == unit))


def _within(known: Sequence[float], asked: Entry) -> int:
    low, high = asked["low"], asked["high"]
    return sum(low <= one and (one < high or (asked["last"] and one <= high)) for one in known)


def _values(table: Table, line: Entry, column: str) -> list[tuple[str, float | None]]:
    """Of every case in order, as it counts."""
    values = mask_values(table, line, (column,))
    every = {row["unit"] for row, _ in counted_cases(table, line)}
    return [
        (row["unit"], values[row["unit"]][0] if row["unit"] in values and row["unit"] in every else None)
        for row in cases(table, line)
    ]


def _quantile(values: Sequence[float], share: float) -> float:
    order = sorted(values)
    place = (len(order) - 1) * share
    low, high = order[math.floor(place)], order[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))


def _worst(values: Sequence[float], column: str) -> list[float]:
    return sorted(values, reverse=MEASURES[column].better != "higher")


def _pairs(rows: Sequence[Entry], column: str) -> list[tuple[float, float]]:
    """Reference and prediction of each output that has both."""
    both = (tuple(row[f"case.{side}"] for side in PAIRS[column]) for row in rows if row["status"] == "ok")
    return [(float(a), float(b)) for a, b in both if a is not None and b is not None]


def _apart(rows: Sequence[Entry], column: str) -> list[float]:
    return [prediction - reference for reference, prediction in _pairs(rows, column)]


def _limit(rows: Sequence[Entry], column: str, sign: int) -> float:
    """Bland and Altman's: mean ± 1.96 standard deviations of the differences."""
    apart = _apart(rows, column)
    return statistics.fmean(apart) + sign * statistics.NormalDist().inv_cdf(0.975) * statistics.stdev(apart)


def _lesions(rows: Sequence[Entry], name: str, size: int) -> list[int]:
    return [row[f"case.{name}_{size}"] or 0 for row in rows if row["status"] == "ok"]


FOUND, THERE = LESIONS
OF_ROWS: Mapping[str, Callable[[Sequence[Entry], Entry], float]] = {
    "cases": lambda rows, _a: len(rows),
    "failed": lambda rows, _a: sum(row["status"] != "ok" for row in rows),
    "empty": lambda rows, a: sum(row["empty"] == a["mask"] for row in rows),
    "mean": lambda rows, a: sum(_pairs(rows, a["column"])[a["place"]]) / 2,
    "apart": lambda rows, a: _apart(rows, a["column"])[a["place"]],
    "bias": lambda rows, a: statistics.fmean(_apart(rows, a["column"])),
    "low_limit": lambda rows, a: _limit(rows, a["column"], -1),
    "high_limit": lambda rows, a: _limit(rows, a["column"], 1),
    "lesions": lambda rows, a: int(sum(_lesions(rows, THERE, a["size"]))),
    "found": lambda rows, a: int(sum(_lesions(rows, FOUND, a["size"]))),
    "cases_with_lesions": lambda rows, a: sum(one > 0 for one in _lesions(rows, THERE, a["size"])),
}
OF_VALUES: Mapping[str, Callable[[Sequence[float], Entry], float]] = {
    "values": lambda known, a: known[a["place"]],
    "worst": lambda known, a: _worst(known, a["column"])[a["place"]],
    "with_value": lambda known, _a: len(known),
    "within": _within,
}
