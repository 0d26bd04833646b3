"""Reading the tables that cohorts join: CSV, Parquet or JSON, strictly. A message never shows a key: keys are identifiers."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from validate.errors import DataError

LARGEST = 1 << 30  # bytes
EMPTY = frozenset({"", "na", "n/a", "nan", "null"})
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Table:
    """name : file name for messages    columns : values by column name, as written; None where a cell is empty."""

    name: str
    columns: Mapping[str, Sequence[Any]] = field(repr=False)
    length: int

    def column(self, name: str) -> Sequence[Any]:
        """One column. Raises DataError naming the columns there are."""
        if name not in self.columns:
            there = ", ".join(f"'{column}'" for column in self.columns) or "none"
            raise DataError(f"{self.name}: no column '{name}'; its columns are {there}.")
        return self.columns[name]

    def by_key(self, key: str) -> dict[str, int]:
        """Row number (from 0) by key. Raises DataError on an empty or repeated key, by row numbers from 1."""
        rows: dict[str, int] = {}
        for row, value in enumerate(self.column(key)):
            text = key_text(value)
            if text is None:
                raise DataError(f"{self.name} row {row + 1}: {key} is empty; a row must say what it belongs to.")
            if text in rows:
                raise DataError(
                    f"{self.name}: rows {rows[text] + 1} and {row + 1} have the same {key}. Which one counts must not be "
                    "guessed: leave one."
                )
            rows[text] = row
        return rows


def key_text(value: Any) -> str | None:
    """A join key as text without surrounding blanks, or None: 17, 17.0 and "17" are one key."""
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None


def read_table(path: Path, *, what: str) -> Table:
    """`what` names the table's part in messages, such as "reference table".

    Raises DataError, in a sentence, on what can't be read in one way only.
    """
    name = f"{what} {path.name}"
    if path.is_dir():
        from validate.cohort.report_folder import report_columns

        columns = report_columns(path)
        return Table(name, columns, len(next(iter(columns.values()), ())))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{what} {path}: can't be read: {error.strerror}.") from error
    if len(content) > LARGEST:
        raise DataError(f"{name} has {len(content):,} bytes; at most {LARGEST:,} are read.")
    readers = {".csv": _csv, ".tsv": _csv, ".txt": _csv, ".parquet": _parquet, ".json": _json}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{name}: tables are read from .csv, .parquet or .json; got '{path.suffix}'.")
    columns = reader(content, name)
    length = len(next(iter(columns.values()), ()))
    if length == 0:
        raise DataError(f"{name} has no rows.")
    return Table(name, columns, length)


def _csv(content: bytes, name: str) -> dict[str, list[Any]]:
    try:
        text = content.decode("utf-8-sig")  # a byte-order mark is dropped
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 text (byte {error.start}). Save it as CSV in UTF-8.") from error
    first = text.split("\n", 1)[0]
    counts = {mark: first.count(mark) for mark in DELIMITERS}
    delimiter = max(counts, key=lambda mark: counts[mark])
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [cell.strip() for cell in next(rows, [])]
        lines = [line for line in rows if line]
    except csv.Error as error:
        raise DataError(f"{name} line {rows.line_num} is not CSV: {error}.") from error
    _check_header(header, name)
    for number, line in enumerate(lines, start=1):
        if len(line) != len(header):
            raise DataError(f"{name} row {number} has {len(line)} fields, the header has {len(header)}.")
    cells = [[_cell(line[place]) for line in lines] for place in range(len(header))]
    columns = dict(zip(header, cells, strict=True))
    _check_decimals(columns, name)
    return columns


def _check_decimals(columns: Mapping[str, Sequence[str | None]], name: str) -> None:
    """A column of numbers with decimal commas is refused: read as text, it would become categories in silence."""
    for column, cells in columns.items():
        filled = [cell for cell in cells if cell is not None]
        commas = [cell for cell in filled if DECIMAL_COMMA.fullmatch(cell)]
        if commas and all(cell.isdigit() for cell in set(filled) - set(commas)):
            raise DataError(
                f"{name}: column {column} writes numbers with a decimal comma. Save the table with decimal points."
            )


def _check_header(header: Sequence[str], name: str) -> None:
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise DataError(f"{name} has several columns called '{twice[0]}'; leave one.")
    if not header or "" in header:
        raise DataError(f"{name}: a column has no name; the first row must name every column.")


def _cell(text: str) -> str | None:
    plain = text.strip()
    return None if plain.lower() in EMPTY else plain


def _parquet(content: bytes, name: str) -> dict[str, list[Any]]:
    try:
        # A native buffer on this thread: pyarrow's own threads let go of a Python file object late (see results/store.py).
        table = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{name} is not a Parquet file: {error}.") from error
    _check_header(table.column_names, name)
    return {
        column: [
            _cell(v) if isinstance(v, str) else None if isinstance(v, float) and math.isnan(v) else v
            for v in table[column].to_pylist()
        ]
        for column in table.column_names
    }


def _json(content: bytes, name: str) -> dict[str, list[Any]]:
    try:
        rows = json.loads(content.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise DataError(f"{name} is not JSON: {error}.") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{name}: expected a JSON array of objects, one per row; got another structure.")
    names = list(dict.fromkeys(column for row in rows for column in row))
    return {column: [row.get(column) for row in rows] for column in names}
