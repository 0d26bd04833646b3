from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from validate.errors import EvidenceError
from validate.results.store import read_units, strata_of, write_units
from validate.results.units import UNITS


def units() -> pa.Table:
    rows = {
        "unit": ["u1", "u2"],
        "model": ["a", "a"],
        "pass": ["clean", "clean"],
        "target": ["opacity", "opacity"],
        "cluster": ["p1", "p2"],
        "patient": ["p1", "p2"],
        "study": ["s1", "s2"],
        "label_status": ["present", "missing"],
        "label": [1.0, None],
        "status": ["ok", "failed"],
        "failure": [None, "truncated"],
        "score": [0.1 + 0.2, None],
    }
    table = pa.Table.from_pydict(rows, schema=UNITS)
    field = pa.field("by.sex", pa.string(), nullable=False, metadata={"role": "stratum"})
    return table.append_column(field, pa.array(["F", "missing"]))


def test_a_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_units(units(), tmp_path / "units.parquet")
    back = read_units(tmp_path / "units.parquet")
    assert back.equals(units())
    assert back.schema.field("cluster").metadata[b"role"] == b"cluster"
    assert strata_of(back) == ("sex",)


def test_the_same_rows_are_the_same_bytes_however_they_were_chunked(tmp_path: Path) -> None:
    whole = units()
    write_units(whole, tmp_path / "one.parquet")
    write_units(pa.concat_tables([whole.slice(0, 1), whole.slice(1)]), tmp_path / "two.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_a_torn_file_does_not_verify(tmp_path: Path) -> None:
    path = tmp_path / "units.parquet"
    write_units(units(), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(EvidenceError, match="can't be read as a Parquet table"):
        read_units(path)


def test_another_table_is_not_taken_for_units(tmp_path: Path) -> None:
    pq.write_table(pa.table({"unit": ["u1"]}), tmp_path / "units.parquet")
    with pytest.raises(EvidenceError, match="column 'model' should be string, and is missing"):
        read_units(tmp_path / "units.parquet")
