"""Models of several named inputs: their images are decoded by the workers, disturbed by passes, and looked at before the run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from validate.cohort.case import Case
from validate.errors import ModelError, ProtocolError
from validate.imaging.dicom import read_image
from validate.inference.first_look import dry_run, input_statistics
from validate.inference.local import LocalEngine
from validate.inference.store import read_inference
from validate.inference.view import transform_of
from validate.protocol.passes import CLEAN, Pass

Make = Callable[..., Any]
ENGINE = LocalEngine(kind="thread")
STEPS = [{"window": {"source": "values", "center": 500.0, "width": 1001.0}}]
INPUTS = {
    "first": {"file": "*-0.dcm", "preprocess": STEPS},
    "second": {"file": "*-1.dcm", "preprocess": STEPS},
    "clinical": {"columns": ["age"]},
}
MODEL = {
    "path": "three.onnx",
    "inputs": INPUTS,
    "preprocess": [],
    "output": {"activation": "none", "kind": "score"},
    "operating_point": {"threshold": 1.0, "source": "by hand"},
}
NOISE = Pass("noise", volume_transform={"name": "gaussian_noise", "options": {"sigma": 200.0}, "seed": 7})


def _three_inputs(path: Path, *, axes: int = 4, size: int | str = "x") -> None:
    """Score = mean(first) - 2 * mean(second) + age / 100."""
    shape = ["batch", 1, *(["z"] if axes == 5 else []), "y", size]
    nodes = []
    for name in ("first", "second"):
        nodes += [
            helper.make_node("GlobalAveragePool", [name], [f"{name}_pooled"]),
            helper.make_node("Flatten", [f"{name}_pooled"], [f"{name}_mean"]),
        ]
    nodes += [
        helper.make_node("Mul", ["second_mean", "minus"], ["subtracted"]),
        helper.make_node("Mul", ["clinical", "hundredth"], ["years"]),
        helper.make_node("Sum", ["first_mean", "subtracted", "years"], ["score"]),
    ]
    graph = helper.make_graph(
        nodes,
        "three",
        [
            helper.make_tensor_value_info("first", TensorProto.FLOAT, shape),
            helper.make_tensor_value_info("second", TensorProto.FLOAT, shape),
            helper.make_tensor_value_info("clinical", TensorProto.FLOAT, ["batch", 1]),
        ],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch", 1])],
        [
            helper.make_tensor("minus", TensorProto.FLOAT, [1, 1], [-2.0]),
            helper.make_tensor("hundredth", TensorProto.FLOAT, [1, 1], [0.01]),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(made.SerializeToString())


@pytest.fixture
def pairs(study: Make, tmp_path: Path) -> Callable[..., tuple[Case, ...]]:
    """Cases of two images each, and an age."""

    def made(count: int = 10, **options: Any) -> tuple[Case, ...]:
        if not (tmp_path / "three.onnx").exists():
            _three_inputs(tmp_path / "three.onnx")
        cases = study(tmp_path / "dicom", count, files_per_case=2, **options)
        return tuple(
            dataclasses.replace(case, attributes={**case.attributes, "age": 40.0 + number})
            for number, case in enumerate(cases)
        )

    return made


def _scores(out: Path, pass_id: str = "clean") -> dict[str, float]:
    return {row["unit"]: row["score"] for row in read_inference(out).to_pylist() if row["pass"] == pass_id}


def _mean(file: Path, noise: float | np.ndarray[Any, Any] = 0.0) -> float:
    image = read_image(file)
    pixels = (image.voxels + noise).clip(*image.source["range"])
    return float(np.clip((pixels - 499.5) / 1000 + 0.5, 0, 1).mean())


@pytest.mark.parametrize(("kind", "workers"), [("thread", 1), ("process", 3)])
def test_images_and_numbers_of_every_case_go_in_by_name(
    kind: Any, workers: int, plan: Make, pairs: Make, tmp_path: Path
) -> None:
    cases = pairs()
    made = plan(tmp_path, cases, [MODEL], unit="study", workers=workers)
    LocalEngine(kind=kind).run(made, out=tmp_path / "out", resume=False)
    scores = _scores(tmp_path / "out")
    for number, case in enumerate(cases):
        expected = _mean(case.files[0]) - 2 * _mean(case.files[1]) + (40 + number) / 100
        assert scores[case.unit] == pytest.approx(expected, abs=1e-5)
    assert {row["decoder"] for row in read_inference(tmp_path / "out").to_pylist()} != {None}


def test_every_image_is_disturbed_with_noise_of_its_own(plan: Make, pairs: Make, tmp_path: Path) -> None:
    cases = pairs(6)
    ENGINE.run(plan(tmp_path, cases, [MODEL], unit="study", passes=(CLEAN, NOISE)), out=tmp_path / "out", resume=False)
    noisy = _scores(tmp_path / "out", "noise")
    transform = transform_of(NOISE.volume_transform, "noise")
    assert transform is not None
    for number, case in enumerate(cases):
        drawn = [
            200.0 * transform.generator(case.digest, image).standard_normal((1, 8, 8), dtype=np.float32)
            for image in (0, 1)
        ]
        means = [_mean(file, noise) for file, noise in zip(case.files, drawn, strict=True)]
        assert noisy[case.unit] == pytest.approx(means[0] - 2 * means[1] + (40 + number) / 100, abs=1e-5)


def test_half_precision_reaches_every_image(plan: Make, pairs: Make, tmp_path: Path) -> None:
    half = Pass("half", engine_overrides={"precision": "float16"})
    ENGINE.run(
        plan(tmp_path, pairs(3), [MODEL], unit="study", passes=(CLEAN, half)), out=tmp_path / "out", resume=False
    )
    full, rounded = _scores(tmp_path / "out"), _scores(tmp_path / "out", "half")
    assert full != rounded
    assert [rounded[unit] for unit in full] == pytest.approx(list(full.values()), abs=1e-3)


def test_what_is_missing_or_broken_fails_its_case_and_names_the_input(plan: Make, pairs: Make, tmp_path: Path) -> None:
    cases = list(pairs(5, broken=(1,)))
    cases[2] = dataclasses.replace(cases[2], files=cases[2].files[:1])
    cases[3] = dataclasses.replace(cases[3], attributes={"age": None})
    ENGINE.run(plan(tmp_path, tuple(cases), [MODEL], unit="study"), out=tmp_path / "out", resume=False)
    rows = read_inference(tmp_path / "out").to_pylist()
    assert [row["failure"] for row in rows] == [None, "decode:not_dicom", "missing_input", "missing_input", None]
    assert rows[1]["detail"].startswith("Input 'second': ")
    assert rows[2]["detail"] == "Input 'second': 0 of this case's 1 files fit its description; expected one."
    assert rows[3]["detail"] == "Input 'clinical': age is missing for this case."


def test_zeros_stand_in_where_the_protocol_says_so(plan: Make, pairs: Make, tmp_path: Path) -> None:
    cases = tuple(dataclasses.replace(case, files=case.files[:1]) for case in pairs(2))
    second = {**INPUTS["second"], "missing": {"zeros": [1, 8, 8]}}
    model = {**MODEL, "inputs": {**INPUTS, "second": second}}
    ENGINE.run(plan(tmp_path, cases, [model], unit="study", passes=(CLEAN, NOISE)), out=tmp_path / "out", resume=False)
    scores = _scores(tmp_path / "out")
    assert [scores[case.unit] for case in cases] == pytest.approx(
        [_mean(case.files[0]) + age / 100 for case, age in zip(cases, (40, 41), strict=True)], abs=1e-5
    )


def test_images_of_other_sizes_are_refused_before_the_run(plan: Make, pairs: Make, tmp_path: Path) -> None:
    cases = pairs(3)
    _three_inputs(tmp_path / "three.onnx", size=16)
    with pytest.raises(
        ModelError, match=r"inputs\.first\.preprocess makes images of shape \(1, 8, 8\), but the model takes"
    ):
        ENGINE.run(plan(tmp_path, cases, [MODEL], unit="study"), out=tmp_path / "out", resume=False)


def test_a_model_of_one_image_shares_nothing_and_harms_nothing(plan: Make, pairs: Make, tmp_path: Path) -> None:
    cases = pairs(4)
    one = {"id": "one", "input": {"aggregate": {"to": "study", "score": "max"}}}
    ENGINE.run(plan(tmp_path, cases, [MODEL, one], unit="study"), out=tmp_path / "out", resume=False)
    alone = plan(tmp_path, cases, [MODEL], unit="study")
    ENGINE.run(alone, out=tmp_path / "alone", resume=False)
    both = [row for row in read_inference(tmp_path / "out").to_pylist() if row["model"] == "m"]
    assert both == read_inference(tmp_path / "alone").to_pylist()


def test_all_slices_that_fit_are_one_volume(plan: Make, pairs: Make, tmp_path: Path) -> None:
    """Two series of three slices in each study; the one is bright where the other is dark."""
    from pydicom import dcmread

    cases = pairs(2)
    _three_inputs(tmp_path / "three.onnx", axes=5)
    studies = []
    for case in cases:
        files = []
        for name, source in zip(("T1", "T2"), case.files, strict=True):
            for level in range(3):
                image = dcmread(source)
                image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
                image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"{image.SOPInstanceUID}.{level}"[
                    -60:
                ]
                image.Modality, image.SeriesDescription, image.FrameOfReferenceUID = "MR", name, "1.2.3"
                image.ImagePositionPatient, image.PixelSpacing = [0, 0, 2 * level], [1, 1]
                image.ImageOrientationPatient, image.SliceThickness = [1, 0, 0, 0, 1, 0], 2
                files.append(source.with_name(f"{source.stem}-{name}-{level}.dcm"))
                image.save_as(files[-1], enforce_file_format=True)
        studies.append(dataclasses.replace(case, files=tuple(files)))
    inputs = {
        name: {"image": {"SeriesDescription": [said]}, "input": "series", "preprocess": STEPS}
        for name, said in (("first", "T1"), ("second", "T2"))
    }
    model = {**MODEL, "inputs": {**inputs, "clinical": INPUTS["clinical"]}}
    ENGINE.run(plan(tmp_path, tuple(studies), [model], unit="study"), out=tmp_path / "out", resume=False)
    scores = _scores(tmp_path / "out")
    for number, case in enumerate(cases):
        expected = _mean(case.files[0]) - 2 * _mean(case.files[1]) + (40 + number) / 100
        assert scores[case.unit] == pytest.approx(expected, abs=1e-5)


def test_the_dry_run_shows_what_goes_into_each_input(plan: Make, pairs: Make, tmp_path: Path) -> None:
    made = plan(tmp_path, pairs(3), [MODEL], unit="study")
    rows = input_statistics(made)
    assert [row["input"] for row in rows[:3]] == ["first", "second", "clinical"]
    assert [row["shape"] for row in rows[:3]] == [[1, 8, 8], [1, 8, 8], [1]]
    assert rows[2]["mean"] == 40.0
    assert all(row["failure"] is None for row in dry_run(made))


def test_an_ensemble_with_a_member_that_no_disturbance_reaches_is_refused(
    plan: Make, pairs: Make, tmp_path: Path
) -> None:
    cases = pairs(2)
    (tmp_path / "a.csv").write_text("case_id,p\n" + "".join(f"{case.keys['case_id']},0.5\n" for case in cases))
    plain = {"format": "onnx", "path": "tiny.onnx", "contained": False}
    table = {"format": "predictions", "path": "a.csv", "key": "case_id", "score": "p"}
    block = {"format": "ensemble", "path": None, "options": {"members": [plain, table]}}
    block["input"] = {"aggregate": {"to": "study", "score": "max"}}
    with pytest.raises(ProtocolError, match=r"model 'm\.member_2' is not given its pixels here"):
        plan(tmp_path, cases, [block], unit="study", passes=(CLEAN, NOISE))


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"precision": "float16"}, "is not given its pixels here, so they can't be rounded for it"),
        ({"device": "cpu"}, "is not computed here, so it can't be put on another device"),
    ],
)
def test_a_check_that_does_not_reach_a_model_is_refused(
    overrides: dict[str, Any], says: str, plan: Make, study: Make, tmp_path: Path
) -> None:
    """Else a table of predictions would pass for one that no device and no rounding moves."""
    constant = {"format": "constant", "path": None, "options": {"value": 0.5}, "preprocess": []}
    with pytest.raises(ProtocolError, match=says):
        plan(tmp_path, study(tmp_path / "dicom", 2), [constant], passes=(CLEAN, Pass("x", engine_overrides=overrides)))
