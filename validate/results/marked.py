"""The tables behind a study of marks: each mark with what it hit, each lesion with the mark that hit it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from validate.canonical import write_atomically
from validate.casewise.marked_tables import LESIONS, MARKS, OF
from validate.errors import EvidenceError
from validate.results.levels import MISSING
from validate.results.units import STRATUM_PREFIX

MARKS_FILE, LESIONS_FILE = "results/marks.parquet", "results/lesions.parquet"


def write_marked(folder: Path, marks: pa.Table, lesions: pa.Table) -> None:
    """Both tables into the run folder, whole or not at all; what lesions are of becomes the levels "by.<attribute>"."""
    lesions = with_levels(lesions)
    for name, table in ((MARKS_FILE, marks), (LESIONS_FILE, lesions)):
        buffer = pa.BufferOutputStream()
        pq.write_table(table.combine_chunks(), buffer, compression="zstd", version="2.6")
        write_atomically(folder / name, buffer.getvalue().to_pybytes())


def read_marked(folder: Path) -> tuple[pa.Table, pa.Table]:
    """(marks, lesions). Raises EvidenceError where one of them is not what it says."""
    found = []
    for name, schema in ((MARKS_FILE, MARKS), (LESIONS_FILE, LESIONS)):
        try:
            table = pq.ParquetFile(pa.BufferReader((folder / name).read_bytes())).read(use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise EvidenceError(
                f"{name}: can't be read as a Parquet table: {error}. Restore it from the bundle."
            ) from error
        known = {field.name: field.type for field in table.schema}
        wrong = [field.name for field in schema if known.get(field.name) != field.type]
        if wrong:
            raise EvidenceError(
                f"{name}: column '{wrong[0]}' is {known.get(wrong[0], 'missing')}. Restore it from the bundle."
            )
        found.append(table)
    return found[0], found[1]


def with_levels(lesions: pa.Table) -> pa.Table:
    """Columns "of.<attribute>" as levels: "missing" where a lesion has none."""
    for place, name in enumerate(lesions.column_names):
        if name.startswith(OF):
            field = pa.field(
                f"{STRATUM_PREFIX}{name.removeprefix(OF)}", pa.string(), nullable=False, metadata={"role": "stratum"}
            )
            levels = [MISSING if value is None else value for value in lesions[name].to_pylist()]
            lesions = lesions.set_column(place, field, [pa.array(levels, pa.string())])
    return lesions
