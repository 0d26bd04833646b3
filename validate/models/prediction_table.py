"""Reading a table of predictions made elsewhere: CSV, Parquet or JSON, strictly, with row numbers in every message.

Keys are identifiers, so no message shows one: a row is named by its number, counted from 1 at the first data row.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, model_validator

from validate.errors import ModelError
from validate.protocol import file_names
from validate.protocol.model import Model

EMPTY = frozenset({"", "na", "n/a", "nan", "null", "none"})
LARGEST = 1 << 30  # bytes


class PredictionOptions(BaseModel):
    """Of a table, `path` is the file and `key` is needed; of masks, `path` is their folder and `masks` is needed.

    key : column that holds the case, and name of the case key that it is joined with
    score : column that holds the model's number      scores : of several, by the class, grade or finding each is for
    delimiter, decimal : of a CSV file      percent : the numbers are percentages, 0 to 100
    masks : how the NIfTI file of a case is called, such as "{patient}_{phase}.nii.gz"
    unlisted : of marks: what a case without a row is, "no_marks" or "missing_output"; a row without coordinates has no marks
    coordinates : of marks: names of columns that are called otherwise, such as {x: coordX, class: label}
    images : of marks in COCO's form of results: the COCO file whose images and categories the ids are of; its annotations are not read
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str | None = None
    score: str = "score"
    scores: dict[str, str] | None = None
    delimiter: Literal[",", ";", "\t", "|"] = ","
    decimal: Literal[".", ","] = "."
    percent: bool = False
    masks: str | None = None
    unlisted: Literal["no_marks", "missing_output"] | None = None
    coordinates: dict[str, str] = {}
    images: str | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> PredictionOptions:
        if (self.key is None) == (self.masks is None):
            raise ValueError("expected key, the column that holds the case, or masks, how a case's mask file is called")
        if self.masks is not None and (wrong := file_names.problem(self.masks)):
            raise ValueError(f"masks: {wrong}")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns with numbers, in the order they are read."""
        return (self.score,) if self.scores is None else tuple(self.scores.values())


@dataclass(frozen=True, slots=True)
class PredictionTable:
    """
    scores : by key, one number for each column; NaN where the row gives none
    embeddings : by key, where the model's output declares one; () where a row lacks a number of it
    rows : row number by key      format : "csv", "parquet" or "json"
    """

    scores: dict[str, tuple[float, ...]] = field(repr=False)
    rows: dict[str, int] = field(repr=False)
    format: str
    embeddings: dict[str, tuple[float, ...]] = field(default_factory=dict, repr=False)


def read_table(path: Path, content: bytes, options: PredictionOptions, *, model: Model) -> PredictionTable:
    """Raises ModelError, in one sentence, on anything that can't be read in one way only."""
    where = f"models.{model.id}: {path.name}"
    if len(content) > LARGEST:
        raise ModelError(f"{where} has {len(content)} bytes; a table of predictions is at most {LARGEST}. Split it.")
    readers = {".csv": _csv, ".tsv": _csv, ".txt": _csv, ".parquet": _parquet, ".json": _json}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ModelError(f"{where}: predictions are read from .csv, .parquet or .json; got '{path.suffix}'.")
    declared = model.output.embedding
    inner = () if declared is None else declared.columns or ()
    columns = (*options.columns, *inner)
    keys, values = reader(content, options, columns, where)
    scores: dict[str, tuple[float, ...]] = {}
    embeddings: dict[str, tuple[float, ...]] = {}
    rows: dict[str, int] = {}
    for row, (key, *numbers) in enumerate(zip(keys, *values, strict=True), start=1):
        name = _key(key, options, f"{where} row {row}")
        if name in rows:
            raise ModelError(
                f"{where}: rows {rows[name]} and {row} have the same {options.key}. Which one counts must not be "
                "guessed: leave one row per case."
            )
        rows[name] = row
        told = tuple(
            _number(value, column, options, f"{where} row {row}", percent=place < len(options.columns))
            for place, (column, value) in enumerate(zip(columns, numbers, strict=True))
        )
        scores[name], vector = told[: len(options.columns)], told[len(options.columns) :]
        if inner:
            embeddings[name] = vector if all(map(math.isfinite, vector)) else ()
    if not rows:
        raise ModelError(f"{where} has no rows of predictions.")
    return PredictionTable(scores, rows, path.suffix.lower().lstrip("."), embeddings)


