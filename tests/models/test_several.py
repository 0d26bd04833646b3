"""Ensembles, test-time augmentation and models of several named inputs: what was done stands in the evidence, and nothing is guessed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from validate.errors import ModelError, ProtocolError
from validate.models.adapter import Batch
from validate.models.load import load_one
from validate.models.prediction import ClassScores, Failure
from validate.protocol.model import Model

Make = Callable[..., Any]


def _open(block: Model, folder: Path) -> Any:
    return load_one(block, base=folder, device="cpu", threads=1)


def _score(result: Any) -> float:
    assert isinstance(result, ClassScores), result
    return result.scores["score"]


# --- ensembles


@pytest.fixture
def two(tmp_path: Path, onnx_bytes: Make) -> Path:
    (tmp_path / "a.onnx").write_bytes(onnx_bytes())
    (tmp_path / "b.onnx").write_bytes(onnx_bytes(weight=2.0))
    return tmp_path


MEMBERS = [{"format": "onnx", "path": "a.onnx"}, {"format": "onnx", "path": "b.onnx"}]


def _by_hand(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits: 4 and 2 times the mean, less 1.5."""
    mean = pixels.astype(np.float64).mean(axis=(1, 2, 3))
    return 4 * mean - 1.5, 2 * mean - 1.5


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-logits)))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, lambda a, b: (_sigmoid(a) + _sigmoid(b)) / 2),
        ({"of": "raw"}, lambda a, b: _sigmoid((a + b) / 2)),
        ({"combine": "max"}, lambda a, b: np.maximum(_sigmoid(a), _sigmoid(b))),
        ({"weights": [3.0, 1.0]}, lambda a, b: (3 * _sigmoid(a) + _sigmoid(b)) / 4),
    ],
)
def test_the_members_numbers_become_one_by_the_stated_rule(
    options: dict[str, Any], expected: Any, model: Make, batch: Make, two: Path
) -> None:
    loaded = _open(model(format="ensemble", path=None, options={"members": MEMBERS, **options}), two)
    images = batch(4)
    found = [_score(result) for result in loaded.predict(images)]
    assert found == pytest.approx(expected(*_by_hand(images.pixels)), rel=1e-6)
    loaded.close()


def test_the_identity_names_every_member_and_its_digest(model: Make, two: Path) -> None:
    loaded = _open(model(format="ensemble", path=None, options={"members": MEMBERS}), two)
    notes = loaded.identity.notes
    assert notes[0] == "ensemble of 2: mean of scores"
    assert notes[1].startswith("member_1: onnx, SHA-256 ")
    assert loaded.identity.parameters == 4
    other = _open(model(format="ensemble", path=None, options={"members": [MEMBERS[0], MEMBERS[0]]}), two)
    assert loaded.identity.digest != other.identity.digest
    loaded.close()
    other.close()


@pytest.mark.parametrize(
    ("member", "says"),
    [
        ({"format": "onyx"}, r"members\[1\]\.format: got 'onyx', expected one of"),
        ({"format": "ensemble"}, r"got 'ensemble'"),
        ({"format": "onnx", "path": "a.onnx", "treshold": 1}, r"members\[1\]\.treshold: not a key of a member"),
        ({"format": "onnx", "path": 7}, r"members\[1\]\.path"),
    ],
)
def test_a_member_that_makes_no_sense_is_named(member: dict[str, Any], says: str, model: Make, two: Path) -> None:
    with pytest.raises(ProtocolError, match=says):
        _open(model(format="ensemble", path=None, options={"members": [MEMBERS[0], member]}), two)


def test_a_member_that_fails_on_a_case_fails_it_and_no_mean_is_made_of_the_others(
    model: Make, batch: Make, two: Path
) -> None:
    images = batch(2)
    (two / "b.csv").write_text("case_id,p\nA0,0.5\n")
    output = {"activation": "none", "kind": "probability"}
    table = {"format": "predictions", "path": "b.csv", "key": "case_id", "score": "p", "output": output}
    loaded = _open(model(format="ensemble", path=None, options={"members": [MEMBERS[0], table]}), two)
    first, second = loaded.predict(images)
    assert isinstance(first, ClassScores)
    assert second == Failure("missing_output", "member_2: The table of predictions has no row for this case.")
    assert loaded.coverage(images.cases)["members"]["member_2"]["cases_without_row"] == 1
    assert not loaded.identity.witnessed
    loaded.close()


# --- test-time augmentation

CORNER = b"""
def logits(images):
    return images[:, 0, 0, 0].astype("float64") - images[:, 0, 0, -1]
"""


