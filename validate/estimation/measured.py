"""Rows of a task that measures each case: what a failed case counts as, and which rows have a value at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from validate.casewise.measure import FOUND, MEASURES, THERE
from validate.results.units import MEASURE_PREFIX

if TYPE_CHECKING:
    from validate.estimation.cases import Cases

DIAGONAL = "diagonal"


def measures_of(units: pa.Table) -> dict[str, NDArray[np.float64]] | None:
    """Columns "case.<measure>" by name, NaN without a value (in memory only); None where nothing was measured."""
    found = {
        name.removeprefix(MEASURE_PREFIX): np.asarray(
            units[name].combine_chunks().fill_null(float("nan")).to_numpy(zero_copy_only=False), np.float64
        )
        for name in units.column_names
        if name.startswith(MEASURE_PREFIX)
    }
    return found or None


def counted(cases: Cases, name: str, *, worst: NDArray[np.bool_], best: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The values of a measure, with failed rows at the worst or best there is; NaN where there is none.

    worst, best : (n,) failed rows by the rule that they fall under
    """
    assert cases.measures is not None
    values, measure = cases.measures[name], MEASURES.get(name)
    if name.startswith(THERE):
        return values
    if name.startswith(FOUND):
        there = cases.measures[name.replace(FOUND, THERE)]
        return np.where(worst, np.minimum(there, 0.0), np.where(best, there, values))
    if measure is None or measure.worst is None:
        return np.where(cases.failed, np.nan, values)
    diagonal = cases.measures[DIAGONAL]
    least = diagonal if measure.worst == "diagonal" else np.zeros_like(values)
    if measure.lesions:  # without a lesion in the reference there is nothing to miss
        least = np.where(cases.positive, least, np.nan)
    return np.where(
        worst, least, np.where(best & ~np.isnan(least), measure.best, np.where(cases.failed, np.nan, values))
    )


def defined(columns: Mapping[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
    """(n,) rows with a value of every column."""
    return np.asarray(~np.isnan(np.stack(list(columns.values()))).any(axis=0))
