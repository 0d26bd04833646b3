"""Attributes besides those from headers: a table's column, a header tag, or bands of another attribute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from validate.cohort.attributes import band_of
from validate.cohort.case import AttributeValue
from validate.cohort.period import period_of
from validate.cohort.table import key_text, read_table
from validate.errors import DataError
from validate.protocol.cohort import AttributeSource, Step

Values = list[dict[str, AttributeValue]]


def with_attributes(
    rows: Values, keys: Sequence[Mapping[str, str]], sources: Mapping[str, AttributeSource], base: Path
) -> dict[str, dict[str, int]]:
    """Add each declared attribute to every row's attributes; returns, by joined attribute, how the join went.

    Raises DataError when a table can't be read, a key matches nothing, or an attribute to be cut is not there.
    """
    joins: dict[str, dict[str, int]] = {}
    for name, source in sources.items():
        if source.table is not None:
            joins[name] = _joined(name, source, rows, keys, base)
    for name, source in sources.items():
        if source.of is not None:
            if any(source.of not in row for row in rows):
                raise DataError(f"cohort.attributes.{name}: there is no attribute '{source.of}' to cut into bands.")
            values = [row[source.of] for row in rows]
            cut = (
                _steps(values, source.by, f"cohort.attributes.{name}: {source.of}")
                if source.by
                else [band_of(value, source.bands or ()) for value in values]
            )
            for row, value in zip(rows, cut, strict=True):
                row[name] = value
    return joins


def _joined(
    name: str, source: AttributeSource, rows: Values, keys: Sequence[Mapping[str, str]], base: Path
) -> dict[str, int]:
    key, column = str(source.key), str(source.column)
    table = read_table(base / str(source.table), what=f"table of attribute '{name}'")
    place, values = table.by_key(key), numbers_if_all(table.column(column))
    if source.by is not None:
        values = _steps(values, source.by, f"{table.name}: column {column}")
    used: set[str] = set()
    for row, own in zip(rows, keys, strict=True):
        text = key_text(own.get(key))
        row[name] = values[place[text]] if text in place else None
        if text in place and text is not None:
            used.add(text)
    if not used:
        raise DataError(f"{table.name}: no {key} matches any image; check that '{key}' means the same on both sides.")
    unmatched = sum(key_text(own.get(key)) not in place for own in keys)
    return {"rows": table.length, "rows_unused": table.length - len(used), "images_without": unmatched}


def _steps(values: Sequence[AttributeValue], by: Step, where: str) -> list[AttributeValue]:
    """Raises DataError where a filled cell is no date."""
    found = [period_of(value, by) for value in values]
    wrong = [row for row, value in enumerate(values) if value is not None and found[row] is None]
    if wrong:
        raise DataError(
            f"{where}: {len(wrong)} of {len(values)} cells are no date (first in row {wrong[0] + 1}); expected 2025-03-14 or 20250314."
        )
    return list(found)


def numbers_if_all(values: Sequence[object]) -> list[AttributeValue]:
    """A column's values: numbers where every filled cell is one (and none is a code such as 007), else text."""
    filled = [value for value in values if value is not None]
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in filled):
        return [None if v is None else float(str(v)) for v in values]
    texts = [None if value is None else str(value) for value in values]
    plain = [text for text in texts if text is not None]
    if any("_" in text for text in plain):
        return list(texts)  # 2025_001 is a number to Python alone
    try:
        numbers = [float(text) for text in plain]
    except ValueError:
        return list(texts)
    coded = any(
        text.lstrip("+-").startswith("0") and text.lstrip("+-0.") != "" and text.lstrip("+-")[1:2].isdigit()
        for text in plain
    )
    if coded or not all(abs(number) < 1e30 for number in numbers):
        return list(texts)
    return [None if text is None else float(text) for text in texts]