def test_the_views_are_what_their_names_say_and_are_recorded(model: Make, batch: Make, tmp_path: Path) -> None:
    """The model tells left from right, so a mirrored view turns its answer; the mean of both is no answer at all."""
    (tmp_path / "corner.py").write_bytes(CORNER)
    plain = {"format": "python", "path": "corner.py", "options": {"call": "corner:logits"}}
    views = {"transforms": ["identity", "flip_x"], "of": "raw"}
    loaded = _open(model(**plain, test_time_augmentation=views), tmp_path)
    images = batch(3)
    assert [_score(result) for result in loaded.predict(images)] == pytest.approx([0.5] * 3, abs=1e-9)
    assert loaded.identity.notes[-1] == "test-time augmentation: identity, flip_x; mean of raw outputs"
    loaded.close()


def test_augmentation_without_pixels_is_refused(model: Make, tmp_path: Path) -> None:
    block = model(format="constant", path=None, test_time_augmentation={"transforms": ["flip_x"]})
    with pytest.raises(ModelError, match="is given no pixels here, so there is nothing to turn or mirror"):
        _open(block, tmp_path)


def test_raw_outputs_of_every_view_are_turned_back_before_they_are_combined(model: Make, tmp_path: Path) -> None:
    """A model that says of each voxel what it is, on a picture that is the same from no side: all views agree."""
    (tmp_path / "same.py").write_text("def same(images):\n    return images\n")
    plain = {"format": "python", "path": "same.py", "options": {"call": "same:same"}}
    views = {"transforms": ["identity", "flip_x", "flip_y", "rotate_90", "rotate_180", "rotate_270"], "of": "raw"}
    loaded = _open(
        model(**plain, test_time_augmentation=views, output={"activation": "none", "kind": "mask"}), tmp_path
    )
    pixels = np.arange(2 * 4 * 5, dtype=np.float32).reshape(1, 2, 4, 5)
    assert loaded.raw(pixels) == pytest.approx(pixels)
    loaded.close()
    scored = _open(model(**plain, test_time_augmentation={**views, "of": "scores"}), tmp_path)
    with pytest.raises(ModelError, match="masks are made of raw outputs; say of: raw"):
        scored.raw(pixels)
    scored.close()


def test_an_ensemble_combines_raw_outputs_for_masks(model: Make, tmp_path: Path) -> None:
    (tmp_path / "two.py").write_text("def one(images):\n    return images\ndef three(images):\n    return 3 * images\n")
    members = [{"format": "python", "path": "two.py", "call": f"two:{name}"} for name in ("one", "three")]
    loaded = _open(model(format="ensemble", path=None, options={"members": members, "of": "raw"}), tmp_path)
    pixels = np.ones((1, 1, 2, 2), np.float32)
    assert loaded.raw(pixels) == pytest.approx(2 * pixels)
    loaded.close()


# --- several named inputs


def _two_inputs() -> bytes:
    """logits = mean(image) + clinical · (0.1, 0.5)."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["clinical", "weights"], ["risk"]),
        helper.make_node("Add", ["flat", "risk"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "two",
        [
            helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, "y", "x"]),
            helper.make_tensor_value_info("clinical", TensorProto.FLOAT, ["batch", 2]),
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1])],
        [helper.make_tensor("weights", TensorProto.FLOAT, [2, 1], [0.1, 0.5])],
    )
    made: onnx.ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return made.SerializeToString()


def _image(path: Path, value: float, view: str = "PA") -> Path:
    """A DICOM image of one value, in grey from 0 to 255."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = f"1.2.3.{int(value)}.{len(view)}"
    image.ViewPosition, image.PhotometricInterpretation = view, "MONOCHROME2"
    image.Rows = image.Columns = 8
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit, image.PixelRepresentation, image.SamplesPerPixel = 7, 0, 1
    image.PixelData = np.full((8, 8), value, np.uint8).tobytes()
    image.save_as(path, enforce_file_format=True)
    return path


GREY = ({"window": {"source": "full_range"}},)
CLINICAL = {"columns": ["age", "sex"], "codes": {"sex": {"F": 0, "M": 1}}}


@pytest.fixture
def both(model: Make, tmp_path: Path) -> Callable[..., Any]:
    (tmp_path / "two.onnx").write_bytes(_two_inputs())

    def made(**changes: Any) -> Any:
        inputs = {"image": {"image": {"ViewPosition": ["PA", "AP"]}, "preprocess": GREY}, "clinical": CLINICAL}
        inputs |= changes
        output = {"activation": "none", "kind": "score"}
        return _open(model(path="two.onnx", inputs=inputs, output=output), tmp_path)

    return made


def test_images_and_table_columns_are_named_inputs(both: Any, cases: Make, tmp_path: Path) -> None:
    files = (_image(tmp_path / "pa.dcm", 51), _image(tmp_path / "ll.dcm", 204, "LL"))
    loaded = both()
    assert not loaded.needs_pixels
    (old,) = cases(1, attributes={"age": 70.0, "sex": "M"}, files=files)
    (young,) = cases(1, attributes={"age": 20.0, "sex": "F"}, files=files)
    results = loaded.predict(Batch((old, young)))
    # by hand: 51 of 255 is 0.2; 0.2 + 7 + 0.5 and 0.2 + 2
    assert [_score(result) for result in results] == pytest.approx([7.7, 2.2], abs=1e-5)
    assert "numbers age, sex; a case that lacks one is a failure" in loaded.identity.notes[-1]


