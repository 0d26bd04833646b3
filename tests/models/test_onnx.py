"""ONNX models: what is run is what was asked for, and what can't be run is said in one sentence."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from validate.errors import ModelError, ProtocolError
from validate.models.adapter import Batch
from validate.models.onnx import ADAPTER
from validate.models.onnx_session import open_session
from validate.models.prediction import ClassScores

Make = Callable[..., Any]
Save = Callable[[str, bytes], Path]


def _scores(results: Any) -> list[float]:
    return [result.scores["score"] for result in results]


def test_the_scores_are_those_computed_by_hand(
    model: Make, onnx_bytes: Make, saved: Save, batch: Make, expected: Make
) -> None:
    loaded = ADAPTER.load(model(), base=saved("tiny.onnx", onnx_bytes()), device="cpu")
    images = batch(5)
    assert _scores(loaded.predict(images)) == pytest.approx(expected(images.pixels), abs=1e-7)
    loaded.close()


def test_the_identity_says_what_was_run(model: Make, onnx_bytes: Make, saved: Save) -> None:
    content = onnx_bytes()
    identity = ADAPTER.load(model(), base=saved("tiny.onnx", content), device="cpu").identity
    assert identity.digest == hashlib.sha256(content).hexdigest()
    assert identity.provider == "CPUExecutionProvider"
    assert identity.runtime.startswith("onnxruntime")
    assert identity.opset == "ai.onnx 17"
    assert identity.parameters == 2
    assert identity.inputs == ({"name": "image", "type": "float32", "shape": ["batch", 1, "height", "width"]},)
    assert identity.outputs == ({"name": "logits", "type": "float32", "shape": ["batch", 1]},)
    assert identity.witnessed


def test_a_digest_mismatch_shows_both_digests_before_anything_is_read(model: Make, saved: Save) -> None:
    base = saved("tiny.onnx", b"not even a model")
    found = hashlib.sha256(b"not even a model").hexdigest()
    with pytest.raises(ModelError, match=f"its SHA-256 is {found}, the protocol says {'a' * 64}.*Get the right file"):
        ADAPTER.load(model(sha256="a" * 64), base=base, device="cpu")


def test_the_stated_digest_may_be_in_capitals(model: Make, onnx_bytes: Make, saved: Save) -> None:
    content = onnx_bytes()
    stated = hashlib.sha256(content).hexdigest().upper()
    assert ADAPTER.load(model(sha256=stated), base=saved("tiny.onnx", content), device="cpu").identity.digest


@pytest.mark.parametrize(
    ("path", "says"),
    [("absent.onnx", "no file at .*Relative paths start from"), ("", "is a folder"), (None, "path: missing")],
)
def test_a_path_that_leads_nowhere_says_where_it_looked(
    model: Make, tmp_path: Path, path: str | None, says: str
) -> None:
    with pytest.raises(ModelError, match=says):
        ADAPTER.load(model(path=path), base=tmp_path, device="cpu")


@pytest.mark.parametrize("content", [b"", b"junk", b"\x00" * 64, b"PK\x03\x04" + b"\x00" * 64, b"\xff" * 4096])
def test_what_is_no_model_is_refused_in_a_sentence(model: Make, saved: Save, content: bytes) -> None:
    with pytest.raises(ModelError, match=r"models\.m\.path: this is not an ONNX model"):
        ADAPTER.load(model(), base=saved("tiny.onnx", content), device="cpu")


def test_every_truncation_of_a_model_is_refused(model: Make, onnx_bytes: Make, saved: Save) -> None:
    content = onnx_bytes()
    for length in range(0, len(content) - 1, 7):
        with pytest.raises(ModelError):
            ADAPTER.load(model(), base=saved("tiny.onnx", content[:length]), device="cpu")


def test_custom_operators_are_refused_by_name(model: Make, onnx_bytes: Make, saved: Save) -> None:
    with pytest.raises(ModelError, match=r"foreign code, which is refused: com\.evil:Spy"):
        ADAPTER.load(model(), base=saved("tiny.onnx", onnx_bytes(operator="Spy", domain="com.evil")), device="cpu")


def test_an_operator_that_loads_a_file_is_refused(model: Make, onnx_bytes: Make, saved: Save) -> None:
    content = onnx_bytes(operator="EPContext", domain="com.microsoft")
    with pytest.raises(ModelError, match=r"com\.microsoft:EPContext"):
        ADAPTER.load(model(), base=saved("tiny.onnx", content), device="cpu")


def test_an_unknown_standard_operator_is_said_by_the_runtime(model: Make, onnx_bytes: Make, saved: Save) -> None:
    with pytest.raises(ModelError, match=r"onnxruntime .* can't open this model: .*Gemmm"):
        ADAPTER.load(model(), base=saved("tiny.onnx", onnx_bytes(operator="Gemmm")), device="cpu")


@pytest.mark.parametrize(("driver", "says"), [(False, "no NVIDIA driver was found"), (True, "a driver was found")])
def test_cuda_asked_for_and_missing_is_an_error_not_a_fallback(
    model: Make,
    onnx_bytes: Make,
    saved: Save,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    driver: bool,
    says: str,
) -> None:
    monkeypatch.setattr("validate.models.onnx_session._driver_found", lambda: driver)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(ModelError, match=rf"device 'cuda' was asked for.*{says}.*--device cpu"):
        ADAPTER.load(model(options={"contained": False}), base=saved("tiny.onnx", onnx_bytes()), device="cuda")
    assert capfd.readouterr() == ("", "")


def test_auto_records_that_the_cpu_was_used(model: Make, onnx_bytes: Make, saved: Save) -> None:
    identity = ADAPTER.load(model(), base=saved("tiny.onnx", onnx_bytes()), device="auto").identity
    if identity.provider == "CPUExecutionProvider":
        assert identity.notes[0] == "device 'auto': CUDA is not usable here, so the CPU was used"


def test_weights_in_another_file_are_read_and_digested(
    model: Make, onnx_bytes: Make, saved: Save, batch: Make, expected: Make
) -> None:
    content, weights = onnx_bytes(external="tiny.data"), np.array([4.0], dtype=np.float32).tobytes()
    saved("tiny.data", weights)
    loaded = ADAPTER.load(model(), base=saved("tiny.onnx", content), device="cpu")
    images = batch(3)
    assert _scores(loaded.predict(images)) == pytest.approx(expected(images.pixels), abs=1e-7)
    # what `sha256sum tiny.data tiny.onnx | sha256sum` prints
    listing = "".join(
        f"{hashlib.sha256(part).hexdigest()}  {name}\n"
        for name, part in [("tiny.data", weights), ("tiny.onnx", content)]
    )
    assert loaded.identity.digest == hashlib.sha256(listing.encode()).hexdigest()


def test_a_missing_weight_file_is_named(model: Make, onnx_bytes: Make, saved: Save) -> None:
    with pytest.raises(ModelError, match=r"weights in another file, 'gone\.data', and it is missing"):
        ADAPTER.load(model(), base=saved("tiny.onnx", onnx_bytes(external="gone.data")), device="cpu")


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "a/../../secret"])
def test_weights_outside_the_models_folder_are_refused(
    model: Make, onnx_bytes: Make, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(b"\0" * 4)
    (folder / "tiny.onnx").write_bytes(onnx_bytes(external=name))
    with pytest.raises(ModelError, match="lies outside the model's folder: refused"):
        ADAPTER.load(model(path="models/tiny.onnx"), base=tmp_path, device="cpu")


def test_a_link_out_of_the_models_folder_is_refused(model: Make, onnx_bytes: Make, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(b"\0" * 4)
    (folder / "innocent").symlink_to(tmp_path / "secret")
    (folder / "tiny.onnx").write_bytes(onnx_bytes(external="innocent"))
    with pytest.raises(ModelError, match="lies outside"):
        ADAPTER.load(model(path="models/tiny.onnx"), base=tmp_path, device="cpu")


def test_a_wrong_image_names_the_step_to_change(model: Make, onnx_bytes: Make, saved: Save) -> None:
    content = onnx_bytes(shape=("batch", 3, 224, 224))
    loaded = ADAPTER.load(model(), base=saved("tiny.onnx", content), device="cpu")
    assert loaded.misfit((3, 224, 224)) is None
    assert "(3, 128, 128), as (channel, y, x), but the model takes (3, 224, 224)" in str(loaded.misfit((3, 128, 128)))
    assert "resize: {size: [224, 224]" in str(loaded.misfit((3, 128, 128)))
    assert "3 channel(s)" in str(loaded.misfit((1, 224, 224)))
    assert loaded.misfit((224, 224)) is not None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"element": TensorProto.DOUBLE}, "takes float64; images are given as float32"),
        ({"outputs": ("a", "b")}, "missing; this model has 2 outputs, 'a', 'b'"),
        ({"columns": 2}, "index: missing; this output has 2 numbers per case"),
    ],
)
def test_an_interface_that_does_not_fit_is_found_at_load(
    model: Make, onnx_bytes: Make, saved: Save, changes: dict[str, Any], says: str
) -> None:
    content = onnx_bytes(**changes)
    if changes.get("element") == TensorProto.DOUBLE:
        content = _double_input()
    with pytest.raises(ModelError, match=says):
        ADAPTER.load(model(), base=saved("tiny.onnx", content), device="cpu")


def test_a_volume_model_is_refused_for_images(model: Make, saved: Save) -> None:
    with pytest.raises(ModelError, match=r"has 5 axes, .*images are given as \(batch, channel, y, x\)"):
        ADAPTER.load(model(), base=saved("tiny.onnx", _five_axes()), device="cpu")


def test_a_fixed_batch_is_filled_up_and_cut_again(
    model: Make, onnx_bytes: Make, saved: Save, batch: Make, expected: Make
) -> None:
    loaded = ADAPTER.load(model(), base=saved("tiny.onnx", onnx_bytes(shape=(4, 1, 8, 8))), device="cpu")
    assert loaded.fixed_batch == 4
    images = batch(3)
    assert _scores(loaded.predict(images)) == pytest.approx(expected(images.pixels), abs=1e-7)


def test_this_format_takes_no_keys_of_its_own(model: Make, tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match=r"models\.m\.delimiter"):
        ADAPTER.load(model(options={"delimiter": ";"}), base=tmp_path, device="cpu")


def test_the_threads_do_not_change_a_bit(model: Make, onnx_bytes: Make, saved: Save, batch: Make) -> None:
    base, images = saved("tiny.onnx", onnx_bytes()), batch(16, size=64)
    runs = [ADAPTER.load(model(), base=base, device="cpu", threads=threads).predict(images) for threads in (1, 2, 4)]
    assert runs[0] == runs[1] == runs[2]


def test_an_onnx_run_does_not_import_torch_and_says_nothing_on_its_own(
    model: Make, onnx_bytes: Make, saved: Save
) -> None:
    base = saved("tiny.onnx", onnx_bytes())
    program = f"""
