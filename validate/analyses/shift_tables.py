"""The tables behind `analyses: shift`, kept in the run folder so that every number can be computed again from it alone.

RUN/shift/images.parquet : image statistics of this cohort      reference.parquet : the cohort that it is held against, a row a case
RUN/shift/reference.json : what the reference is, and of a run its estimates and its verdict
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from validate.analyses.embeddings import embedding_column, embeddings_here
from validate.analyses.outputs import outputs
from validate.canonical import file_digest, pretty_json, write_atomically
from validate.cohort.case import Case
from validate.cohort.manifest import KEYS, write_table
from validate.errors import DataError, EvidenceError
from validate.imaging.in_time import decoded_in_time
from validate.imaging.statistics import NAMES, image_statistics
from validate.imaging.volume import DecodeFailure, Volume
from validate.protocol.passes import CLEAN
from validate.protocol.schema import StudyProtocol
from validate.protocol.shift import ShiftOptions, shift_of
from validate.results.units import EMBEDDING

FOLDER = "shift"
PREFIX = "image."  # of a column that holds an image statistic
MANIFEST = "evidence/manifest.json"


@dataclass(frozen=True, slots=True)
class ShiftTables:
    """here : a row a case of this cohort, in its order      reference : of the other      facts : reference.json"""

    here: pa.Table
    reference: pa.Table
    facts: Mapping[str, Any]


def write_shift_tables(
    folder: Path, protocol: StudyProtocol, base: Path, cases: Iterable[Case], advance: Callable[[int, int], None] | None = None
) -> Mapping[str, Any] | None:  # fmt: skip
    """Of a protocol that asks for it; the facts about the reference for the audit trail.

    Raises DataError where the reference is no run and no table, or another one than the protocol names.
    """
    options = shift_of(protocol)
    if options is None:
        return None
    known = list(cases)
    rows = []
    for place, case in enumerate(known, start=1):
        rows.append({"unit": case.unit, **(_statistics(case) if options.images else {})})
        if advance is not None:
            advance(place, len(known))
    schema = pa.schema([("unit", pa.string()), *((f"{PREFIX}{name}", pa.float64()) for name in NAMES)])
    write_table(pa.Table.from_pylist(rows, schema=schema), folder / FOLDER / "images.parquet")
    table, facts = _reference(options, base / options.reference)
    write_table(table, folder / FOLDER / "reference.parquet")
    write_atomically(folder / FOLDER / "reference.json", pretty_json(facts))
    return {key: facts[key] for key in ("kind", "sha256", "cases")}


def read_shift_tables(folder: Path) -> ShiftTables | None:
    """None where the run has none. Raises EvidenceError where a table can't be read."""
    if not (folder / FOLDER / "reference.json").is_file():
        return None
    try:
        images = pq.read_table(folder / FOLDER / "images.parquet")
        reference = pq.read_table(folder / FOLDER / "reference.parquet")
        facts = json.loads((folder / FOLDER / "reference.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, pa.ArrowException) as error:
        raise EvidenceError(f"{folder / FOLDER}: the tables of the shift analysis can't be read: {error}") from error
    return ShiftTables(images, reference, facts)


def _statistics(case: Case) -> dict[str, float | None]:
    """Of the middle image of a case; none where it can't be read."""
    volume = _volume(case)
    found = dict.fromkeys(NAMES) if volume is None else image_statistics(volume)
    return {f"{PREFIX}{name}": value for name, value in found.items()}


def _volume(case: Case) -> Volume | None:
    from validate.imaging.dicom import read_image
    from validate.imaging.nifti import read_nifti

    if not case.files:
        return None
    path = case.files[len(case.files) // 2]
    try:
        read = read_nifti if path.name.endswith((".nii", ".nii.gz")) else read_image
        return decoded_in_time(partial(read, path))
    except (DecodeFailure, OSError):
        return None


def _reference(options: ShiftOptions, path: Path) -> tuple[pa.Table, dict[str, Any]]:
    if path.is_dir():
        table, facts = _run(path)
    elif path.is_file():
        table, facts = _file(path), {"kind": "table", "sha256": file_digest(path), "estimates": [], "outcome": None}
    else:
        raise DataError(
            f"analyses: shift: reference: there is no '{options.reference}' beside the protocol; expected a finished run folder or a "
            "CSV or Parquet table."
        )
    if options.sha256 is not None and facts["sha256"] != options.sha256:
        raise DataError(
            f"analyses: shift: reference: '{options.reference}' has the digest {facts['sha256'][:12]}…, the protocol says "
            f"{options.sha256[:12]}…. It is another reference than the one that was locked."
        )
    return table, {"schema_version": "1", **facts, "cases": table.num_rows}


def _run(path: Path) -> tuple[pa.Table, dict[str, Any]]:
    """Attributes, image statistics where that run has them, and the clean outputs of every model."""
    try:
        cases = pq.read_table(path / "cohort/cases.parquet")
        units = pq.read_table(path / "results/units.parquet")
        estimates = json.loads((path / "estimates.json").read_text(encoding="utf-8"))["estimates"]
        outcome = json.loads((path / "verdict.json").read_text(encoding="utf-8"))["outcome"]
        digest = file_digest(path / MANIFEST)
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise DataError(f"analyses: shift: reference: {path} is no finished run folder: {error}") from error
    columns = {"patient": cases["patient"], **{n: cases[n] for n in cases.column_names if n not in KEYS}}
    order = cases["unit"].to_pylist()
    stored = path / FOLDER / "images.parquet"
    if stored.is_file():
        images = {row["unit"]: row for row in pq.read_table(stored).to_pylist()}
        for name in NAMES:
            column = [images.get(unit, {}).get(f"{PREFIX}{name}") for unit in order]
            columns[f"{PREFIX}{name}"] = pa.array(column, pa.float64())
    for model in dict.fromkeys(units["model"].to_pylist()):
        for one in outputs(units, model):
            columns[one.column(model)] = pa.array([one.values.get(unit) for unit in order], pa.float64())
        if inner := embeddings_here(units, model):
            columns[embedding_column(model)] = pa.array([inner.get(unit) for unit in order], EMBEDDING.type)
    kept = [
        e
        for e in estimates
        if e["pass"] == CLEAN.id and e["contrast"] is None and not e["stratum"] and "missing=" not in e["id"]
    ]
    return pa.table(columns), {"kind": "run", "sha256": digest, "estimates": kept, "outcome": outcome}


def _file(path: Path) -> pa.Table:
    try:
        table = pq.read_table(path) if path.suffix == ".parquet" else csv.read_csv(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"analyses: shift: reference: {path} can't be read as a table: {error}") from error
    if table.num_rows == 0:
        raise DataError(f"analyses: shift: reference: {path} has no row.")
    names = [f"{PREFIX}{name}" if name in NAMES else name for name in table.column_names]
    return table.rename_columns(names)
