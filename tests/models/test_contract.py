"""One tiny model in every format: the same cases must get the same numbers."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from open_server import OpenServer  # type: ignore[import-not-found]
from vendor_node import CODE, VendorNode, logit, report  # type: ignore[import-not-found]

from validate import registry
from validate.models.adapter import Batch
from validate.models.prediction import ClassScores
from validate.protocol.model import Model

Make = Callable[..., Any]
COUNT = 4
PYTHON = """
def logits(images):
    return 4.0 * images.astype("float64").mean(axis=(1, 2, 3)) - 1.5
"""
NETWORK = """
import torch

class Tiny(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(1, 1)

    def forward(self, image):
        return self.linear(image.mean((2, 3)))
"""
MEMBERS = [{"format": "onnx", "path": "tiny.onnx"}, {"format": "python", "path": "tiny.py", "call": "tiny:logits"}]
REPORT = {"kind": "sr", "measurement": {"code": CODE[0], "scheme": CODE[1]}}
# What each format needs beside the images: path and options of the model block.
OPENED: dict[str, tuple[str | None, dict[str, Any]]] = {
    "onnx": ("tiny.onnx", {}),
    "torch": ("tiny.pt2", {}),
    "torch script": ("tiny.ts", {}),
    "torch weights": ("tiny.safetensors", {"architecture": "network:Tiny", "code": "network.py"}),
    "python": ("tiny.py", {"call": "tiny:logits"}),
    "ensemble": (None, {"members": MEMBERS}),
    "predictions": ("tiny.csv", {"key": "case_id", "score": "logit"}),
    "kserve": (None, {"server_model": "tiny"}),
    "monai_bundle": ("bundle", {}),
    "dicom_results": ("reports", {"answer": REPORT}),
    "dicom_node": (None, {"answer": REPORT, "seconds": 60.0, "settle": 0.0}),
    "container": (None, {"image": f"example.org/tiny@sha256:{'cd' * 32}", "gives": "mha", "cases_per_run": COUNT}),
}


def test_every_shipped_format_is_in_this_contract() -> None:
    tested = {name.split()[0] for name in OPENED} | {"constant"}
    assert set(registry.names("models")) == tested


RUN_HERE = {
    "onnx",
    "torch",
    "torch script",
    "torch weights",
    "python",
    "monai_bundle",
}  # foreign code or files, in a child


def _check_confined(notes: tuple[str, ...]) -> None:
    """What a child of this machine can give up (test_sandbox.py tries it by doing it), every format's child gives up."""
    program = "from validate.processes.sandbox import confine; print(*confine([], limit_memory=True))"
    able = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert {"no_file_writes", "memory_limit"} <= set(able)
    (told,) = (note for note in notes if note.startswith("run in a child process: "))
    assert set(told.removeprefix("run in a child process: ").split(", ")) == set(able)


SLOW = {"monai_bundle"}  # its imports alone take longer than the rest of this file


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in OPENED]
)
def test_the_same_model_gives_the_same_numbers_in_every_format(
    name: str,
    model: Make,
    imaged: Make,
    expected: Make,
    onnx_bytes: Make,
    torch_bytes: Make,
    recording_engine: Make,
    bundle: Make,
    tmp_path: Path,
) -> None:
    images = imaged(COUNT)
    path, options = OPENED[name]
    (tmp_path / "tiny.py").write_text(PYTHON)
    (tmp_path / "network.py").write_text(NETWORK)
    prepare: dict[str, Callable[[], Any]] = {
        "onnx": lambda: (tmp_path / "tiny.onnx").write_bytes(onnx_bytes()),
        "torch": lambda: (tmp_path / "tiny.pt2").write_bytes(torch_bytes("export")),
        "torch script": lambda: (tmp_path / "tiny.ts").write_bytes(torch_bytes("torchscript")),
        "torch weights": lambda: (tmp_path / "tiny.safetensors").write_bytes(_weights()),
        "ensemble": lambda: (tmp_path / "tiny.onnx").write_bytes(onnx_bytes()),
        "predictions": lambda: (tmp_path / "tiny.csv").write_bytes(_table(images)),
        "container": recording_engine,
        "kserve": lambda: servers.enter_context(_served()),
        "monai_bundle": lambda: bundle(tmp_path / "bundle"),
        "dicom_results": lambda: _reports(images, tmp_path / "reports"),
        "dicom_node": lambda: servers.enter_context(_vendor()),
    }
    adapter = registry.load("models", name.split(maxsplit=1)[0])
    with contextlib.ExitStack() as servers:
        made = prepare.get(name, dict)()
        options = {**options, **made} if isinstance(made, dict) else options
        block: Model = model(format=name.split(maxsplit=1)[0], path=path, options=options)
        loaded = adapter.load(block, base=tmp_path, device="cpu", threads=1)
        servers.callback(loaded.close)
        given = images if loaded.needs_pixels else Batch(images.cases)
        results = loaded.predict(given)
        assert all(isinstance(result, ClassScores) for result in results), results
        assert [result.scores["score"] for result in results] == pytest.approx(expected(images.pixels), rel=1e-5)
        assert len(loaded.identity.digest) == 64
        assert loaded.identity.format == name.split(maxsplit=1)[0]
        assert loaded.identity.runtime
        if name in RUN_HERE:
            _check_confined(loaded.identity.notes)
        assert loaded.coverage(images.cases) is not None
        assert adapter.needs_pixels >= loaded.needs_pixels


