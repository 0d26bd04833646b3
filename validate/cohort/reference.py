"""The reference labels. Before inference only whether a label exists may be asked; the labels are read after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from validate.cohort.case import Case
from validate.cohort.table import Table, key_text, read_table
from validate.errors import DataError
from validate.protocol.schema import Reference, Scalar

SCHEMA = pa.schema(
    [
        pa.field("unit", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),  # present, missing, indeterminate
        pa.field("label", pa.float64()),  # 1 positive, 0 negative, null unless present
    ]
)


def labelled_keys(reference: Reference, base: Path) -> frozenset[str]:
    """Keys with a label, without a look at what it says. Raises DataError where the table can't be read."""
    table = read_table(base / reference.table, what="reference table")
    labels = table.column(reference.label)
    return frozenset(key for key, row in _rows(table, reference).items() if labels[row] is not None)


def read_reference(reference: Reference, *, base: Path, cases: Sequence[Case]) -> pa.Table:
    """unit, status, label of every case, in their order.

    Raises DataError when labels match no case, are of unknown values, or repeat a key.
    """
    table = read_table(base / reference.table, what="reference table")
    rows = _rows(table, reference)
    values = [key_text(value) for value in table.column(reference.label)]
    meaning = _meaning(reference, values, table.name)
    statuses, labels = [], []
    for case in cases:
        row = rows.get(key_text(case.keys.get(reference.key)) or "")
        label = meaning[values[row]] if row is not None else None
        statuses.append(label if isinstance(label, str) else "missing" if label is None else "present")
        labels.append(label if isinstance(label, float) else None)
    if "present" not in statuses:
        counts = ", ".join(f"{count} {status}" for status, count in Counter(statuses).items())
        raise DataError(
            f"{table.name}: no label matches any case by {reference.key} ({len(cases)} cases: {counts}). Check that "
            f"'{reference.key}' means the same in the table and in the images."
        )
    return pa.table([[case.unit for case in cases], statuses, labels], schema=SCHEMA)


def _rows(table: Table, reference: Reference) -> dict[str, int]:
    return table.by_key(reference.key)


def _meaning(reference: Reference, values: Sequence[str | None], name: str) -> Mapping[str | None, float | str | None]:
    """What each written value means: 1.0, 0.0, "indeterminate", or None for an empty cell."""
    positive = _written(reference.positive)
    indeterminate = {_written(value) for value in reference.indeterminate_values}
    others = sorted({v for v in values if v is not None} - {positive} - indeterminate)
    if reference.negative is not None:
        unknown = sorted(set(others) - {_written(reference.negative)})
        negatives = {_written(reference.negative)}
    else:
        unknown, negatives = (others, set()) if len(others) > 1 else ([], set(others))
    if unknown:
        listed = ", ".join(f"'{value}'" for value in unknown[:8])
        raise DataError(
            f"{name}: column {reference.label} holds {listed}, which the protocol does not explain: positive is "
            f"'{positive}'. Name reference.negative, and reference.indeterminate_values where there are any."
        )
    meaning: dict[str | None, float | str | None] = {None: None, positive: 1.0}
    meaning |= dict.fromkeys(negatives, 0.0)
    return meaning | dict.fromkeys(indeterminate, "indeterminate")


def _written(value: Scalar) -> str:
    return key_text(value) or ""
