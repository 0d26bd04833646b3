"""What was measured of each case joins what the models gave: a case that could not be compared is a failed row."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from validate.errors import DataError
from validate.results.units import EMPTY, MEASURE_PREFIX

KEYS = ("model", "pass", "target", "unit")
NOT_MEASURES = (*KEYS, "failure", "detail", "empty")


def with_measures(inference: pa.Table, measures: pa.Table) -> pa.Table:
    """The inference rows with "empty" and "case.<measure>"; status, failure and score as the comparison left them.

    Raises DataError unless every row of one is a row of the other.
    """
    keys, known = _keys(inference), _keys(measures)
    if sorted(keys) != sorted(known):
        raise DataError(
            f"casewise: {len(known)} rows of measures for {len(keys)} rows of inference. They come from different runs, or one "
            "was changed; run again in a new folder."
        )
    place = {key: row for row, key in enumerate(known)}
    ordered = measures.take(pa.array([place[key] for key in keys], pa.int64()))
    reasons = ordered["failure"].to_pylist()
    columns: dict[str, list[Any]] = {name: inference[name].to_pylist() for name in ("status", "failure", "score")}
    for row, reason in enumerate(reasons):
        if reason is not None and columns["status"][row] == "ok":
            columns["status"][row], columns["failure"][row], columns["score"][row] = "failed", reason, None
    table = inference
    for name, values in columns.items():
        index = table.column_names.index(name)
        table = table.set_column(index, table.schema.field(name), [pa.array(values, table.schema.field(name).type)])
    table = table.append_column(EMPTY, [ordered[EMPTY.name].combine_chunks()])
    for name in ordered.column_names:
        if name not in NOT_MEASURES:
            table = table.append_column(f"{MEASURE_PREFIX}{name}", [ordered[name].combine_chunks().cast(pa.float64())])
    return table


def measure_columns(table: pa.Table) -> list[str]:
    """Names "empty" and "case.<measure>", in the table's order."""
    return [name for name in table.column_names if name == EMPTY.name or name.startswith(MEASURE_PREFIX)]


def _keys(table: pa.Table) -> list[tuple[str, ...]]:
    return list(zip(*(table[name].to_pylist() for name in KEYS), strict=True))
