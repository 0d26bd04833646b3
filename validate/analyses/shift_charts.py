"""CUSUM charts over the steps of time: of the output, and of every other number that both cohorts have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.analyses.two_cohorts import TwoCohorts
from validate.protocol.shift import ShiftOptions
from validate.stats.cusum import cusum, run_length, self_starting


def output_chart(both: TwoCohorts, options: ShiftOptions) -> dict[str, Any] | None:
    """Mean output of each step against the reference and the steps before it; of several outputs the first."""
    numeric = both.numbers()
    first = next((name for name in both.outputs if name in numeric), None)
    return None if first is None else _chart(both, numeric[first], options)


def further_charts(both: TwoCohorts, options: ShiftOptions) -> Iterator[dict[str, Any]]:
    """The same of each other number; components of an embedding have no meaning of their own, and no chart."""
    numeric = both.numbers()
    first = next((name for name in both.outputs if name in numeric), None)
    for name, column in numeric.items():
        if name != first and both.group(name) != "embedding" and (found := _chart(both, column, options)) is not None:
            yield {**both.feature(name), "group": both.group(name), **found}


def _chart(both: TwoCohorts, column: NDArray[np.float64], options: ShiftOptions) -> dict[str, Any] | None:
    """None without an order, or where the reference does not vary. Patients are counted, one value of each in a step."""
    if both.order is None:
        return None
    known = ~np.isnan(column)
    reference = _by_patient(column, both.patient, known & ~both.second)
    when = np.array(["" if value is None else _written(value) for value in both.order])
    there = np.array([value is not None for value in both.order], np.bool_)
    in_time = np.concatenate([np.zeros((~both.second).sum(), np.bool_), there])
    step_of = np.concatenate([np.full((~both.second).sum(), "", when.dtype), when])
    members = {step: known & in_time & (step_of == step) for step in _in_time(both.order)}
    steps = {step: _by_patient(column, both.patient, rows) for step, rows in members.items() if rows.any()}
    if not steps:
        return None
    try:
        z = self_starting(reference, list(steps.values()))
    except ValueError:
        return None
    found = cusum(z, allowance=options.allowance, decision=options.decision)
    order = list(steps)
    return {
        "order_by": options.order_by,
        "allowance": options.allowance,
        "decision": options.decision,
        "points": [
            {"when": step, "cases": int(members[step].sum()), "patients": len(steps[step]), "z": float(z[place]),
             "upper": float(found.upper[place]), "lower": float(found.lower[place])}
            for place, step in enumerate(order)
        ],
        "alarm": None if found.alarm is None else order[found.alarm],
        "run_length": run_length(allowance=options.allowance, decision=options.decision),
    }  # fmt: skip


def _in_time(values: Sequence[Any]) -> list[str]:
    """Each step once, in order: numbers as numbers, so that the tenth month does not come after the first."""
    known = {value for value in values if value is not None}
    return [_written(value) for value in sorted(known, key=lambda value: (isinstance(value, str), value))]


def _written(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _by_patient(
    column: NDArray[np.float64], patient: NDArray[np.int64], rows: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The mean of each patient who has one of these rows: images of a patient are alike, and count once."""
    _, place = np.unique(patient[rows], return_inverse=True)
    return np.asarray(np.bincount(place, column[rows]) / np.bincount(place), np.float64)
