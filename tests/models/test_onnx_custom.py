"""Custom operators of an ONNX model: machine code, refused unless each is named, and then run in a confined child."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from validate.errors import ModelError
from validate.models.onnx import ADAPTER

Make = Callable[..., Any]
LIBRARIES = Path(__file__).parents[2] / ".services/onnxruntime-extensions"
NAME = "ai.onnx.contrib:NegPos"


def _with_custom_operator() -> bytes:
    """The tiny model, whose logits go through NegPos: parts below and above zero, the latter is read."""
    shape = ["batch", 1, "y", "x"]
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "four"], ["scaled"]),
        helper.make_node("NegPos", ["scaled"], ["below", "above"], domain="ai.onnx.contrib"),
    ]
    graph = helper.make_graph(
        nodes,
        "custom",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("above", TensorProto.FLOAT, None)],
        [helper.make_tensor("four", TensorProto.FLOAT, [1], [4.0])],
    )
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.contrib", 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=9).SerializeToString()


def _block(model: Make, where: Path, **changes: Any) -> Any:
    digest = hashlib.sha256(where.read_bytes()).hexdigest()
    custom = {"library": where.name, "sha256": digest, "names": [NAME], **changes}
    output = {"name": "above", "activation": "none", "kind": "score"}
    return model(path="custom.onnx", output=output, options={"custom_operators": custom})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "custom.onnx").write_bytes(_with_custom_operator())
    (tmp_path / "operators.so").write_bytes(b"\x7fELF, but no library")
    return tmp_path


def test_an_operator_that_is_not_named_is_refused(model: Make, folder: Path) -> None:
    with pytest.raises(ModelError, match=rf"foreign code, which is refused: {NAME}.*name these and the library"):
        ADAPTER.load(model(path="custom.onnx"), base=folder, device="cpu")
    with pytest.raises(ModelError, match=rf"refused: {NAME}"):
        ADAPTER.load(_block(model, folder / "operators.so", names=["ai.onnx.contrib:Other"]), base=folder, device="cpu")


def test_another_library_than_the_named_one_is_refused(model: Make, folder: Path) -> None:
    with pytest.raises(ModelError, match=r"custom_operators\.sha256: the library's SHA-256 is \w+, the protocol says"):
        ADAPTER.load(_block(model, folder / "operators.so", sha256="0" * 64), base=folder, device="cpu")
    with pytest.raises(ModelError, match=r"custom_operators\.library: no file at"):
        ADAPTER.load(_block(model, folder / "operators.so", library="absent.so"), base=folder, device="cpu")


def test_what_is_no_library_is_said(model: Make, folder: Path) -> None:
    with pytest.raises(ModelError, match="can't open this model"):
        ADAPTER.load(_block(model, folder / "operators.so"), base=folder, device="cpu")


@pytest.mark.services
def test_a_real_library_runs_in_a_confined_child_and_the_evidence_says_so(
    model: Make, batch: Make, folder: Path
) -> None:
    found = sorted(LIBRARIES.rglob("_extensions_pydll*.so"))
    assert found, "please run .ci/services, which fetches onnxruntime-extensions"
    shutil.copy(found[0], folder / "operators.so")
    loaded = ADAPTER.load(_block(model, folder / "operators.so"), base=folder, device="cpu")
    try:
        images = batch(2)
        means = images.pixels.astype(np.float64).mean(axis=(1, 2, 3))
        assert [one.scores["score"] for one in loaded.predict(images)] == pytest.approx((4 * means).tolist(), rel=1e-6)
        notes = " ".join(loaded.identity.notes)
        assert f"custom operators {NAME} of the library operators.so" in notes
        assert "no_network" in notes
    finally:
        loaded.close()