def _reports(images: Batch, folder: Path) -> None:
    from pydicom import dcmread

    folder.mkdir()
    for number, case in enumerate(images.cases):
        image = dcmread(case.files[0])
        report(image, logit(image)).save_as(folder / f"{number}.dcm", enforce_file_format=True)


@contextlib.contextmanager
def _served() -> Iterator[dict[str, Any]]:
    server = OpenServer()
    try:
        yield {"url": server.url}
    finally:
        server.close()


@contextlib.contextmanager
def _vendor() -> Iterator[dict[str, Any]]:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = int(one.getsockname()[1])
    node = VendorNode(("127.0.0.1", port, "VALIDATE"))
    try:
        yield {"node": {"host": "127.0.0.1", "port": node.port, "ae_title": "VENDOR"}, "listen": {"port": port}}
    finally:
        node.close()


def test_the_constant_model_keeps_the_same_contract(model: Make, batch: Make, tmp_path: Path) -> None:
    loaded = registry.load("models", "constant").load(model(format="constant"), base=tmp_path, device="cpu")
    results = loaded.predict(Batch(batch(COUNT).cases))
    assert len(results) == COUNT
    loaded.close()


def _weights() -> bytes:
    import torch
    from safetensors.torch import save

    return save({"linear.weight": torch.tensor([[4.0]]), "linear.bias": torch.tensor([-1.5])})


def _table(images: Batch) -> bytes:
    """Logits by hand, 4 * mean - 1.5, as another program would have written them."""
    assert images.pixels is not None
    logits = 4.0 * images.pixels.astype("float64").mean(axis=(1, 2, 3)) - 1.5
    rows = (f"{case.keys['case_id']},{logit!r}" for case, logit in zip(images.cases, logits.tolist(), strict=True))
    return ("case_id,logit\n" + "\n".join(rows)).encode()


FOREIGN = """
from validate.models.constant import ConstantAdapter, ConstantOptions

class DummyAdapter(ConstantAdapter):
    OPTIONS = ConstantOptions

ADAPTER = DummyAdapter()
"""


def test_a_third_party_adds_a_format_by_an_entry_point(
    model: Make, batch: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installed package, as pip leaves one: a module, and metadata that names it."""
    about = tmp_path / "dummy_format-2.5.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: dummy-format\nVersion: 2.5\n")
    (about / "entry_points.txt").write_text("[validate.models]\ndummy = dummy_format:ADAPTER\n")
    (tmp_path / "dummy_format.py").write_text(FOREIGN)
    monkeypatch.syspath_prepend(str(tmp_path))
    _forget()
    try:
        assert "dummy" in registry.names("models")
        assert registry.origin("models", "dummy") == {"distribution": "dummy-format", "version": "2.5"}
        block = model(format="dummy", path=None, options={"value": 0.25})
        loaded = registry.load("models", "dummy").load(block, base=tmp_path, device="cpu")
        results = loaded.predict(Batch(batch(2).cases))
        assert [result.raw for result in results] == [(0.25,), (0.25,)]
    finally:
        monkeypatch.undo()
        _forget()
    assert "dummy" not in registry.names("models")


def _forget() -> None:
    for remembered in (registry.names, registry.load, registry._foreign):
        remembered.cache_clear()
