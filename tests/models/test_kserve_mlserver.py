"""A real server of the Open Inference Protocol, MLServer, over HTTP and gRPC."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from server_process import free_ports, ready

from validate.models.kserve import ADAPTER

pytestmark = pytest.mark.services
Make = Callable[..., Any]
PROGRAM = Path(__file__).parents[2] / ".services/mlserver/bin/mlserver"
RUNTIME = """
import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse

class Tiny(MLModel):
    async def load(self):
        return True

    async def predict(self, payload):
        images = NumpyCodec.decode_input(payload.inputs[0]).astype("float64")
        logits = (4.0 * images.mean(axis=(1, 2, 3)) - 1.5)[:, None].astype("float32")
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("logits", logits)])
"""
SETTINGS = {
    "name": "tiny",
    "implementation": "tiny_runtime.Tiny",
    "platform": "by-hand",
    "parameters": {"version": "v1"},
    "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 1, -1, -1]}],
    "outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1, 1]}],
}


@pytest.fixture(scope="module")
def mlserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    assert PROGRAM.exists(), "please run .ci/services, which makes .services/mlserver"
    folder = tmp_path_factory.mktemp("mlserver")
    http, grpc, metrics = free_ports(3)
    (folder / "tiny_runtime.py").write_text(RUNTIME)
    (folder / "model-settings.json").write_text(json.dumps(SETTINGS))
    settings = {
        "host": "127.0.0.1",
        "http_port": http,
        "grpc_port": grpc,
        "metrics_port": metrics,
        "parallel_workers": 0,
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(PROGRAM), "start", str(folder)], cwd=folder, stdout=log, stderr=log,
            env={**os.environ, "PYTHONPATH": str(folder)},
        )  # fmt: skip
    with ready(process, f"http://127.0.0.1:{http}/v2/models/tiny/ready", folder / "log"):
        yield {"http": f"127.0.0.1:{http}", "grpc": f"127.0.0.1:{grpc}"}


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_a_real_server_gives_the_numbers_computed_by_hand(
    transport: str, mlserver: dict[str, str], model: Make, batch: Make, expected: Make, tmp_path: Path
) -> None:
    options = {"url": mlserver[transport], "transport": transport, "server_model": "tiny", "at_most": 2}
    loaded = ADAPTER.load(model(format="kserve", path=None, options=options), base=tmp_path, device="cpu")
    try:
        images = batch(5)
        found = [one.scores["score"] for one in loaded.predict(images)]
        assert found == pytest.approx(expected(images.pixels), rel=1e-6)
        assert loaded.identity.runtime.startswith("mlserver 1.")
        assert loaded.identity.inputs[0]["shape"] == [None, 1, None, None]
    finally:
        loaded.close()
