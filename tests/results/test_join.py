from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from validate.cohort.case import Case
from validate.errors import DataError
from validate.protocol.passes import CLEAN, Pass
from validate.protocol.schema import StudyProtocol
from validate.results.join import check_groups, join_units, stratum_attributes
from validate.results.units import UNITS

MODEL: dict[str, Any] = {
    "id": "candidate",
    "name": "OpacityNet",
    "version": "1.0.0",
    "format": "constant",
    "output": {"activation": "none", "kind": "probability"},
}


def protocol(**changes: Any) -> StudyProtocol:
    document: dict[str, Any] = {
        "schema_version": "1",
        "id": "tiny",
        "version": "1.0.0",
        "title": "Tiny",
        "profile": "acceptance",
        "intended_use": "Tests.",
        "task": "classification",
        "seed": 7,
        "cohort": {"sources": [{"dicom": "cxr"}], "unit": "image", "sampling": "consecutive"},
        "reference": {
            "table": "reference.csv",
            "key": "accession_number",
            "level": "study",
            "label": "opacity",
            "positive": 1,
            "standard": "Readers",
        },
        "models": [MODEL],
        "endpoints": [{"id": "auroc", "metric": "classification.auroc", "role": "primary"}],
        "strata": ["sex"],
        "acceptance": [
            {"endpoint": "auroc", "worst_of": "maker", "limit": "lower", "at_least": 0.8, "rationale": "Because."}
        ],
    }
    return StudyProtocol.model_validate({**document, **changes})


def cases(**columns: Any) -> pa.Table:
    plain = {
        "unit": ["u1", "u2", "u3"],
        "patient": ["p1", "p1", "p2"],
        "study": ["s1", "s1", "s2"],
        "series": ["r1", "r2", "r3"],
        "digest": ["d1", "d2", "d3"],
        "has_label": [True, True, False],
        "sex": ["F", None, "M"],
        "maker": ["GE", "GE", "Fujifilm"],
        "exposures": [3.0, 0.5, None],
    }
    return pa.table({**plain, **columns})


def reference(rows: list[tuple[str, str, float | None]] | None = None) -> pa.Table:
    rows = rows or [("u3", "missing", None), ("u1", "present", 1.0), ("u2", "present", 0.0)]
    return pa.table(
        {
            "unit": [row[0] for row in rows],
            "status": [row[1] for row in rows],
            "label": pa.array([row[2] for row in rows], pa.float64()),
        }
    )


Row = tuple[str, str, str, str, str | None, float | None]
ROWS: list[Row] = [
    ("u3", "candidate", "clean", "ok", None, 0.25),
    ("u1", "candidate", "clean", "ok", None, 0.75),
    ("u2", "candidate", "clean", "failed", "truncated", None),
]


def inference(rows: list[Row] | None = None) -> pa.Table:
    rows = ROWS if rows is None else rows
    names = ("unit", "model", "pass", "status", "failure")
    columns: dict[str, Any] = {
        name: pa.array([row[index] for row in rows], pa.string()) for index, name in enumerate(names)
    }
    scores = pa.array([row[5] for row in rows], pa.float64())
    return pa.table({**columns, "score": scores, "target": pa.array(["opacity"] * len(rows), pa.string())})


def test_every_case_is_a_row_in_case_order_with_its_label_and_its_output() -> None:
    table = join_units(protocol(), cases(), reference(), inference())
    assert table.schema.names == [*UNITS.names, "by.sex", "by.maker"]
    assert table["unit"].to_pylist() == ["u1", "u2", "u3"]
    assert table["cluster"].to_pylist() == ["p1", "p1", "p2"]
    assert table["label"].to_pylist() == [1.0, 0.0, None]
    assert table["label_status"].to_pylist() == ["present", "present", "missing"]
    assert table["score"].to_pylist() == [0.75, None, 0.25]
    assert table["failure"].to_pylist() == [None, "truncated", None]
    assert table["by.sex"].to_pylist() == ["F", "missing", "M"]


def test_roles_stand_in_the_schema() -> None:
    table = join_units(protocol(), cases(), reference(), inference())
    roles = {field.name: field.metadata[b"role"] for field in table.schema}
    assert roles["cluster"] == b"cluster"
    assert roles["by.maker"] == b"stratum"


def test_rows_are_ordered_by_model_then_pass_then_case() -> None:
    models = [MODEL | {"id": "b"}, MODEL | {"id": "a"}]
    passes = (CLEAN, Pass("noise-1", models=("a",), selector={"maker": "GE"}))
    keyed = [(unit, model, "clean") for unit in ("u2", "u1", "u3") for model in ("a", "b")]
    keyed += [("u2", "a", "noise-1"), ("u1", "a", "noise-1")]
    rows: list[Row] = [(*key, "ok", None, 0.5) for key in keyed]
    table = join_units(protocol(models=models), cases(), reference(), inference(rows), passes=passes)
    keys = list(zip(*(table[name].to_pylist() for name in ("model", "pass", "unit")), strict=True))
    clean = [(model, "clean", unit) for model in ("b", "a") for unit in ("u1", "u2", "u3")]
    assert keys == [*clean, ("a", "noise-1", "u1"), ("a", "noise-1", "u2")]


def test_numbers_become_levels_without_a_trailing_zero() -> None:
    table = join_units(protocol(strata=["exposures"]), cases(), reference(), inference())
    assert table["by.exposures"].to_pylist() == ["3", "0.5", "missing"]


