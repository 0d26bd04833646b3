"""A real Triton Inference Server: binary tensors over HTTP, gRPC, and gRPC with certificates on both sides."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from server_process import free_ports, ready

from validate.errors import ModelError
from validate.models.kserve import ADAPTER

pytestmark = pytest.mark.services
Make = Callable[..., Any]
PROGRAMS = Path(__file__).parents[2] / ".services/triton"
PACKAGES = PROGRAMS / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
HOME = PACKAGES / "pytriton/tritonserver"
CONFIGURATION = """
name: "tiny"
backend: "python"
max_batch_size: 0
input [{name: "image", data_type: TYPE_FP32, dims: [-1, 1, -1, -1]}]
output [{name: "logits", data_type: TYPE_FP32, dims: [-1, 1]}]
instance_group [{kind: KIND_CPU}]
"""
PROGRAM = """
import triton_python_backend_utils as backend

class TritonPythonModel:
    def execute(self, requests):
        answers = []
        for request in requests:
            images = backend.get_input_tensor_by_name(request, "image").as_numpy().astype("float64")
            logits = (4.0 * images.mean(axis=(1, 2, 3)) - 1.5)[:, None].astype("float32")
            answers.append(backend.InferenceResponse([backend.Tensor("logits", logits)]))
        return answers
"""


@contextmanager
def _triton(folder: Path, *options: str) -> Iterator[dict[str, str]]:
    assert (HOME / "bin/tritonserver").exists(), "please run .ci/services, which makes .services/triton"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    shutil.copytree(HOME / "backends", folder / "backends")
    for stub in (HOME / "python_backend_stubs" / version).iterdir():
        shutil.copy(stub, folder / "backends/python")
        (folder / "backends/python" / stub.name).chmod(0o755)
    (folder / "models/tiny/1").mkdir(parents=True)
    (folder / "models/tiny/config.pbtxt").write_text(CONFIGURATION)
    (folder / "models/tiny/1/model.py").write_text(PROGRAM)
    shutil.copy(HOME / "bin/tritonserver", folder / "tritonserver")
    (folder / "tritonserver").chmod(0o755)
    http, grpc = free_ports(2)
    libraries = f"{PACKAGES / 'nvidia_pytriton.libs'}:{sysconfig.get_config_var('LIBDIR')}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                str(folder / "tritonserver"), f"--model-repository={folder / 'models'}",
                f"--backend-directory={folder / 'backends'}", "--allow-metrics=false", "--http-address=127.0.0.1",
                "--grpc-address=127.0.0.1", f"--http-port={http}", f"--grpc-port={grpc}", *options,
            ],
            stdout=log, stderr=log, cwd=folder,
            env={
                **os.environ,
                "LD_LIBRARY_PATH": libraries,
                "PYTHONPATH": str(PACKAGES),
                "PATH": f"{PROGRAMS / 'bin'}:{os.environ['PATH']}",
            },
        )  # fmt: skip
    with ready(process, f"http://127.0.0.1:{http}/v2/models/tiny/ready", folder / "log"):
        yield {"http": f"127.0.0.1:{http}", "grpc": f"127.0.0.1:{grpc}", "localhost": f"localhost:{grpc}"}


def test_tensors_go_as_they_lie_in_memory_over_http_and_grpc(
    model: Make, batch: Make, expected: Make, tmp_path: Path
) -> None:
    with _triton(tmp_path) as address:
        for transport in ("http", "grpc"):
            options = {"url": address[transport], "transport": transport, "server_model": "tiny", "at_most": 2}
            loaded = ADAPTER.load(model(format="kserve", path=None, options=options), base=tmp_path, device="cpu")
            images = batch(5)
            found = [one.scores["score"] for one in loaded.predict(images)]
            assert found == pytest.approx(expected(images.pixels), rel=1e-6)
            assert loaded._runner._connection.binary
            assert loaded.identity.runtime.startswith("triton 2.")
            assert loaded.identity.notes[0] == "model 'tiny', versions 1, platform python"
            loaded.close()


def test_grpc_goes_over_tls_with_certificates_on_both_sides(
    model: Make, batch: Make, certificates: Path, tmp_path: Path
) -> None:
    secured = [f"--grpc-{name}={certificates / file}" for name, file in (
        ("root-cert", "ca.pem"), ("server-cert", "vendor.pem"), ("server-key", "vendor-plain.key"),
    )]  # fmt: skip
    own = {"authority": "ca.pem", "certificate": "ours.pem", "key": "ours-plain.key"}
    with _triton(tmp_path, "--grpc-use-ssl=true", "--grpc-use-ssl-mutual=true", *secured) as address:

        def opened(**tls: str) -> Any:
            options = {
                "url": address["localhost"], "transport": "grpc", "server_model": "tiny", "seconds": 10.0, "tls": tls,
                "retries": {"attempts": 1},
            }  # fmt: skip
            return ADAPTER.load(model(format="kserve", path=None, options=options), base=certificates, device="cpu")

        loaded = opened(**own)
        assert len(loaded.predict(batch(3))) == 3
        loaded.close()
        with pytest.raises(ModelError, match="its TLS can't be trusted or understood"):
            opened(authority="rogue.pem", certificate="ours.pem", key="ours-plain.key")