import sys, numpy
from pathlib import Path
from validate.models.onnx import ADAPTER
from validate.models.onnx_session import open_session
from validate.models.adapter import Batch
from validate.protocol.model import Model
model = Model.model_validate({model().model_dump()!r})
loaded = ADAPTER.load(model, base=Path({str(base)!r}), device="auto")
loaded.predict(Batch((None,), numpy.zeros((1, 1, 8, 8), numpy.float32)))
assert "torch" not in sys.modules
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_a_batch_without_pixels_is_refused(model: Make, onnx_bytes: Make, saved: Save, cases: Make) -> None:
    loaded = ADAPTER.load(model(), base=saved("tiny.onnx", onnx_bytes()), device="cpu")
    with pytest.raises(ModelError, match="needs pixels"):
        loaded.predict(Batch(cases(1)))


def test_raw_numbers_are_kept_beside_the_score(model: Make, onnx_bytes: Make, saved: Save, batch: Make) -> None:
    (result,) = ADAPTER.load(model(), base=saved("tiny.onnx", onnx_bytes()), device="cpu").predict(batch(1))
    assert isinstance(result, ClassScores)
    assert 1 / (1 + np.exp(-result.raw[0])) == pytest.approx(result.scores["score"])


def _double_input() -> bytes:
    from onnx import helper

    node = helper.make_node("ReduceMean", ["image"], ["logits"], axes=[1, 2, 3], keepdims=0)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("image", TensorProto.DOUBLE, ["n", 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.DOUBLE, ["n"])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()


def _five_axes() -> bytes:
    from onnx import helper

    node = helper.make_node("ReduceMean", ["image"], ["logits"], axes=[1, 2, 3, 4], keepdims=0)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, 8, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n"])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()


def test_an_operator_set_of_the_future_is_said(model: Make, onnx_bytes: Make, saved: Save) -> None:
    import onnx

    proto = onnx.load_from_string(onnx_bytes())
    proto.opset_import[0].version = 99
    with pytest.raises(ModelError, match=r"can't open this model: .*[Oo]pset 99"):
        ADAPTER.load(model(), base=saved("tiny.onnx", proto.SerializeToString()), device="cpu")


def test_inputs_bound_where_they_lie_give_the_same_numbers(onnx_bytes: Make, batch: Make) -> None:
    """As on a GPU, here with memory of the processor: a value of the runtime's, and a tensor of torch's by its address."""
    import onnxruntime
    import torch

    session = open_session(onnx_bytes(), {}, device="cpu", provider=None, threads=1)
    pixels = batch(4).pixels
    plain = session.run(["logits"], {"image": pixels})
    value = onnxruntime.OrtValue.ortvalue_from_numpy(pixels, "cpu", 0)
    for given in (value, torch.from_numpy(pixels)):
        np.testing.assert_array_equal(session.computed(["logits"], {"image": given}), plain)
    assert session.placed({"image": pixels})["image"] is pixels