@pytest.mark.parametrize(
    ("cluster", "expected"), [("unit", ["u1", "u2", "u3"]), ("study", ["s1", "s1", "s2"]), ("site", ["A", "B", "B"])]
)
def test_the_cluster_is_what_the_protocol_says(cluster: str, expected: list[str]) -> None:
    cohort = {"sources": [{"dicom": "cxr"}], "unit": "image", "sampling": "random", "cluster": cluster}
    table = join_units(protocol(cohort=cohort), cases(site=["A", "B", "B"]), reference(), inference())
    assert table["cluster"].to_pylist() == expected


def test_a_case_without_a_site_belongs_to_no_cluster() -> None:
    cohort = {"sources": [{"dicom": "cxr"}], "unit": "image", "sampling": "random", "cluster": "site"}
    with pytest.raises(DataError, match="1 of 3 rows have no site"):
        join_units(protocol(cohort=cohort), cases(site=["A", None, "B"]), reference(), inference())


def test_analyses_name_attributes_too() -> None:
    analyses = [
        {"name": "fairness", "options": {"attributes": ["sex", "race"]}},
        {"name": "scanner_shift", "options": {"by": "maker", "adjust_for": ["age_band"]}},
    ]
    assert stratum_attributes(protocol(analyses=analyses)) == ("sex", "maker", "race", "age_band")


def test_a_missing_inference_row_is_an_error_and_not_a_smaller_study() -> None:
    with pytest.raises(DataError, match=r"model 'candidate', pass 'clean': 1 of 3 cases have no row \(first: u2\)"):
        join_units(protocol(), cases(), reference(), inference(ROWS[:2]))


def test_no_inference_rows_at_all_is_an_error() -> None:
    with pytest.raises(DataError, match="3 of 3 cases have no row"):
        join_units(protocol(), cases(), reference(), inference([]))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("u9", "candidate", "clean", "ok", None, 0.5), "1 rows belong to no case, model and pass of this run"),
        (("u1", "other", "clean", "ok", None, 0.5), "model 'other'"),
        (("u1", "candidate", "noise", "ok", None, 0.5), "pass 'noise'"),
        (("u1", "candidate", "clean", "ok", None, 0.5), "stands in more than one row"),
    ],
)
def test_a_foreign_or_doubled_inference_row_is_an_error(row: Row, message: str) -> None:
    with pytest.raises(DataError, match=message):
        join_units(protocol(), cases(), reference(), inference([*ROWS, row]))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("u2", "candidate", "clean", "ok", None, None), "score None; expected a finite number"),
        (("u2", "candidate", "clean", "ok", None, float("nan")), "score nan; expected a finite number"),
        (("u2", "candidate", "clean", "ok", None, float("inf")), "score inf; expected a finite number"),
        (("u2", "candidate", "clean", "ok", None, 1.5), "promises a probability and gave 1.5"),
        (("u2", "candidate", "clean", "failed", None, None), "expected no score and a reason"),
        (("u2", "candidate", "clean", "failed", "truncated", 0.5), "expected no score and a reason"),
        (("u2", "candidate", "clean", "lost", None, None), "status 'lost' is unknown"),
    ],
)
def test_an_impossible_output_is_an_error(row: Row, message: str) -> None:
    with pytest.raises(DataError, match=message):
        join_units(protocol(), cases(), reference(), inference([*ROWS[:2], row]))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("u1", "present", 1.0), ("u2", "present", 0.0)], "1 of 3 cases have no row"),
        ([("x1", "present", 1.0), ("x2", "present", 0.0)], "2 of 2 rows match no case of the cohort"),
        ([("u1", "present", 1.0), ("u1", "present", 0.0)], "stands in more than one row"),
        ([(u, "missing", None) for u in ("u1", "u2", "u3")], "none of the 3 cases has a usable label"),
        ([(u, "indeterminate", None) for u in ("u1", "u2", "u3")], "3 are indeterminate"),
        ([("u1", "present", 2.0), ("u2", "present", 0.0), ("u3", "present", 0.0)], "present label is 2.0"),
        ([("u1", "present", None), ("u2", "present", 0.0), ("u3", "present", 0.0)], "present label is None"),
        ([("u1", "missing", 1.0), ("u2", "present", 0.0), ("u3", "present", 0.0)], "expected no value"),
        ([("u1", "lost", None), ("u2", "present", 0.0), ("u3", "present", 0.0)], "status 'lost' is unknown"),
    ],
)
def test_labels_that_do_not_fit_are_an_error(rows: list[tuple[str, str, float | None]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        join_units(protocol(), cases(), reference(rows), inference())


def test_an_unknown_attribute_is_named_with_those_that_exist() -> None:
    with pytest.raises(DataError, match="no attribute 'race' to group by; there are exposures, maker, sex"):
        join_units(protocol(strata=["race"]), cases(), reference(), inference())


def test_a_group_that_others_are_held_against_is_there_before_a_model_reads_a_case() -> None:
    seen = [
        Case(f"U-{n}", f"P-{n}", "S", "E", "d" * 64, {"sex": sex, "maker": "A"}, has_label=True)
        for n, sex in enumerate("FMM")
    ]

    def against(group: str) -> StudyProtocol:
        options = {
            "attributes": ["sex"],
            "endpoints": ["auroc"],
            "reference": {"sex": group},
            "margin": 0.1,
            "rationale": "r",
        }
        return protocol(analyses=[{"name": "fairness", "options": options}])

    check_groups(against("F"), seen)
    with pytest.raises(DataError, match=r"reference\.sex: no group 'f'; groups are 'F', 'M'"):
        check_groups(against("f"), seen)
