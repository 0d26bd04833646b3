"""Ejection fraction of each study from the volumes of two phases: (filled - emptied) / filled.

It stands on the row of the filled phase. A study without both phases, or without a volume in one of them, has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from validate.cohort.case import Case
from validate.errors import DataError
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import written

SIDES = ("reference", "prediction")


def with_ejection_fractions(protocol: StudyProtocol, cases: Sequence[Case], rows: list[dict[str, Any]]) -> None:
    """Complete the rows in place. Raises DataError where a study has a phase twice, or no case has a phase that is named."""
    asked = protocol.segmentation.ejection_fraction if protocol.segmentation is not None else None
    if asked is None:
        return
    phases = {case.unit: written(case.attributes.get(asked.phase)) for case in cases}
    for wanted in (asked.filled, asked.emptied):
        if written(wanted) not in phases.values():
            there = ", ".join(sorted(set(phases.values()))) or "none"
            raise DataError(f"segmentation.ejection_fraction: no case has {asked.phase} '{wanted}'; there are {there}.")
    both = [case for case in cases if phases[case.unit] in {written(asked.filled), written(asked.emptied)}]
    place = {(case.study, phases[case.unit]): case.unit for case in both}
    if len(place) < len(both):
        raise DataError(
            "segmentation.ejection_fraction: a study has one phase twice; which of them counts can't be told."
        )
    study = {case.unit: case.study for case in cases}
    own = [row for row in rows if row["target"] == asked.structure]
    by_key = {(row["unit"], row["model"], row["pass"]): row for row in own}
    for row in own:
        if phases[row["unit"]] != written(asked.filled):
            continue
        other = by_key.get((place.get((study[row["unit"]], written(asked.emptied))), row["model"], row["pass"]))
        if other is None:
            continue
        for side in SIDES:
            row[f"ejection_fraction_{side}"] = _fraction(row.get(f"volume_{side}"), other.get(f"volume_{side}"))
        told = [row[f"ejection_fraction_{side}"] for side in SIDES]
        if None not in told:
            row["ejection_fraction_difference"] = told[1] - told[0]


def _fraction(filled: float | None, emptied: float | None) -> float | None:
    return None if not filled or emptied is None else (filled - emptied) / filled
