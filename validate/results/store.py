"""The units table on disk: Parquet whose bytes depend on the rows and the library's version only."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from validate.canonical import write_atomically
from validate.errors import EvidenceError
from validate.results.units import STRATUM_PREFIX, UNITS

_FORMAT = {b"validate.table": b"units", b"validate.schema_version": b"1"}


def write_units(table: pa.Table, path: Path) -> None:
    """Write the table, with the unit and role of each column in the schema's metadata; whole or not at all."""
    buffer = io.BytesIO()
    pq.write_table(
        table.replace_schema_metadata(_FORMAT).combine_chunks(),
        buffer,
        compression="zstd",
        version="2.6",
        row_group_size=1 << 20,
    )
    write_atomically(path, buffer.getvalue())


def read_units(path: Path) -> pa.Table:
    """The table as it was written, roles included. Raises EvidenceError where it is not a units table."""
    try:
        # A native buffer, on this thread: pyarrow's own threads let go of a Python file object late, and a program
        # that ends just then is aborted ("terminate called without an active exception", pyarrow 26).
        table = pq.ParquetFile(pa.BufferReader(path.read_bytes())).read(use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise EvidenceError(f"{path} can't be read as a Parquet table: {error}. Restore it from the bundle.") from error
    known = {field.name: field.type for field in table.schema}
    wrong = [field.name for field in UNITS if known.get(field.name) != field.type]
    if wrong:
        raise EvidenceError(
            f"{path} is not a units table: column '{wrong[0]}' should be {UNITS.field(wrong[0]).type}, "
            f"and is {known.get(wrong[0], 'missing')}. Restore it from the bundle."
        )
    return table.replace_schema_metadata(None)


def strata_of(table: pa.Table) -> tuple[str, ...]:
    """Attributes that this table can be grouped by, in its column order."""
    return tuple(name.removeprefix(STRATUM_PREFIX) for name in table.column_names if name.startswith(STRATUM_PREFIX))
