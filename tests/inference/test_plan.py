"""The plan is made before anything runs, and every impossible wish is refused then, all at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from validate.errors import ProtocolError
from validate.protocol.passes import CLEAN, Pass

Make = Callable[..., Any]


def test_shards_cover_every_case_once_in_order(plan: Make, study: Make, tmp_path: Path) -> None:
    cases = study(tmp_path / "dicom", 19)
    stretches = list(plan(tmp_path, cases).stretches())
    assert [len(stretch.cases) for stretch in stretches] == [8, 8, 3]
    assert tuple(case for stretch in stretches for shard in stretch.shards for case in shard.cases) == cases


def test_a_pass_that_selects_nobody_has_no_shard(plan: Make, study: Make, tmp_path: Path) -> None:
    nobody = Pass("nobody", selector={"sex": "X"})
    stretches = list(plan(tmp_path, study(tmp_path / "dicom", 9), passes=(CLEAN, nobody)).stretches())
    assert {shard.pass_.id for stretch in stretches for shard in stretch.shards} == {"clean"}


def test_the_document_changes_with_what_results_rest_on_and_with_nothing_else(
    plan: Make, study: Make, tmp_path: Path
) -> None:
    cases = study(tmp_path / "dicom", 4)
    document = plan(tmp_path, cases).document()
    assert plan(tmp_path, cases, workers=7).document() == document
    for changed in (
        plan(tmp_path, cases[:3]),
        plan(tmp_path, (cases[1], cases[0], *cases[2:])),
        plan(tmp_path, cases, shard_size=3),
        plan(tmp_path, cases, batch_size=2),
        plan(tmp_path, cases, [{"preprocess": []}]),
        plan(tmp_path, cases, [{"output": {"activation": "none", "kind": "score"}}]),
        plan(tmp_path, cases, passes=(CLEAN, Pass("again"))),
    ):
        assert changed.document() != document
    assert str(tmp_path) not in repr(document)


def test_several_images_of_a_unit_need_a_rule(plan: Make, study: Make, tmp_path: Path) -> None:
    cases = study(tmp_path / "dicom", 2, files_per_case=2)
    with pytest.raises(ProtocolError, match=r"models\.m\.input: 2 of 2 units \(study\) have several images.*aggregate"):
        plan(tmp_path, cases, unit="study")


def test_the_rule_must_lead_to_the_unit_of_the_study(plan: Make, study: Make, tmp_path: Path) -> None:
    models = [{"input": {"aggregate": {"to": "patient", "score": "max"}}}]
    with pytest.raises(ProtocolError, match=r"aggregate\.to: got 'patient', but the rows .* cohort\.unit 'study'"):
        plan(tmp_path, study(tmp_path / "dicom", 2), models, unit="study")


def test_a_whole_study_can_not_go_into_a_model_of_images(plan: Make, study: Make, tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match=r"got 'study', but the 'onnx' format takes one image at a time"):
        plan(tmp_path, study(tmp_path / "dicom", 2), [{"input": "study"}], unit="study")


def test_half_precision_is_refused_rather_than_ignored(plan: Make, study: Make, tmp_path: Path) -> None:
    with pytest.raises(
        ProtocolError, match=r"models\.m of format 'onnx' computes in the precision that it was made in"
    ):
        plan(tmp_path, study(tmp_path / "dicom", 1), precision="float16")


def test_full_precision_is_not_held_against_itself(plan: Make, study: Make, tmp_path: Path) -> None:
    passes = (CLEAN, Pass("full", engine_overrides={"precision": "float32"}))
    with pytest.raises(
        ProtocolError, match=r"'full': holds half precision against full, and inference\.precision is float32"
    ):
        plan(tmp_path, study(tmp_path / "dicom", 1), passes=passes)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"models": ("x",)}, "no model 'x'"),
        ({"volume_transform": {"name": "gaussian_nois"}}, "Did you mean 'gaussian_noise'"),
        (
            {"volume_transform": {"name": "gaussian_noise", "options": {"sigma": 0}}},
            r"gaussian_noise\.options\.sigma: .*got 0",
        ),
        ({"volume_transform": {"name": "gaussian_noise", "options": {"sigma": 1}, "blur": 1}}, "and no 'blur'"),
        ({"file_transform": {"name": "zip"}}, "no rewritings plug-in called 'zip'"),
        ({"engine_overrides": {"threads": 1}}, "can't override 'threads'"),
        ({"id": "../up"}, "an id becomes a folder's name"),
        ({"id": "clean"}, "is there twice"),
    ],
)
def test_a_pass_that_can_not_be_run_is_refused(
    plan: Make, study: Make, tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(ProtocolError, match=says):
        plan(tmp_path, study(tmp_path / "dicom", 1), passes=(CLEAN, replace(Pass("extra"), **changes)))


def test_every_problem_is_said_at_once(plan: Make, study: Make, tmp_path: Path) -> None:
    with pytest.raises(ProtocolError) as caught:
        plan(
            tmp_path, study(tmp_path / "dicom", 1), [{"preprocess": [{"zoom": {}}, {"blur": {}}]}],
            passes=(CLEAN, Pass("x", models=("y",))),
        )  # fmt: skip
    assert len(caught.value.problems) == 3
