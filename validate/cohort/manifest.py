"""The cohort on disk: cases and exclusions as Parquet, the flow as JSON. Pseudonyms only; same cohort, same bytes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from validate.canonical import digest, pretty_json, write_atomically
from validate.cohort.case import AttributeValue, Case, Cohort, Exclusion, FlowStep
from validate.cohort.privacy import is_pseudonym
from validate.errors import DataError, EvidenceError

KEYS = ("unit", "patient", "study", "series", "digest", "has_label")
EXCLUSION = pa.schema([pa.field(f.name, pa.string()) for f in dataclasses.fields(Exclusion)])


def cohort_digest(cases: Sequence[Case]) -> str:
    """SHA-256 of the cohort: content digests, who belongs together, attributes.

    Pseudonyms are left out, so that the same data give the same digest, and the same resampling, at any site.
    """
    seen: dict[str, int] = {}

    def place(name: AttributeValue) -> AttributeValue:
        """A pseudonym as the place of its first appearance."""
        return seen.setdefault(name, len(seen)) if isinstance(name, str) and is_pseudonym(name) else name

    rows = [
        [
            place(case.patient),
            place(case.study),
            case.digest,
            {name: place(case.attributes[name]) for name in sorted(case.attributes)},
        ]
        for case in cases
    ]
    return digest(rows)


def write_cohort(cohort: Cohort, folder: Path) -> None:
    """cases.parquet, exclusions.parquet, flow.json. Raises DataError where an attribute has a reserved name."""
    names = list(dict.fromkeys(name for case in cohort.cases for name in case.attributes))
    reserved = sorted(set(names) & set(KEYS))
    if reserved:
        raise DataError(f"an attribute is called '{reserved[0]}', which is a column of its own; give it another name")
    columns: dict[str, Any] = {key: [getattr(case, key) for case in cohort.cases] for key in KEYS}
    columns |= {name: _column([case.attributes.get(name) for case in cohort.cases]) for name in names}
    write_table(pa.table(columns), folder / "cases.parquet")
    rows = [dataclasses.asdict(exclusion) for exclusion in cohort.exclusions]
    write_table(pa.Table.from_pylist(rows, schema=EXCLUSION), folder / "exclusions.parquet")
    flow = {
        "schema_version": "1",
        "cohort_digest": cohort.digest,
        "notes": dict(cohort.notes),
        "steps": [dataclasses.asdict(step) for step in cohort.flow],
    }
    write_atomically(folder / "flow.json", pretty_json(flow))


def read_cohort(folder: Path) -> Cohort:
    """What write_cohort wrote; files and keys stayed in memory then. Raises EvidenceError where it was changed."""
    try:
        table = pq.read_table(folder / "cases.parquet")
        excluded = pq.read_table(folder / "exclusions.parquet").to_pylist()
        flow = json.loads((folder / "flow.json").read_text(encoding="utf-8"))
        names = [name for name in table.column_names if name not in KEYS]
        cases = tuple(
            Case(attributes={name: row[name] for name in names}, **{key: row[key] for key in KEYS})
            for row in table.to_pylist()
        )
        steps = tuple(FlowStep(**step) for step in flow["steps"])
        exclusions = tuple(Exclusion(**row) for row in excluded)
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise EvidenceError(f"{folder}: not a cohort that this version wrote: {error}") from error
    if cohort_digest(cases) != flow["cohort_digest"]:
        raise EvidenceError(f"{folder}/cases.parquet: does not have the digest that flow.json states; it was changed")
    return Cohort(cases, exclusions, steps, flow["cohort_digest"], flow["notes"])


def write_table(table: pa.Table, path: Path) -> None:
    """Parquet, whole or not at all, the same bytes for the same table."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", store_schema=False)
    write_atomically(path, sink.getvalue().to_pybytes())


def _column(values: list[AttributeValue]) -> pa.Array:
    """Numbers where all are numbers, else text; a whole number among texts is written without its .0."""
    if all(value is None or isinstance(value, int | float) for value in values):
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    texts = [value if value is None or isinstance(value, str) else f"{value:g}" for value in values]
    return pa.array(texts, pa.string())
