"""Opening the models of a protocol: all of them, or none is left open."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from validate.errors import ModelError, ProtocolError
from validate.models import constant
from validate.models.adapter import OutOfMemory
from validate.models.load import load_models, opened_elsewhere
from validate.models.onnx import ADAPTER
from validate.protocol.passes import Pass

Make = Callable[..., Any]


def _protocol(*models: Any) -> Any:
    return SimpleNamespace(models=models, inference=SimpleNamespace(device="cpu", precision="float32"))


def test_models_are_opened_by_id(model: Make, tmp_path: Path) -> None:
    opened = load_models(_protocol(model(format="constant"), model(id="b", format="constant")), base=tmp_path)
    assert list(opened) == ["m", "b"]


def test_an_unknown_format_names_those_there_are(model: Make, tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match=r"no models plug-in called 'onyx'.*Did you mean 'onnx'"):
        load_models(_protocol(model(format="onyx")), base=tmp_path)


def test_a_model_that_fails_closes_those_already_open(
    model: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []
    monkeypatch.setattr(constant.ConstantModel, "close", lambda self: closed.append(self.identity.id))
    with pytest.raises(ModelError, match=r"models\.b\.path: no file"):
        load_models(_protocol(model(format="constant"), model(id="b")), base=tmp_path)
    assert closed == ["m"]


@pytest.mark.parametrize("message", ["CUDA out of memory", "Failed to allocate memory for requested buffer of size 9"])
def test_a_runtime_without_memory_asks_for_a_smaller_batch(
    model: Make, onnx_bytes: Make, saved: Make, batch: Make, message: str
) -> None:
    loaded = ADAPTER.load(model(options={"contained": False}), base=saved("tiny.onnx", onnx_bytes()), device="cpu")

    def exhausted(*_: Any) -> Any:
        raise RuntimeError(message)

    session = SimpleNamespace(run=exhausted)
    loaded._runner._session = dataclasses.replace(loaded._runner._session, session=session)
    with pytest.raises(OutOfMemory, match=message[:9]):
        loaded.predict(batch(1))


def test_fewer_rows_than_cases_is_a_wrong_model(model: Make, onnx_bytes: Make, saved: Make, batch: Make) -> None:
    loaded = ADAPTER.load(model(options={"contained": False}), base=saved("tiny.onnx", onnx_bytes()), device="cpu")
    session = SimpleNamespace(run=lambda *_: [np.zeros((1, 1), dtype=np.float32)])
    loaded._runner._session = dataclasses.replace(loaded._runner._session, session=session)
    with pytest.raises(ModelError, match=r"came out as \(1, 1\) for 3 cases; expected one row per case"):
        loaded.predict(batch(3))


def test_a_pass_on_another_device_opens_nothing_twice_that_is_computed_elsewhere(
    model: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vendor's node listens on one port: a second one could not be opened, and would change nothing."""
    protocol = _protocol(model(format="constant"))
    opened = load_models(protocol, base=tmp_path)
    monkeypatch.setattr(constant.ConstantAdapter, "load", None)
    with opened_elsewhere(protocol, tmp_path, (Pass("x", engine_overrides={"device": "cuda"}),), opened) as found:
        assert found == {("m", "cuda"): opened["m"]}
