"""The cohort that is held against: read before the lock, whole, and the one that was sealed; its digest is frozen."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from validate.analyses.shift_reference import check_shift, read_shift_reference, write_shift_reference
from validate.canonical import file_digest
from validate.cohort.case import Case
from validate.errors import DataError

CASE = Case("U-1", "P-1", "S-1", "E-1", "d" * 64, {"sex": "F", "month": "2025-01"}, has_label=True)


def protocol(build: SimpleNamespace, **options: Any) -> Any:
    return build.protocol(analyses=[{"name": "shift", "options": {"reference": "accepted", **options}}])


@pytest.fixture
def accepted(tmp_path: Path) -> Path:
    """As much of a sealed run as is read of one."""
    folder = tmp_path / "accepted"
    for name in ("cohort", "results", "evidence"):
        (folder / name).mkdir(parents=True)
    pq.write_table(pa.table({"unit": ["U"], "patient": ["P"], "sex": ["M"]}), folder / "cohort/cases.parquet")
    units = pa.table(
        {"unit": ["U"], "model": ["a"], "pass": ["clean"], "target": [None], "status": ["ok"], "score": [0.25]}
    )
    pq.write_table(units, folder / "results/units.parquet")
    (folder / "estimates.json").write_text('{"estimates": []}')
    (folder / "verdict.json").write_text('{"outcome": "PASS"}')
    names = ("cohort/cases.parquet", "results/units.parquet", "estimates.json", "verdict.json")
    files = [{"path": name, "sha256": file_digest(folder / name)} for name in names]
    (folder / "evidence/manifest.json").write_text(json.dumps({"files": files}))
    return folder


def test_a_run_is_what_its_manifest_says(build: SimpleNamespace, accepted: Path, tmp_path: Path) -> None:
    found = read_shift_reference(protocol(build), tmp_path)
    assert found is not None
    assert found.frozen == {"kind": "run", "sha256": file_digest(accepted / "evidence/manifest.json"), "cases": 1}
    write_shift_reference(tmp_path / "run", found)
    assert pq.read_table(tmp_path / "run/shift/reference.parquet")["sex"].to_pylist() == ["M"]
    assert json.loads((tmp_path / "run/shift/reference.json").read_text())["outcome"] == "PASS"


@pytest.mark.parametrize("name", ["cohort/cases.parquet", "results/units.parquet", "estimates.json", "verdict.json"])
def test_a_run_with_another_file_is_refused(build: SimpleNamespace, accepted: Path, tmp_path: Path, name: str) -> None:
    (accepted / name).write_bytes((accepted / name).read_bytes() + b" ")
    with pytest.raises(DataError, match=f"{name} is not what that run was sealed with.*validate verify"):
        read_shift_reference(protocol(build), tmp_path)


def test_a_file_that_the_manifest_does_not_know_is_refused(
    build: SimpleNamespace, accepted: Path, tmp_path: Path
) -> None:
    (accepted / "shift").mkdir()
    pq.write_table(pa.table({"unit": ["U"], "image.mean": [0.5]}), accepted / "shift/images.parquet")
    with pytest.raises(DataError, match=r"images\.parquet is not what that run was sealed with"):
        read_shift_reference(protocol(build), tmp_path)


def test_nothing_there_no_run_no_table_and_no_row_are_told(
    build: SimpleNamespace, accepted: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="there is no 'elsewhere' beside the protocol"):
        read_shift_reference(protocol(build, reference="elsewhere"), tmp_path)
    (accepted / "evidence/manifest.json").unlink()
    with pytest.raises(DataError, match="is no finished run folder"):
        read_shift_reference(protocol(build), tmp_path)
    (tmp_path / "empty.csv").write_text("sex,score\n")
    with pytest.raises(DataError, match="has no row"):
        read_shift_reference(protocol(build, reference="empty.csv"), tmp_path)


def test_another_table_than_the_protocol_names_is_refused(build: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("sex,score\nF,0.5\n")
    with pytest.raises(DataError, match="the protocol says 000000000000"):
        read_shift_reference(protocol(build, reference="table.csv", sha256="0" * 64), tmp_path)
    right = file_digest(tmp_path / "table.csv")
    found = read_shift_reference(protocol(build, reference="table.csv", sha256=right), tmp_path)
    assert found is not None
    assert found.frozen == {"kind": "table", "sha256": right, "cases": 1}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metadata": ["sexx"]}, "shift: metadata: of this cohort, no attribute 'sexx'.*Did you mean 'sex'"),
        ({"metadata": ["month"]}, "shift: metadata: of the reference, no attribute 'month'"),
        ({"order_by": "mont"}, "shift: order_by: of this cohort, no attribute 'mont'.*Did you mean 'month'"),
    ],
)
def test_what_is_compared_is_known_of_both(
    build: SimpleNamespace, accepted: Path, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    asked = protocol(build, **options)
    found = read_shift_reference(asked, accepted.parent)
    with pytest.raises(DataError, match=message):
        check_shift(asked, found, [CASE])
    plain = protocol(build, metadata=["sex"], order_by="month")
    check_shift(plain, read_shift_reference(plain, tmp_path), [CASE])
    assert read_shift_reference(build.protocol(), tmp_path) is None
