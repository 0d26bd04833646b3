"""Weights alone: safetensors or a state dict for a named architecture; what runs code needs the explicit word, and is printed."""

from __future__ import annotations

import io
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from validate.errors import ModelError, ProtocolError
from validate.models.torch import ADAPTER, UNPICKLED
from validate.models.torch_weights import weights_kind

pytestmark = pytest.mark.slow  # a child that loads torch for each; the contract test does it once in the default suite
Make = Callable[..., Any]

NETWORK = """
import torch

class Tiny(torch.nn.Module):
    def __init__(self, columns=1):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(columns, 1))
        self.bias = torch.nn.Parameter(torch.zeros(columns))

    def forward(self, image):
        return torch.nn.functional.linear(image.mean((2, 3)), self.weight, self.bias)
"""
ARCHITECTURE = {"architecture": "network:Tiny", "code": "network.py"}


def _weights() -> dict[str, Any]:
    import torch

    return {"weight": torch.tensor([[4.0]]), "bias": torch.tensor([-1.5])}


def _saved(thing: Any) -> bytes:
    import torch

    buffer = io.BytesIO()
    torch.save(thing, buffer)
    return buffer.getvalue()


class Evil:
    """Unpickling it writes a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "network.py").write_text(NETWORK)
    return tmp_path


@pytest.mark.parametrize("name", ["tiny.safetensors", "tiny.pt"])
def test_weights_and_a_named_architecture_give_the_scores_computed_by_hand(
    name: str, model: Make, batch: Make, expected: Make, folder: Path
) -> None:
    from safetensors.torch import save

    (folder / name).write_bytes(save(_weights()) if name.endswith("safetensors") else _saved(_weights()))
    loaded = ADAPTER.load(model(format="torch", path=name, options=ARCHITECTURE), base=folder, device="cpu", threads=1)
    try:
        images = batch(3)
        scores = [result.scores["score"] for result in loaded.predict(images)]
        assert scores == pytest.approx(expected(images.pixels), rel=1e-6)
        assert loaded.identity.parameters == 2
        assert loaded.identity.notes[0] == "callable network:Tiny"
        assert loaded.identity.opset is not None
        assert "weights" in loaded.identity.opset
    finally:
        loaded.close()


def test_the_digest_covers_the_code_of_the_architecture(model: Make, folder: Path) -> None:
    from safetensors.torch import save

    (folder / "tiny.safetensors").write_bytes(save(_weights()))
    block = model(format="torch", path="tiny.safetensors", options=ARCHITECTURE)
    first = ADAPTER.load(block, base=folder, device="cpu", threads=1)
    first.close()
    (folder / "network.py").write_text(NETWORK + "\n# changed\n")
    second = ADAPTER.load(block, base=folder, device="cpu", threads=1)
    second.close()
    assert first.identity.digest != second.identity.digest


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ({"weight": [[4.0]]}, "1 tensors of the architecture are not in the file .the first is 'bias'"),
        ({"weight": [[4.0]], "bias": [1.0], "head": [1.0]}, "1 tensors of the file are not in the architecture"),
        ({"weight": [[4.0], [2.0]], "bias": [1.0, 2.0]}, r"'weight' is \(2, 1\) in the file and \(1, 1\)"),
    ],
)
def test_weights_of_another_architecture_are_refused(
    weights: dict[str, Any], says: str, model: Make, folder: Path
) -> None:
    import torch
    from safetensors.torch import save

    (folder / "a.safetensors").write_bytes(save({name: torch.tensor(value) for name, value in weights.items()}))
    with pytest.raises(ModelError, match=f"do not belong to this architecture.*{says}"):
        ADAPTER.load(
            model(format="torch", path="a.safetensors", options=ARCHITECTURE), base=folder, device="cpu", threads=1
        )


def test_a_hostile_pickle_is_not_opened_and_could_not_write_if_it_were(model: Make, folder: Path) -> None:
    target = folder / "written"
    (folder / "evil.pt").write_bytes(_saved({"weight": Evil(str(target))}))
    with pytest.raises(ModelError, match=r"holds more than weights.*refused.*unpickle: true, which the report prints"):
        ADAPTER.load(model(format="torch", path="evil.pt", options=ARCHITECTURE), base=folder, device="cpu", threads=1)
    assert not target.exists()
    with pytest.raises(ModelError):
        ADAPTER.load(
            model(format="torch", path="evil.pt", options={**ARCHITECTURE, "unpickle": True}),
            base=folder,
            device="cpu",
            threads=1,
        )
    assert not target.exists()


def test_a_pickled_module_opens_only_at_the_explicit_word_and_the_evidence_says_so(
    model: Make, batch: Make, expected: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(folder))
    import importlib
    import sys

    network = importlib.import_module("network")
    try:
        tiny = network.Tiny()
        tiny.load_state_dict(_weights())
        (folder / "whole.pt").write_bytes(_saved(tiny))
    finally:
        del sys.modules["network"]
    with pytest.raises(ModelError, match="pickled weights or a pickled module"):
        ADAPTER.load(model(format="torch", path="whole.pt"), base=folder, device="cpu", threads=1)
    block = model(format="torch", path="whole.pt", options={"unpickle": True, "code": "."})
    loaded = ADAPTER.load(block, base=folder, device="cpu", threads=1)
    try:
        images = batch(2)
        scores = [result.scores["score"] for result in loaded.predict(images)]
        assert scores == pytest.approx(expected(images.pixels), rel=1e-6)
        assert UNPICKLED in loaded.identity.notes
    finally:
        loaded.close()


def test_safetensors_without_an_architecture_asks_for_one(model: Make, folder: Path) -> None:
    from safetensors.torch import save

    (folder / "a.safetensors").write_bytes(save(_weights()))
    with pytest.raises(ModelError, match=r"models\.m\.architecture: missing; a safetensors file holds weights only"):
        ADAPTER.load(model(format="torch", path="a.safetensors"), base=folder, device="cpu")


def test_code_without_an_architecture_is_a_mistake(model: Make, folder: Path) -> None:
    with pytest.raises(ProtocolError, match="code belongs to an architecture or to a pickled module"):
        ADAPTER.load(model(format="torch", path="a.pt", options={"code": "."}), base=folder, device="cpu")


def _safetensors(header: dict[str, Any], data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no safetensors file"),
        (b"\xff" * 64, "no safetensors file"),
        (_safetensors({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, b"\0\0"), "is torn"),
        (_safetensors({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, b"\0" * 8), "overlap, or leave gaps"),
        (_safetensors({"a": 7}, b""), "its header can't be read"),
    ],
)  # fmt: skip
def test_damaged_weights_are_refused_in_a_sentence(content: bytes, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        weights_kind(content, unpickle=False, where="models.m.path")