def test_what_is_missing_is_a_failure_unless_the_protocol_says_what_stands_for_it(
    both: Any, cases: Make, tmp_path: Path
) -> None:
    files = (_image(tmp_path / "pa.dcm", 51),)
    (case,) = cases(1, attributes={"age": None, "sex": "F"}, files=files)
    assert both().predict(Batch((case,))) == [
        Failure("missing_input", "Input 'clinical': age is missing for this case.")
    ]
    assert both().coverage((case,))["values_missing"] == {"clinical.age": 1, "clinical.sex": 0}
    filled = both(clinical={**CLINICAL, "missing": {"fill": {"age": 60}}})
    assert _score(filled.predict(Batch((case,)))[0]) == pytest.approx(6.2, abs=1e-5)
    assert filled.identity.notes[-1].endswith("where missing: age 60")


@pytest.mark.parametrize(
    ("attributes", "views", "says"),
    [
        ({"age": 60.0, "sex": "X"}, ("PA",), "sex is no number and has no code"),
        ({"age": 60.0, "sex": "F"}, ("LL",), "0 of this case's 1 files fit its description"),
        ({"age": 60.0, "sex": "F"}, ("PA", "AP"), "2 of this case's 2 files fit its description"),
    ],
)
def test_an_input_that_is_wrong_or_ambiguous_fails_its_case(
    both: Any, cases: Make, tmp_path: Path, attributes: dict[str, Any], views: tuple[str, ...], says: str
) -> None:
    files = tuple(_image(tmp_path / f"{view}.dcm", 51, view) for view in views)
    (result,) = both().predict(Batch(cases(1, attributes=attributes, files=files)))
    assert isinstance(result, Failure)
    assert says in result.detail


def test_a_missing_image_may_be_zeros_where_the_protocol_says_so(both: Any, cases: Make) -> None:
    given = {"image": {"ViewPosition": ["PA"]}, "preprocess": GREY, "missing": {"zeros": [1, 8, 8]}}
    (result,) = both(image=given).predict(Batch(cases(1, attributes={"age": 10.0, "sex": "M"})))
    assert _score(result) == pytest.approx(1.5, abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"clinical": {"columns": ["age"]}}, "names 1 columns, and the model takes 2 numbers there"),
        ({"laboratory": {"columns": ["crp"]}}, "the model's inputs are 'image', 'clinical'; the protocol gives"),
        ({"image": {"columns": ["age", "sex"]}}, "table columns are numbers of"),
        ({"clinical": {"image": {}}}, "an image is float32 of"),
    ],
)
def test_inputs_that_are_not_the_models_are_refused(both: Any, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        both(**changes)


def test_a_model_of_several_inputs_asks_for_them(model: Make, tmp_path: Path) -> None:
    (tmp_path / "two.onnx").write_bytes(_two_inputs())
    with pytest.raises(ModelError, match=r"has 2 inputs, 'image', 'clinical'.*Say under `inputs` what each of them"):
        _open(model(path="two.onnx"), tmp_path)


def test_an_attribute_that_no_case_has_stops_before_anything_runs(both: Any, cases: Make) -> None:
    with pytest.raises(ModelError, match=r"the cases have no attribute 'age'; they have 'sex'. Join it"):
        both().coverage(cases(2, attributes={"sex": "F"}))


def test_a_format_that_gathers_its_own_inputs_refuses_them(model: Make, tmp_path: Path) -> None:
    block = model(format="constant", path=None, inputs={"image": {"image": {}}})
    with pytest.raises(ProtocolError, match="the 'constant' format gathers its own inputs"):
        _open(block, tmp_path)


def test_a_callable_gets_its_inputs_by_their_names(model: Make, cases: Make, tmp_path: Path) -> None:
    program = "def risk(image, clinical):\n    return image.mean(axis=(1, 2, 3)) + clinical.sum(axis=1)\n"
    (tmp_path / "risk.py").write_text(program)
    inputs = {"image": {"image": {}, "preprocess": GREY}, "clinical": {"columns": ["age"]}}
    output = {"activation": "none", "kind": "score"}
    block = model(format="python", path="risk.py", options={"call": "risk:risk"}, inputs=inputs, output=output)
    loaded = _open(block, tmp_path)
    given = cases(1, attributes={"age": 40.0}, files=(_image(tmp_path / "pa.dcm", 51),))
    (result,) = loaded.predict(Batch(given))
    assert _score(result) == pytest.approx(40.2, abs=1e-5)
    assert loaded.numbers(given[0])["clinical"].tolist() == [40.0]
    loaded.close()
