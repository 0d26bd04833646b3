"""Two models on the same cases: who is right where, counted pair by pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from validate.evidence.recount_table import Entry, Table, counted_cases
from validate.evidence.recount_way import yes_no_rows

KINDS: Mapping[str, Callable[[bool, bool], bool]] = {
    "rows": lambda _one, _other: True,
    "both": lambda one, other: one and other,
    "first_only": lambda one, other: one and not other,
    "second_only": lambda one, other: other and not one,
    "neither": lambda one, other: not one and not other,
}


def counted(table: Table, line: Entry) -> int:
    """Cases in which one, the other, both or neither is right.    asked : {"against": a model, "truth": with or without the finding}"""
    asked, kind = line["asked"], KINDS[str(line["metric"]).removeprefix("pairs.")]
    sides = [
        _right(table, {**line, "model": model}, positive=asked["truth"] == "with")
        for model in (line["model"], asked["against"])
    ]
    return sum(kind(right, sides[1][unit]) for unit, right in sides[0].items())


def _right(table: Table, line: Entry, *, positive: bool) -> Mapping[str, bool]:
    rows = zip(counted_cases(table, line), yes_no_rows(table, line), strict=True)
    return {case["unit"]: bool(row.flagged) == positive for (case, _), row in rows if row.positive == positive}
