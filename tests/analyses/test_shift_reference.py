"""The cohort that is held against: read before the lock, whole, and the one that was sealed; its digest is frozen."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from validate.analyses.shift_columns import fitted
from validate.analyses.shift_reference import read_shift_reference, write_shift_reference
from validate.canonical import file_digest
from validate.cohort.case import Case
from validate.cohort.privacy import pseudonym
from validate.errors import DataError
from validate.protocol.catalog import Catalog
from validate.protocol.cohort import AttributeSource
from validate.protocol.shift import shift_problems

KEY = b"k" * 32
CASE = Case("U-1", "P-1", "S-1", "E-1", "d" * 64, {"sex": "F", "month": "2025-01"}, has_label=True)


def protocol(build: SimpleNamespace, **options: Any) -> Any:
    return build.protocol(analyses=[{"name": "shift", "options": {"reference": "accepted", **options}}])


@pytest.fixture
def accepted(tmp_path: Path) -> Path:
    """As much of a sealed run as is read of one."""
    folder = tmp_path / "accepted"
    for name in ("cohort", "results", "evidence"):
        (folder / name).mkdir(parents=True)
    cases = {
        "unit": ["U", "V", "W"],
        "patient": ["P", "P", "Q"],
        "digest": ["e" * 64, "d" * 64, "f" * 64],
        "sex": ["M", "M", "F"],
    }
    pq.write_table(pa.table(cases), folder / "cohort/cases.parquet")
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
    found = read_shift_reference(protocol(build), tmp_path, site_key=KEY)
    assert found is not None
    assert found.frozen == {"kind": "run", "sha256": file_digest(accepted / "evidence/manifest.json"), "cases": 3}
    write_shift_reference(tmp_path / "run", found)
    assert pq.read_table(tmp_path / "run/shift/reference.parquet")["sex"].to_pylist() == ["M", "M", "F"]
    assert json.loads((tmp_path / "run/shift/reference.json").read_text())["outcome"] == "PASS"


@pytest.mark.parametrize("name", ["cohort/cases.parquet", "results/units.parquet", "estimates.json", "verdict.json"])
def test_a_run_with_another_file_is_refused(build: SimpleNamespace, accepted: Path, tmp_path: Path, name: str) -> None:
    (accepted / name).write_bytes((accepted / name).read_bytes() + b" ")
    with pytest.raises(DataError, match=f"{name} is not what that run was sealed with.*validate verify"):
        read_shift_reference(protocol(build), tmp_path, site_key=KEY)


def test_a_file_that_the_manifest_does_not_know_is_refused(
    build: SimpleNamespace, accepted: Path, tmp_path: Path
) -> None:
    (accepted / "shift").mkdir()
    pq.write_table(pa.table({"unit": ["U"], "image.mean": [0.5]}), accepted / "shift/images.parquet")
    with pytest.raises(DataError, match=r"images\.parquet is not what that run was sealed with"):
        read_shift_reference(protocol(build), tmp_path, site_key=KEY)


def test_nothing_there_no_run_no_table_and_no_row_are_told(
    build: SimpleNamespace, accepted: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="there is no 'elsewhere' beside the protocol"):
        read_shift_reference(protocol(build, reference="elsewhere"), tmp_path, site_key=KEY)
    (accepted / "evidence/manifest.json").unlink()
    with pytest.raises(DataError, match="is no finished run folder"):
        read_shift_reference(protocol(build), tmp_path, site_key=KEY)
    (tmp_path / "empty.csv").write_text("sex,score\n")
    with pytest.raises(DataError, match="has no rows"):
        read_shift_reference(protocol(build, reference="empty.csv"), tmp_path, site_key=KEY)


def test_another_table_than_the_protocol_names_is_refused(build: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("sex,score\nF,0.5\n")
    with pytest.raises(DataError, match="the protocol says 000000000000"):
        read_shift_reference(protocol(build, reference="table.csv", sha256="0" * 64), tmp_path, site_key=KEY)
    right = file_digest(tmp_path / "table.csv")
    found = read_shift_reference(protocol(build, reference="table.csv", sha256=right), tmp_path, site_key=KEY)
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
    found = read_shift_reference(asked, accepted.parent, site_key=KEY)
    with pytest.raises(DataError, match=message):
        fitted(asked, found, [CASE], site_key=KEY)
    plain = protocol(build, metadata=["sex"], order_by="month")
    kept = fitted(plain, read_shift_reference(plain, tmp_path, site_key=KEY), [CASE], site_key=KEY)
    assert kept is not None and kept.table.column_names == ["patient", "sex"]
    assert read_shift_reference(build.protocol(), tmp_path, site_key=KEY) is None


def test_of_a_table_is_kept_what_both_have_and_patients_have_the_names_of_this_site(
    build: SimpleNamespace, tmp_path: Path
) -> None:
    (tmp_path / "table.csv").write_text(
        "patient,name,sex,score,noise\n7,Roe,F,0.5,0.1\n7,Roe,F,0.6,0.2\n8,Doe,M,0.1,0.1\n"
    )
    asked = protocol(build, reference="table.csv")
    found = fitted(asked, read_shift_reference(asked, tmp_path, site_key=KEY), [CASE], site_key=KEY)
    assert found is not None
    assert found.table.column_names == ["patient", "sex", "score", "image.noise"]
    assert found.facts["not_taken"] == ["name"]
    seven, eight = pseudonym(KEY, "patient", "7"), pseudonym(KEY, "patient", "8")
    assert found.table["patient"].to_pylist() == [seven, seven, eight]
    (tmp_path / "table.csv").write_text("sex;score;month\n;0.5;3\nF;;4\n")  # an empty cell is no level, and no number
    plain = fitted(asked, read_shift_reference(asked, tmp_path, site_key=KEY), [CASE], site_key=KEY)
    assert plain is not None and plain.table.to_pydict() == {
        "sex": [None, "F"],
        "score": [0.5, None],
        "month": [3.0, 4.0],
    }
    (tmp_path / "table.csv").write_text(f"patient,sex\n{seven},F\n")  # of a table that a run has written
    again = read_shift_reference(asked, tmp_path, site_key=KEY)
    assert again is not None and again.table["patient"].to_pylist() == [seven]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foo;sexx\n1;F\n", "has no column that this cohort has too. Its columns are foo, sexx; expected attributes such as month, sex"),
        ("sex,sex\nF,M\n", "has several columns called 'sex'; leave one"),
        ("sex,score\nF,50\nM,3\n", "column 'score': got 3 to 50, but the model's output is a probability, from 0 to 1"),
        ("sex;age\nF;50,5\nM;61,0\n", "column age writes numbers with a decimal comma"),
        ("sex,patient\nF,1\nM,\n", "1 of 2 rows have no patient. Complete the column, or leave it out"),
    ],
)  # fmt: skip
def test_a_table_that_can_not_be_held_against_is_refused_with_a_sentence(
    build: SimpleNamespace, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "table.csv").write_text(text)
    asked = protocol(build, reference="table.csv")
    with pytest.raises(DataError, match=re.escape(message)):
        fitted(asked, read_shift_reference(asked, tmp_path, site_key=KEY), [CASE], site_key=KEY)


def test_who_has_files_of_this_cohort_is_the_same_patient_though_another_site_named_him(
    build: SimpleNamespace, accepted: Path, tmp_path: Path
) -> None:
    asked = protocol(build)
    found = fitted(asked, read_shift_reference(asked, tmp_path, site_key=KEY), [CASE], site_key=KEY)
    assert found is not None
    assert found.table["patient"].to_pylist() == [CASE.patient, CASE.patient, "Q"]  # by one of his two files
    assert "digest" not in found.table.column_names and found.facts["not_taken"] == ["score.a"]  # of no model here


def test_without_a_reference_nothing_is_compared_and_no_criterion_rests_on_it(
    build: SimpleNamespace, tmp_path: Path
) -> None:
    criterion = {"analysis": "shift", "limit": "upper", "at_most": 0.6, "rationale": "r"}
    asked = build.protocol(analyses=[{"name": "shift", "options": {}}], acceptance=[criterion])
    assert read_shift_reference(asked, tmp_path, site_key=KEY) is None
    (problem,) = shift_problems(asked, Catalog())
    assert (problem.place, problem.message) == (("acceptance", 0, "analysis"), "needs analyses: shift with a reference")


def test_names_days_and_files_of_a_table_stay_where_they_are(build: SimpleNamespace, tmp_path: Path) -> None:
    header = "patient,age,scored_by,score_date,image.file,embedding.note,sex"
    (tmp_path / "table.csv").write_text(f"{header}\n1,50,Dr Roe,2024-03-14,/pacs/DOE.dcm,x,F\n")
    asked = protocol(build, reference="table.csv")
    found = fitted(asked, read_shift_reference(asked, tmp_path, site_key=KEY), [CASE], site_key=KEY)
    assert found is not None and found.table.column_names == ["patient", "sex"]
    assert found.facts["not_taken"] == ["age", "scored_by", "score_date", "image.file", "embedding.note"]


def test_an_attribute_of_a_table_is_told_as_it_is_here(build: SimpleNamespace, tmp_path: Path) -> None:
    attributes = {"month": {"tag": "StudyDate", "by": "month"}}
    plain = protocol(build, reference="table.csv")
    asked = plain.model_copy(
        update={
            "cohort": plain.cohort.model_copy(
                update={"attributes": {k: AttributeSource(**v) for k, v in attributes.items()}}
            )
        }
    )
    place = pseudonym(KEY, "institution", "St Mary")
    case = replace(CASE, attributes={"month": "2024-03", "institution": place})
    (tmp_path / "table.csv").write_text("month,institution\n2024-03-14,St Mary\n2024-04,\n,St Mary\n")
    found = fitted(asked, read_shift_reference(asked, tmp_path, site_key=KEY), [case], site_key=KEY)
    assert found is not None
    assert found.table.to_pydict() == {"month": ["2024-03", "2024-04", None], "institution": [place, None, place]}
    (tmp_path / "table.csv").write_text("month\nMarch\n")
    with pytest.raises(DataError, match="column 'month': 1 of 1 cells are no date and no month"):
        fitted(asked, read_shift_reference(asked, tmp_path, site_key=KEY), [case], site_key=KEY)


def test_patients_of_a_table_are_named_by_what_stands_in_the_cells(build: SimpleNamespace, tmp_path: Path) -> None:
    told = ["2025_001", "110101199003078515", "110101199003078516", "1E5", "007", "7.0"]
    (tmp_path / "table.csv").write_text("patient,sex\n" + "".join(f"{name},F\n" for name in told))
    asked = protocol(build, reference="table.csv")
    found = read_shift_reference(asked, tmp_path, site_key=KEY)
    assert found is not None
    assert found.table["patient"].to_pylist() == [pseudonym(KEY, "patient", name) for name in told]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("table.csv", "sex,embedding.0\nF,x\n", "column 'embedding.0': got text, expected numbers"),
        ("table.csv", "sex,score\nF,high\n", "column 'score': got text, expected numbers"),
        (
            "table.json",
            '[{"sex": "F", "tags": ["a"]}, {"sex": "M", "tags": "b"}]',
            "column 'tags' mixes lists and other values",
        ),
    ],
)
def test_a_column_that_is_not_what_it_is_called_is_refused(
    build: SimpleNamespace, tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    asked = protocol(build, reference=name)
    with pytest.raises(DataError, match=re.escape(message)):
        fitted(asked, read_shift_reference(asked, tmp_path, site_key=KEY), [CASE], site_key=KEY)
