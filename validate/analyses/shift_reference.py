"""The cohort that this one is held against, as it lies beside the protocol: a finished run, or a table of the development cohort.

It is read before anything is locked, and its digest is part of the lock: a reference chosen afterwards could make any cohort look alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from validate.analyses.embeddings import embedding_column, embeddings_here
from validate.analyses.outputs import outputs
from validate.canonical import file_digest, pretty_json, write_atomically
from validate.cohort.joined import numbers_if_all
from validate.cohort.manifest import KEYS, write_table
from validate.cohort.privacy import is_pseudonym, pseudonym
from validate.cohort.table import key_text, read_table
from validate.errors import DataError
from validate.imaging.statistics import NAMES
from validate.protocol.passes import CLEAN
from validate.protocol.schema import StudyProtocol
from validate.protocol.shift import ShiftOptions, shift_of
from validate.results.units import EMBEDDING

PATIENT, CONTENT = "patient", "digest"
PREFIX = "image."  # of a column that holds an image statistic
MANIFEST = "evidence/manifest.json"
CASES, UNITS, ESTIMATES, VERDICT = "cohort/cases.parquet", "results/units.parquet", "estimates.json", "verdict.json"
IMAGES, REFERENCE, TOLD = "shift/images.parquet", "shift/reference.parquet", "shift/reference.json"
AT = "analyses: shift: reference:"


@dataclass(frozen=True, slots=True)
class ShiftReference:
    """table : a row a case of the reference cohort      facts : kind, sha256, cases, and of a run its estimates and its verdict"""

    table: pa.Table
    facts: Mapping[str, Any]

    @property
    def frozen(self) -> dict[str, Any]:
        """What a lock holds of it, and the audit trail: {"kind", "sha256", "cases"}."""
        return {key: self.facts[key] for key in ("kind", "sha256", "cases")}


def read_shift_reference(protocol: StudyProtocol, base: Path, *, site_key: bytes) -> ShiftReference | None:
    """None where the protocol asks for no shift analysis, or names no reference in it.

    Patients of a table get the names that they have at this site.

    Raises DataError where the reference is no run and no table, another one than the protocol names, or a run whose files are not those
    that it was sealed with.
    """
    options = shift_of(protocol)
    if options is None or options.reference is None:
        return None
    return ShiftReference(*_reference(options, base / options.reference, site_key))


def write_shift_reference(folder: Path, reference: ShiftReference) -> None:
    """RUN/shift/reference.parquet and reference.json."""
    write_table(reference.table, folder / REFERENCE)
    write_atomically(folder / TOLD, pretty_json(dict(reference.facts)))


def _reference(options: ShiftOptions, path: Path, site_key: bytes) -> tuple[pa.Table, dict[str, Any]]:
    if path.is_dir():
        table, facts = _run(path)
    elif path.is_file():
        table, facts = (
            _file(path, site_key),
            {"kind": "table", "sha256": file_digest(path), "estimates": [], "outcome": None},
        )
    else:
        raise DataError(
            f"{AT} there is no '{options.reference}' beside the protocol; expected a finished run folder or a "
            "CSV or Parquet table."
        )
    if options.sha256 is not None and facts["sha256"] != options.sha256:
        raise DataError(
            f"{AT} '{options.reference}' has the digest {facts['sha256'][:12]}…, the protocol says "
            f"{options.sha256[:12]}…. It is another reference than the one that was locked."
        )
    return table, {"schema_version": "1", **facts, "cases": table.num_rows}


def _run(path: Path) -> tuple[pa.Table, dict[str, Any]]:
    try:
        return _sealed_run(path)
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise DataError(f"{AT} {path} is no finished run folder of this version: {error}") from error


def _sealed_run(path: Path) -> tuple[pa.Table, dict[str, Any]]:
    """Attributes, image statistics where that run has them, and the clean outputs of every model."""
    digest = _as_sealed(path)
    cases, units = pq.read_table(path / CASES), pq.read_table(path / UNITS)
    estimates = json.loads((path / ESTIMATES).read_text(encoding="utf-8"))["estimates"]
    outcome = json.loads((path / VERDICT).read_text(encoding="utf-8"))["outcome"]
    stored = pq.read_table(path / IMAGES).to_pylist() if (path / IMAGES).is_file() else None
    columns = {
        PATIENT: cases[PATIENT],
        CONTENT: cases[CONTENT],
        **{n: cases[n] for n in cases.column_names if n not in KEYS},
    }
    order = cases["unit"].to_pylist()
    if stored is not None:
        images = {row["unit"]: row for row in stored}
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


def _as_sealed(path: Path) -> str:
    """The digest of a run's manifest, which stands for all of the run: so what is read of it must be what was sealed."""
    sealed = {one["path"]: one["sha256"] for one in json.loads((path / MANIFEST).read_text(encoding="utf-8"))["files"]}
    for name in (CASES, UNITS, ESTIMATES, VERDICT, IMAGES):
        here = file_digest(path / name) if (path / name).is_file() else None
        if here != sealed.get(name):
            raise DataError(
                f"{AT} {path / name} is not what that run was sealed with. `validate verify {path}` says what differs; "
                "hold this cohort against an intact run."
            )
    return file_digest(path / MANIFEST)


def _file(path: Path, site_key: bytes) -> pa.Table:
    """Read as the tables of a cohort are, so that an empty cell is no level and numbers are numbers on both sides."""
    read = read_table(path, what=f"{AT} table")
    columns = {}
    for name, values in read.columns.items():
        if name == PATIENT:
            columns[name] = pa.array(_pseudonyms(values, path, site_key), pa.string())
        else:
            columns[f"{PREFIX}{name}" if name in NAMES else name] = _column(values, name, path)
    return pa.table(columns)


def _column(values: Sequence[Any], name: str, path: Path) -> pa.Array:
    lists = any(isinstance(value, list) for value in values)  # an embedding
    try:
        return pa.array(values if lists else numbers_if_all(values))
    except (pa.ArrowException, TypeError) as error:
        raise DataError(
            f"{AT} {path}: column '{name}' mixes lists and other values; give each cell the same kind."
        ) from error


def _pseudonyms(values: Sequence[Any], path: Path, site_key: bytes) -> list[str]:
    """The names that a cohort gives its patients, so by what stands in the cells, whatever it would be as a number."""
    told = [key_text(value) or "" for value in values]
    if without := sum(not name for name in told):
        raise DataError(
            f"{AT} {path}: {without} of {len(told)} rows have no patient. Complete the column, or leave it out: then each row is a "
            "patient of its own."
        )
    return [name if is_pseudonym(name) else pseudonym(site_key, "patient", name) for name in told]
