"""Marks from a table (CSV, Parquet, JSON): one row a lesion, or one row without numbers for a case read and found free."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from validate.cohort.case import Case
from validate.cohort.found_marks import FoundMarks, Mark, Shape, checked
from validate.cohort.table import Table, key_text, read_table
from validate.errors import DataError
from validate.protocol.reference import Reference
from validate.protocol.targets import written

COLUMNS = {
    "box": ("x_min", "y_min", "z_min", "x_max", "y_max", "z_max"),
    "point": ("x", "y", "z"),
    "ball": ("x", "y", "z", "diameter"),
}
EXTENT = ("x", "y", "z", "width", "height", "depth")  # of a box, besides its corners
DEPTH = {"z", "z_min", "z_max", "depth"}  # columns that a plane does without


ABOUT = ("size", "area", "ignore", "crowd")  # what else a row may say of its lesion
YES, NO = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no"})


def table_marks(reference: Reference, path: Path, cases: Sequence[Case], attributes: Sequence[str] = ()) -> FoundMarks:
    """Marks by unit, in the order of the table. Raises DataError.

    Columns: reference.key; those of the shape (COLUMNS; z may lack in a plane; a box may be written as x, y[, z], width, height[,
    depth]); reference.label, the kind of lesion, where there are several; lesion, its id, where the table has one; size, area,
    ignore and crowd (found_marks.Mark.about). reference.columns says what they are called otherwise.
    attributes : further columns that are wanted of each
    """
    if reference.shape is None or reference.space is None:
        lacking = "shape" if reference.shape is None else "space"
        raise DataError(f"reference.{lacking}: missing; a table of marks does not say it itself.")
    table = read_table(path, what="table of marks")
    shape: Shape = reference.shape
    names = _names(reference, table, shape)
    numbers = [table.column(reference.columns.get(name, name)) for name in names]
    about = {
        name: table.columns[called] for name in ABOUT if (called := reference.columns.get(name, name)) in table.columns
    }
    about |= {name: table.column(name) for name in attributes}
    kinds = table.column(reference.label) if reference.label is not None else None
    ids = table.columns.get(reference.columns.get("lesion", "lesion"))
    seen: dict[tuple[str, str, tuple[float, ...]], int] = {}
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
        if "width" in names:
            axes = len(geometry) // 2
            geometry = (
                *geometry[:axes],
                *(at + length for at, length in zip(geometry[:axes], geometry[axes:], strict=True)),
            )
        target = "" if kinds is None else _kind(kinds[row], str(reference.label), where)
        lesion = "" if ids is None else key_text(ids[row]) or ""
        if (first := seen.setdefault((key, target, geometry), row)) != row:
            raise DataError(
                f"{table.name}: rows {first + 1} and {row + 1} are the same lesion at the same place. Which one counts must not be "
                "guessed: leave one."
            )
        told = {name: _about(name, column[row], where) for name, column in about.items()}
        by_key[key].append(replace(_mark(reference, shape, geometry, target, lesion, where), about=told))
    _check_ids(by_key, table)
    units = {key_text(case.keys.get(str(reference.key))): case.unit for case in cases}
    return {unit: by_key[key] for key, unit in units.items() if key is not None and key in by_key}


def _names(reference: Reference, table: Table, shape: Shape) -> list[str]:
    """The columns of the shape; of a box, corners or a corner and an extent."""
    called = {name: reference.columns.get(name, name) for name in (*COLUMNS[shape], *EXTENT)}
    chosen = EXTENT if shape == "box" and called["width"] in table.columns else COLUMNS[shape]
    return [name for name in chosen if name not in DEPTH or called[name] in table.columns]


def _about(name: str, cell: object, where: str) -> object:
    """A size or area above 0, yes or no, or what an attribute says."""
    if name in {"size", "area"}:
        number = None if cell is None else _number(cell, name, where)
        if number is not None and number <= 0:
            raise DataError(f"{where}: {name} is {number:g}; expected a number above 0.")
        return number
    if name in {"ignore", "crowd"}:
        told = "0" if cell is None else written(cell).lower()
        if told not in YES | NO:
            raise DataError(f"{where}: {name} is '{told}'; expected 0 or 1.")
        return told in YES
    return cell if cell is None or isinstance(cell, int | float) else str(cell)


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
