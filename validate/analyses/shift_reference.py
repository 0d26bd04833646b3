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

from validate.analyses.embeddings import PREFIX as INNER
from validate.analyses.embeddings import embedding_column, embeddings_here
from validate.analyses.outputs import outputs
from validate.canonical import file_digest, pretty_json, write_atomically
from validate.cohort.case import Case
from validate.cohort.joined import numbers_if_all
from validate.cohort.manifest import KEYS, write_table
from validate.cohort.privacy import is_pseudonym, pseudonym
from validate.cohort.table import key_text, read_table
from validate.errors import DataError
from validate.imaging.statistics import NAMES
from validate.protocol.passes import CLEAN
from validate.protocol.problem import unknown
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


def fitted(protocol: StudyProtocol, reference: ShiftReference | None, cases: Sequence[Case]) -> ShiftReference | None:
    """What of the reference is kept beside this cohort: columns that both can have. Names of the others stand in its facts, "not_taken".

    Raises DataError, before a model reads a case, where what is to be compared is not known of both cohorts.
    """
    options = shift_of(protocol)
    if options is None or reference is None:
        return reference
    here, there = {name for case in cases for name in case.attributes}, reference.table.column_names
    kept = [name for name in there if name in here or name == PATIENT or _of_output(protocol, name)]
    if not {*kept} - {PATIENT}:
        raise DataError(
            f"{AT} '{options.reference}' has no column that this cohort has too. Its columns are {', '.join(there)}; expected attributes "
            f"such as {', '.join(sorted(here)[:8])}, 'score', or image statistics such as {', '.join(sorted(NAMES)[:3])}."
        )
    for name in options.metadata:
        for known, cohort in ((here, "this cohort"), ({*kept}.difference(KEYS), "the reference")):
            if name not in known:
                raise DataError(f"analyses: shift: metadata: of {cohort}, {unknown('attribute', name, known)}")
    if options.order_by is not None and options.order_by not in here:
        raise DataError(f"analyses: shift: order_by: of this cohort, {unknown('attribute', options.order_by, here)}")
    _chances(protocol, options, reference.table)
    others = [name for name in there if name not in {*kept, CONTENT}]
    table = _same_patients(reference.table, cases).select(kept)
    return ShiftReference(table, {**reference.facts, "not_taken": others})


def _same_patients(table: pa.Table, cases: Sequence[Case]) -> pa.Table:
    """Patients of the reference who have files of this cohort have the name that they have here, whatever site named them."""
    if not {PATIENT, CONTENT} <= {*table.column_names}:
        return table
    here = {case.digest: case.patient for case in cases}
    told = table[PATIENT].to_pylist()
    same = {
        there: here[content] for there, content in zip(told, table[CONTENT].to_pylist(), strict=True) if content in here
    }
    named = pa.array([same.get(name, name) for name in told], pa.string())
    return table.set_column(table.column_names.index(PATIENT), PATIENT, named)


def _of_output(protocol: StudyProtocol, name: str) -> bool:
    """Whether a column may hold an output, a number of an embedding or an image statistic."""
    inner = {
        one for model in protocol.models for one in (model.output.embedding and model.output.embedding.columns) or ()
    }
    return name in inner or name.startswith((PREFIX, INNER, "score"))


def _chances(protocol: StudyProtocol, options: ShiftOptions, table: pa.Table) -> None:
    """Raise DataError where a table's scores can't be those of a model that gives probabilities."""
    if any(model.output.kind != "probability" for model in protocol.models):
        return
    for name in table.column_names:
        if (name == "score" or name.startswith("score:")) and table[name].type in (pa.float64(), pa.int64()):
            known = [value for value in table[name].to_pylist() if value is not None and value == value]  # noqa: PLR0124  NaN
            if known and not (min(known) >= 0 and max(known) <= 1):
                raise DataError(
                    f"{AT} '{options.reference}', column '{name}': got {min(known):g} to {max(known):g}, but the model's output is a "
                    "probability, from 0 to 1. Give the reference's scores on the same scale."
                )


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
    columns = {name: _column(values) for name, values in read.columns.items()}
    table = pa.table({f"{PREFIX}{name}" if name in NAMES else name: column for name, column in columns.items()})
    return _pseudonymous(table, path, site_key) if PATIENT in columns else table


def _column(values: Sequence[Any]) -> pa.Array:
    inner = any(isinstance(value, list) for value in values)  # an embedding
    return pa.array(values if inner else numbers_if_all(values))


def _pseudonymous(table: pa.Table, path: Path, site_key: bytes) -> pa.Table:
    told = [key_text(value) for value in table[PATIENT].to_pylist()]
    if without := sum(not name for name in told):
        raise DataError(
            f"{AT} {path}: {without} of {len(told)} rows have no patient. Complete the column, or leave it out: then each row is a "
            "patient of its own."
        )
    known = [name if is_pseudonym(str(name)) else pseudonym(site_key, "patient", str(name)) for name in told]
    return table.set_column(table.column_names.index(PATIENT), PATIENT, pa.array(known, pa.string()))
