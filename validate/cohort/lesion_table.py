"""Marks from a table (CSV, Parquet, JSON): one row a lesion, or one row without numbers for a case read and found free."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from validate.cohort.case import Case
from validate.cohort.found_marks import FoundMarks, Mark, Shape, checked
from validate.cohort.table import Table, key_text, read_table
from validate.errors import DataError
from validate.protocol.schema import Reference
from validate.protocol.targets import written

COLUMNS = {
    "box": ("x_min", "y_min", "z_min", "x_max", "y_max", "z_max"),
    "point": ("x", "y", "z"),
    "ball": ("x", "y", "z", "diameter"),
}
DEPTH = {"z", "z_min", "z_max"}  # columns that a plane does without


def table_marks(reference: Reference, path: Path, cases: Sequence[Case]) -> FoundMarks:
    """Marks by unit, in the order of the table. Raises DataError.

    Columns: reference.key; those of the shape (COLUMNS; z may lack in a plane); reference.label, the kind of lesion, where
    there are several; lesion, its id, where the table has one.
    """
    if reference.shape is None or reference.space is None:
        lacking = "shape" if reference.shape is None else "space"
        raise DataError(f"reference.{lacking}: missing; a table of marks does not say it itself.")
    table = read_table(path, what="table of marks")
    shape: Shape = reference.shape
    names = [name for name in COLUMNS[shape] if name not in DEPTH or name in table.columns]
    numbers = [table.column(name) for name in names]
    kinds = table.column(reference.label) if reference.label is not None else None
    ids = table.columns.get("lesion")
    by_key: dict[str, list[Mark]] = defaultdict(list)
    for row, value in enumerate(table.column(str(reference.key))):
        key, where = key_text(value), f"{table.name} row {row + 1}"
        if key is None:
            raise DataError(f"{where}: {reference.key} is empty; a row must say what it belongs to.")
        cells = [column[row] for column in numbers]
        if all(cell is None for cell in cells):
            by_key[key] += []
            continue
        geometry = tuple(_number(cell, name, where) for cell, name in zip(cells, names, strict=True))
        target = "" if kinds is None else _kind(kinds[row], str(reference.label), where)
        lesion = "" if ids is None else key_text(ids[row]) or ""
        by_key[key].append(_mark(reference, shape, geometry, target, lesion, where))
    _check_ids(by_key, table)
    units = {key_text(case.keys.get(str(reference.key))): case.unit for case in cases}
    return {unit: by_key[key] for key, unit in units.items() if key is not None and key in by_key}


def _mark(
    reference: Reference, shape: Shape, geometry: tuple[float, ...], target: str, lesion: str, where: str
) -> Mark:
    if reference.space == "mm_ras":
        geometry = _to_lps(shape, geometry)
    if reference.space in {"mm", "mm_ras"}:
        return checked(Mark(shape, mm=geometry, target=target, lesion=lesion), where)
    if reference.space == "voxels":
        places = len(geometry) - (shape == "ball")
        geometry = tuple(number + 0.5 if at < places else number for at, number in enumerate(geometry))
    return checked(Mark(shape, pixels=geometry, target=target, lesion=lesion), where)


def _to_lps(shape: Shape, numbers: tuple[float, ...]) -> tuple[float, ...]:
    """X and y change their sign, and with it which corner of a box is the lower one."""
    if shape != "box":
        return (-numbers[0], -numbers[1], *numbers[2:])
    half = len(numbers) // 2
    low, high = numbers[:half], numbers[half:]
    return (-high[0], -high[1], *low[2:], -low[0], -low[1], *high[2:])


def _number(cell: object, name: str, where: str) -> float:
    try:
        number = float(str(cell))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"{where}: column {name} holds '{cell}', expected a number (all of a row are empty, or none).")
    return number


def _kind(cell: object, label: str, where: str) -> str:
    if cell is None:
        raise DataError(f"{where}: column {label} is empty; it must say what kind of lesion this is.")
    return written(cell)


def _check_ids(by_key: dict[str, list[Mark]], table: Table) -> None:
    for marks in by_key.values():
        ids = [mark.lesion for mark in marks if mark.lesion]
        if len(set(ids)) < len(ids):
            raise DataError(f"{table.name}: column lesion names two marks of one case alike; ids are unique in a case.")
