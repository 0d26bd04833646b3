"""The outputs of two runs of the same models on the same cases, held against each other case by case: answers, marks, masks, and
what was measured of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from validate.imaging.nifti import read_mask
from validate.inference.store import mask_file, read_inference, read_marks

KEY = ("unit", "model", "pass", "target")
OUTPUTS = frozenset({"status", "failure", "score", "raw", "geometry"})  # `detail` is words, `decoder` how it was read
Row = Mapping[str, Any]


@dataclass(slots=True)
class Tally:
    """outputs : rows compared      identical : to the bit      largest : largest difference of a number, absolute

    marks, masks, measures : compared, and found the same within the tolerance or not      differences : in words
    """

    outputs: int = 0
    identical: int = 0
    largest: float = 0.0
    marks: int = 0
    masks: int = 0
    measures: int = 0
    differences: list[str] = field(default_factory=list)


def compare_outputs(was: Path, now: Path, tolerance: float) -> Tally:
    """Inference folders of the sealed run and of the new one. Raises EvidenceError where a shard does not hold what was written."""
    tally = Tally()
    old, new = read_inference(was).to_pylist(), read_inference(now).to_pylist()
    compare_rows(tally, old, new, tolerance)
    for model, pass_ in sorted({(row["model"], row["pass"]) for row in (*old, *new)}):
        _compare_marks(tally, was, now, model, pass_, tolerance)
    for unit, model, pass_ in sorted({(row["unit"], row["model"], row["pass"]) for row in (*old, *new)}):
        _compare_mask(
            tally, f"{unit} {model} {pass_}", mask_file(was, model, pass_, unit), mask_file(now, model, pass_, unit)
        )
    return tally


def compare_rows(tally: Tally, was: Iterable[Row], now: Iterable[Row], tolerance: float) -> None:
    """Status, reason, score and raw output of each case, model, pass and target."""
    for place, old, new in _paired(_by_key(was), _by_key(now)):
        if old is None or new is None:
            tally.differences.append(f"{place}: {'not in the sealed outputs' if old is None else 'no output now'}")
            continue
        tally.outputs += 1
        numbers = list(zip(_numbers(old), _numbers(new), strict=False))
        tally.largest = max([tally.largest, *(abs(a - b) for a, b in numbers)])
        tally.identical += all(old.get(name) == new.get(name) for name in OUTPUTS)
        if (old["status"], old["failure"]) != (new["status"], new["failure"]):
            tally.differences.append(f"{place}: was {old['failure'] or 'ok'}, is {new['failure'] or 'ok'}")
        elif not _near(old["score"], new["score"], tolerance):
            tally.differences.append(f"{place}: was {old['score']!r}, is {new['score']!r}")
        elif not _near(old.get("raw"), new.get("raw"), tolerance):
            tally.differences.append(f"{place}: the output before its activation was {old['raw']}, is {new['raw']}")
        elif not _near(old.get("embedding"), new.get("embedding"), tolerance):
            tally.differences.append(f"{place}: its embedding is another by more than the tolerance")
        elif old.get("geometry") != new.get("geometry"):
            tally.differences.append(f"{place}: the series was {old['geometry']}, is {new['geometry']}")


def compare_measures(tally: Tally, was: pa.Table, now: pa.Table, tolerance: float) -> None:
    """What was measured of each case: every column that is not a key."""
    columns = sorted({*was.column_names, *now.column_names} - set(KEY))
    for place, old, new in _paired(_by_key(was.to_pylist()), _by_key(now.to_pylist())):
        if old is None or new is None:
            tally.differences.append(
                f"{place}: {'not among the sealed measures' if old is None else 'not measured now'}"
            )
            continue
        tally.measures += 1
        tally.differences += [
            f"{place}: {name} was {old.get(name)!r}, is {new.get(name)!r}"
            for name in columns
            if name != "detail" and not _near(old.get(name), new.get(name), tolerance)
        ]


def _compare_marks(tally: Tally, was: Path, now: Path, model: str, pass_: str, tolerance: float) -> None:
    old, new = (_by_case(read_marks(folder, model, pass_)) for folder in (was, now))
    for unit in sorted({*old, *new}):
        before, after = old.get(unit, []), new.get(unit, [])
        tally.marks += len(before)
        place = f"{unit} {model} {pass_}"
        if len(before) != len(after):
            tally.differences.append(f"{place}: had {len(before)} marks, has {len(after)}")
            continue
        for number, (a, b) in enumerate(zip(before, after, strict=True), 1):
            other = [name for name in a if not _near(a[name], b[name], tolerance)]
            if other:
                told = ", ".join(f"{name} was {a[name]!r}, is {b[name]!r}" for name in other)
                tally.differences.append(f"{place}: mark {number}: {told}")


def _compare_mask(tally: Tally, place: str, was: Path, now: Path) -> None:
    if not was.is_file() and not now.is_file():
        return
    tally.masks += 1
    if not was.is_file() or not now.is_file():
        tally.differences.append(f"{place}: {'no mask was sealed' if not was.is_file() else 'gives no mask now'}")
        return
    if was.read_bytes() == now.read_bytes():
        return
    old, new = read_mask(was), read_mask(now)
    if not old.grid.is_same(new.grid):
        tally.differences.append(f"{place}: its mask lies on another grid")
    elif off := int(np.count_nonzero(old.labels != new.labels)):
        tally.differences.append(f"{place}: {off:,} of {old.labels.size:,} voxels of its mask are others")


def _by_key(rows: Iterable[Row]) -> dict[tuple[str, ...], Row]:
    return {tuple(str(row[name]) for name in KEY): row for row in rows}


def _by_case(marks: pa.Table) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in marks.to_pylist():
        found.setdefault(row.pop("unit"), []).append(row)
    return found


def _paired(
    was: Mapping[tuple[str, ...], Row], now: Mapping[tuple[str, ...], Row]
) -> Iterator[tuple[str, Row | None, Row | None]]:
    for key in sorted(was.keys() | now.keys()):
        yield " ".join(key), was.get(key), now.get(key)


def _numbers(row: Row) -> list[float]:
    values = [row["score"], *(row.get("raw") or ())]
    return [value for value in values if value is not None and math.isfinite(value)]


def _near(a: Any, b: Any, tolerance: float) -> bool:
    """Alike: numbers within the tolerance, lists one by one, all else equal. Not a number is like itself here."""
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_near(one, other, tolerance) for one, other in zip(a, b, strict=True))
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance) or (math.isnan(a) and math.isnan(b))
    return bool(a == b)
