"""The tables behind a study of marks: each mark with what it hit, each lesion with the mark that hit it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from validate.canonical import write_atomically
from validate.errors import EvidenceError
from validate.results.units import STRATUM_PREFIX

MARKS_FILE, LESIONS_FILE = "results/marks.parquet", "results/lesions.parquet"
_KEYS = [
    pa.field(name, pa.string(), nullable=False, metadata={"role": "key"})
    for name in ("unit", "model", "pass", "target")
]
_BITS = pa.list_(pa.int64())

MARKS = pa.schema(
    [
        *_KEYS,
        pa.field("mark", pa.int64(), nullable=False, metadata={"role": "key"}),  # in the order of the output, from 0
        pa.field("score", pa.float64(), nullable=False, metadata={"role": "output"}),
        # hit|false|repeated|ignored; unjudged where the case has no reference
        pa.field("verdict", pa.string(), nullable=False, metadata={"role": "status"}),
        pa.field("lesion", pa.int64()),  # which it hit
        pa.field("fit", pa.float64()),  # overlap, or minus the distance, absolute or in diameters; null unless it hit
        pa.field("shape", pa.string(), nullable=False),
        pa.field("geometry", pa.list_(pa.float64()), nullable=False),  # in the coordinates that were judged in
        # Of boxes, for COCO's numbers: by range of areas, a bit for each overlap; and the place by score in its case.
        pa.field("matched", _BITS),
        pa.field("passed_over", _BITS),
        pa.field("rank", pa.int64()),
    ]
)
LESIONS = pa.schema(
    [
        *_KEYS,
        pa.field(
            "lesion", pa.int64(), nullable=False, metadata={"role": "key"}
        ),  # in the order of the reference, from 0
        pa.field("ignore", pa.bool_(), nullable=False),  # a place that need not be marked, and may be
        pa.field("score", pa.float64(), metadata={"role": "output"}),  # of the mark that hit it; null where none did
        pa.field("size", pa.float64(), metadata={"role": "measure"}),
        pa.field("shape", pa.string(), nullable=False),
        pa.field("geometry", pa.list_(pa.float64()), nullable=False),
        pa.field("counted", pa.list_(pa.bool_())),  # by range of areas
    ]
)  # and "by.<attribute>" of lesions


def lesion_schema(attributes: tuple[str, ...]) -> pa.Schema:
    """LESIONS with the strata that lesions belong to."""
    schema = LESIONS
    for name in attributes:
        schema = schema.append(
            pa.field(f"{STRATUM_PREFIX}{name}", pa.string(), nullable=False, metadata={"role": "stratum"})
        )
    return schema


def write_marked(folder: Path, marks: pa.Table, lesions: pa.Table) -> None:
    """Both tables into the run folder, whole or not at all."""
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