def _csv(
    content: bytes, options: PredictionOptions, wanted: Sequence[str], where: str
) -> tuple[list[Any], list[list[Any]]]:
    try:
        text = content.decode("utf-8-sig")  # a byte-order mark is dropped
    except UnicodeDecodeError as error:
        raise ModelError(f"{where} is not UTF-8 text (byte {error.start}). Save it as CSV in UTF-8.") from error
    table = csv.reader(io.StringIO(text, newline=""), delimiter=options.delimiter, strict=True)
    try:
        header = [name.strip() for name in next(table, [])]
        lines = [line for line in table if line]
    except csv.Error as error:
        raise ModelError(f"{where} line {table.line_num} is not CSV: {error}.") from error
    key, *score = (_column(name, header, options, where) for name in (str(options.key), *wanted))
    for row, line in enumerate(lines, start=1):
        if len(line) != len(header):
            decimal = " A decimal comma splits a number in two: see the options decimal and delimiter."
            raise ModelError(
                f"{where} row {row} has {len(line)} fields, the header has {len(header)}."
                + decimal * (options.delimiter == "," and len(line) > len(header))
            )
    return [line[key] for line in lines], [[line[column] for line in lines] for column in score]


def _parquet(
    content: bytes, options: PredictionOptions, wanted: Sequence[str], where: str
) -> tuple[list[Any], list[list[Any]]]:
    try:
        # Not a Python file object: pyarrow's threads let go of one late, which can abort a program that is ending.
        table = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise ModelError(f"{where} is not a Parquet file: {error}.") from error
    names = (_column(name, table.column_names, options, where) for name in (str(options.key), *wanted))
    key, *score = (table.column(position).to_pylist() for position in names)
    return key, score


def _json(
    content: bytes, options: PredictionOptions, wanted: Sequence[str], where: str
) -> tuple[list[Any], list[list[Any]]]:
    try:
        rows = json.loads(content.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ModelError(f"{where} is not JSON: {error}.") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ModelError(
            f"{where}: expected a JSON array of objects, "
            f'[{{"{options.key}": "…", "{options.score}": 0.93}}, …]; got another structure.'
        )
    for number, row in enumerate(rows, start=1):
        missing = [name for name in (str(options.key), *wanted) if name not in row]
        if missing:
            raise ModelError(f"{where} row {number} has no '{missing[0]}'. Write null where there is no output.")
    return [row[str(options.key)] for row in rows], [[row[column] for row in rows] for column in wanted]


def _column(name: str, header: list[str], options: PredictionOptions, where: str) -> int:
    if header.count(name) == 1:
        return header.index(name)
    if name in header:
        raise ModelError(f"{where} has {header.count(name)} columns called '{name}'; leave one.")
    other = next(
        (mark for mark in ";\t|," if mark != options.delimiter and len(header) == 1 and mark in header[0]), None
    )
    if other is not None:
        raise ModelError(
            f"{where} looks separated by {other!r}, not by {options.delimiter!r}: say delimiter: {other!r}."
        )
    raise ModelError(f"{where} has no column '{name}'; its columns are {', '.join(map(repr, header)) or 'none'}.")


def _key(value: Any, options: PredictionOptions, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ModelError(
            f"{where}: {options.key} is {type(value).__name__}; a key is text or a whole number, as in the headers."
        )
    name = str(value).strip()
    if not name:
        raise ModelError(f"{where}: {options.key} is empty; a prediction must say which case it is for.")
    return name


def _number(value: Any, column: str, options: PredictionOptions, where: str, *, percent: bool) -> float:
    """The number as written, or NaN where there is none. Infinity stays: it is a wrong output, not a missing one."""
    if value is None or (isinstance(value, str) and value.strip().lower() in EMPTY):
        return math.nan
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ModelError(f"{where}: {column} is {type(value).__name__}; expected a number.")
    number = _parsed(value.strip(), column, options, where) if isinstance(value, str) else float(value)
    return number / 100 if options.percent and percent else number


def _parsed(text: str, column: str, options: PredictionOptions, where: str) -> float:
    plain = text
    if plain.endswith("%"):
        if not options.percent:
            raise ModelError(f"{where}: {column} is a percentage, '{text}'. Say percent: true, or divide by 100.")
        plain = plain[:-1].rstrip()
    if options.decimal == ",":
        if "." in plain:
            raise ModelError(f"{where}: {column} is '{text}', with a point, but decimal: ',' was said.")
        plain = plain.replace(",", ".")
    elif "," in plain:
        raise ModelError(f"{where}: {column} is '{text}', with a comma. If it is a decimal comma, say decimal: ','.")
    try:
        return float(plain) if "_" not in plain else float("no underscores")
    except ValueError as error:
        raise ModelError(f"{where}: {column} is '{text}'; expected a number, or nothing.") from error
