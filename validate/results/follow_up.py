"""What became of each patient: how long they were followed, and whether the event was seen. One of each per patient."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from validate.cohort.case import Case
from validate.errors import DataError
from validate.protocol.schema import StudyProtocol
from validate.protocol.survival import NAME, SurvivalOptions
from validate.results.levels import level_text


def followed(options: SurvivalOptions, cases: pa.Table) -> dict[str, tuple[float, bool]]:
    """Patient → (time, whether it happened), of those for whom both are known. Raises DataError as below."""
    columns = [cases[name].to_pylist() for name in ("patient", options.time, options.event)]
    return _of_patients(options, zip(*columns, strict=True))


def check_follow_up(protocol: StudyProtocol, cases: Sequence[Case]) -> None:
    """Raise DataError, before a model reads a case, where the times that `analyses: survival` asks for can't be read."""
    for analysis in protocol.analyses:
        if analysis.name != NAME:
            continue
        options = SurvivalOptions.model_validate(dict(analysis.options))
        known = dict.fromkeys(name for case in cases for name in case.attributes)
        for name in (options.time, options.event):
            if name not in known:
                raise DataError(f"analyses.survival: no attribute '{name}'; there are {', '.join(sorted(known))}.")
        found = ((c.patient, c.attributes.get(options.time), c.attributes.get(options.event)) for c in cases)
        if not any(happened for _, happened in _of_patients(options, found).values()):
            raise DataError(
                f"analyses.survival: no patient has {options.event} = {options.occurred!r}, so there is no event to speak of. "
                "Give `occurred` as the table has it, or leave the analysis out."
            )


def _of_patients(options: SurvivalOptions, rows: Iterable[tuple[Any, Any, Any]]) -> dict[str, tuple[float, bool]]:
    found: dict[str, tuple[float, bool]] = {}
    occurred = level_text(options.occurred)
    for patient, time, event in rows:
        if time is None or event is None or (isinstance(time, float) and math.isnan(time)):
            continue
        one = (_number(options.time, time), level_text(event) == occurred)
        if found.setdefault(str(patient), one) != one:
            raise DataError(
                f"analyses.survival: a patient has two values of {options.time} or {options.event}. What became of a patient is "
                "one thing: correct the table, counting time from the first image."
            )
    return found


def _number(name: str, value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise DataError(f"analyses.survival: {name} got {value!r}, expected a time of 0 or more.")
    return number
