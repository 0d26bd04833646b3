"""The reference labels. Before inference only whether a label exists may be asked; the labels are read after it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from validate.cohort.case import Case
from validate.cohort.table import Table, key_text, read_table
from validate.errors import DataError
from validate.protocol.schema import Reference

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


def label_counts(reference: Reference, base: Path, cases: Sequence[Case]) -> dict[str, int]:
    """How the keys of labels and cases meet, without a look at any label: {"rows", "labelled", "unmatched"}.

    unmatched : labelled rows that belong to no case, such as those of excluded images
    """
    table = read_table(base / reference.table, what="reference table")
    labelled = labelled_keys(reference, base)
    used = {key_text(case.keys.get(reference.key)) for case in cases}
    return {"rows": table.length, "labelled": len(labelled), "unmatched": len(labelled - used)}


def read_reference(reference: Reference, *, base: Path, cases: Sequence[Case]) -> pa.Table:
    """unit, status, label of every case, in their order.

    Raises DataError when labels match no case, are of unknown values, repeat a key, or contradict each other within the
    study or patient that they are said to describe.
    """
    table = read_table(base / reference.table, what="reference table")
    rows = _rows(table, reference)
    values = [None if value is None else _written(value) for value in table.column(reference.label)]
    meaning = _meaning(reference, values, table.name)
    places = [rows.get(key_text(case.keys.get(reference.key)) or "") for case in cases]
    meanings = [None if place is None else meaning[values[place]] for place in places]
    if all(found is None for found in meanings):
        matched = sum(place is not None for place in places)
        raise DataError(
            f"{table.name}: no label matches any case by {reference.key}: {matched} of {len(cases)} cases have a row, "
            f"and none has a label. Check that '{reference.key}' means the same in the table and in the images."
        )
    _check_level(reference, cases, meanings, table.name)
    statuses = ["missing" if m is None else m if isinstance(m, str) else "present" for m in meanings]
    labels = [m if isinstance(m, float) else None for m in meanings]
    return pa.table([[case.unit for case in cases], statuses, labels], schema=SCHEMA)


def _check_level(
    reference: Reference, cases: Sequence[Case], meanings: Sequence[float | str | None], name: str
) -> None:
    """A label said to describe a study (series, patient) must be the same for every case of it."""
    if reference.level not in {"series", "study", "patient"}:
        return
    said: dict[str, set[float | str]] = defaultdict(set)
    for case, meant in zip(cases, meanings, strict=True):
        if meant is not None:
            said[getattr(case, reference.level)].add(meant)
    torn = sum(len(answers) > 1 for answers in said.values())
    if torn:
        raise DataError(
            f"{name}: {torn} of {len(said)} {reference.level} labels contradict themselves: {reference.key} gives cases "
            f"of one {reference.level} different labels, and reference.level is {reference.level}. Correct one of them."
        )


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
    if reference.negative is None and negatives and positive not in values:
        raise DataError(
            f"{name}: column {reference.label} nowhere holds the positive value '{positive}', only '{others[0]}'. If "
            "that means negative, say so in reference.negative."
        )
    meaning: dict[str | None, float | str | None] = {None: None, positive: 1.0}
    meaning |= dict.fromkeys(negatives, 0.0)
    return meaning | dict.fromkeys(indeterminate, "indeterminate")


def _written(value: Any) -> str:
    """A label as text: 1, 1.0, "1" and "1.0" are one label, and so are true, True and "TRUE"."""
    text = str(value).strip()
    if text.casefold() in {"true", "false"}:
        return text.casefold()
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() and not text[:1].isalpha() else text
