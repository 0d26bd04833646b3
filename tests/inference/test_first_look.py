"""Wrong declarations are found on the first images, and a dry run shows what goes in and comes out."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from validate.errors import ModelError
from validate.inference import decode
from validate.inference import first_look as first_look_file
from validate.inference.decode import Decoded, DecodeTask
from validate.inference.first_look import clean_views, dry_run, first_look

Make = Callable[..., Any]


def test_models_with_the_same_preprocessing_share_one_view(plan: Make, study: Make, tmp_path: Path) -> None:
    models = [{}, {"id": "same"}, {"id": "other", "preprocess": [{"window": {"source": "full_range"}}]}]
    distinct, number = clean_views(plan(tmp_path, study(tmp_path / "dicom", 1), models))
    assert len(distinct) == 2
    assert number == {"m": {"": 0}, "same": {"": 0}, "other": {"": 1}}


def test_the_look_goes_on_past_files_that_can_not_be_read(plan: Make, study: Make, tmp_path: Path) -> None:
    look = first_look(plan(tmp_path, study(tmp_path / "dicom", 5, broken=(0, 1, 2))))
    assert look.samples["m"][0].unit == "u0003"


def test_a_study_without_a_readable_file_is_left_to_the_run(plan: Make, study: Make, tmp_path: Path) -> None:
    assert first_look(plan(tmp_path, study(tmp_path / "dicom", 3, broken=(0, 1, 2)))).samples == {}


def test_the_look_goes_on_past_an_image_that_is_decoded_for_ever(
    plan: Make, study: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = plan(tmp_path, study(tmp_path / "dicom", 3))
    original = decode.decode

    def hanging(task: DecodeTask) -> Decoded:
        if task.paths == made.cases[0].files[:1]:
            time.sleep(3)
        return original(task)

    monkeypatch.setattr(decode, "decode", hanging)
    monkeypatch.setattr(first_look_file, "decode_in_time", partial(decode.decode_in_time, seconds=0.3))
    assert first_look(made).samples["m"][0].unit == "u0001"


def test_a_wrong_output_is_found_before_the_run(plan: Make, study: Make, tiny_onnx: Make, tmp_path: Path) -> None:
    tiny_onnx(tmp_path / "tiny.onnx", bias=5.0)
    models = [{"output": {"activation": "none", "kind": "probability"}}]
    with pytest.raises(ModelError, match="where a probability was promised"):
        first_look(plan(tmp_path, study(tmp_path / "dicom", 3), models))


def test_a_dry_run_shows_the_range_of_what_goes_in_and_comes_out(plan: Make, study: Make, tmp_path: Path) -> None:
    models = [{}, {"id": "k", "format": "constant", "path": None}]
    rows = dry_run(plan(tmp_path, study(tmp_path / "dicom", 5, broken=(1,)), models), count=2)
    assert [(row["unit"], row["model"], row["failure"]) for row in rows] == [
        ("u0000", "m", None),
        ("u0000", "k", None),
        ("u0001", "m", "decode:not_dicom"),
        ("u0001", "k", None),
    ]
    assert rows[0]["input"]["shape"] == [1, 8, 8]
    assert 0 <= rows[0]["input"]["minimum"] < rows[0]["input"]["mean"] < rows[0]["input"]["maximum"] <= 1
    assert 0 < rows[0]["score"] < 1
    assert rows[2]["score"] is None
