"""What a model said as numbers that cohorts are compared by: scores, volumes, marks; called the same in every cohort."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from validate.analyses.outputs import outputs


def units(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist([{"model": "m", "pass": "clean", "target": "opacity", **row} for row in rows])


def columns(table: pa.Table) -> dict[str, dict[str, float | None]]:
    return {one.column("m"): one.values for one in outputs(table, "m")}


def test_one_question_has_one_output_of_the_clean_pass_and_this_model() -> None:
    table = units([
        {"unit": "a", "score": 0.2}, {"unit": "b", "score": None}, {"unit": "a", "pass": "noise-1", "score": 0.9},
        {"unit": "a", "model": "other", "score": 0.8},
    ])  # fmt: skip
    assert columns(table) == {"score.m": {"a": 0.2, "b": None}}


def test_every_finding_is_an_output_and_what_has_no_score_is_none() -> None:
    table = units([
        {"unit": "a", "target": "opacity", "score": 0.2}, {"unit": "a", "target": "effusion", "score": 0.7},
        {"unit": "a", "target": "all", "score": None},
    ])  # fmt: skip
    assert columns(table) == {"score.m:opacity": {"a": 0.2}, "score.m:effusion": {"a": 0.7}}


def test_of_masks_the_volumes_and_of_marks_their_number_and_the_highest() -> None:
    masks = units(
        [{"unit": "a", "target": "left_ventricle", "score": None, "case.volume_prediction": 120.0, "case.dice": 0.9}]
    )
    assert columns(masks) == {"score.m:left_ventricle volume": {"a": 120.0}}
    marked = [{"unit": "a", "target": "nodule", "score": None, "case.marks": 0.0, "case.highest": None}]
    assert columns(units(marked)) == {"score.m:nodule marks": {"a": 0.0}}  # called so, though no highest score is there
    marked.append({"unit": "b", "target": "nodule", "score": None, "case.marks": 2.0, "case.highest": 0.8})
    found = outputs(units(marked), "m")
    assert {one.name: one.chance for one in found} == {"nodule marks": False, "nodule highest score": True}
