"""A Python callable as a model: in a process of its own, which can't read labels, write, or bring the run down."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from validate.errors import ModelError, ProtocolError
from validate.models.adapter import OutOfMemory
from validate.models.child_host import ModelCrashed
from validate.models.pixel_model import PixelModel
from validate.models.python import ADAPTER

Make = Callable[..., Any]
TINY = """
import os, time
import numpy as np
def logits(images):
    return 4.0 * images.astype("float64").mean(axis=(1, 2, 3)) - 1.5
def two(images):
    return {"logits": logits(images), "double": 2 * logits(images)}
def spy(images):
    return np.full(len(images), len(open(os.environ.get("LABELS", "LABELS_PATH")).read()), dtype="float64")
def write(images):
    open("WRITTEN_PATH", "w").write("x")
def crash(images):
    os._exit(7)
def slow(images):
    time.sleep(60)
def text(images):
    return ["a"] * len(images)
def short(images):
    return logits(images)[:-1]
class Scaled:
    def __init__(self, weight, bias):
        self.weight, self.bias = weight, bias
    def __call__(self, images):
        return self.weight * images.astype("float64").mean(axis=(1, 2, 3)) + self.bias
NUMBER = 3
def call_home(images):
    import socket
    socket.create_connection(("127.0.0.1", PORT), timeout=2)
def hungry(images):
    return bytearray(1 << 46)
"""


@pytest.fixture
def opened(model: Make, tmp_path: Path) -> Iterator[Callable[..., PixelModel]]:
    (tmp_path / "labels.csv").write_text("secret")
    source = TINY.replace("LABELS_PATH", str(tmp_path / "labels.csv")).replace("WRITTEN_PATH", str(tmp_path / "new"))
    (tmp_path / "tiny.py").write_text(source)
    models = []

    def open_model(call: str, *, path: str | None = "tiny.py", output: str | None = None, **options: Any) -> PixelModel:
        out = {"activation": "sigmoid", "kind": "probability", **({"name": output} if output else {})}
        block = model(format="python", path=path, output=out, options={"call": call, **options})
        models.append(ADAPTER.load(block, base=tmp_path, device="cpu", threads=1))
        return models[-1]

    yield open_model
    for each in models:
        each.close()


@pytest.mark.parametrize(
    ("call", "options"),
    [
        ("tiny:logits", {}),
        ("tiny:two", {"output": "logits"}),
        ("tiny:Scaled", {"arguments": {"weight": 4.0, "bias": -1.5}}),
    ],
)
def test_a_callable_gives_the_numbers_computed_by_hand(
    opened: Make, batch: Make, expected: Make, call: str, options: dict[str, Any]
) -> None:
    images = batch(4)
    scores = [result.scores["score"] for result in opened(call, **options).predict(images)]
    assert scores == pytest.approx(expected(images.pixels), rel=1e-12)


def test_a_folder_of_code_and_data_is_hashed_whole_and_read_by_the_model(
    opened: Make, batch: Make, tmp_path: Path
) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "net.py").write_text(
        "from pathlib import Path\nfrom weights import scale\n"
        "BIAS = float(Path(__file__).with_name('bias.txt').read_text())\n"
        "def run(images): return scale * images.mean((1, 2, 3)) + BIAS\n"
    )
    (folder / "weights.py").write_text("scale = 4.0")
    (folder / "bias.txt").write_text("-1.5")
    first = opened("net:run", path="code")
    assert len(first.predict(batch(2))) == 2
    (folder / "bias.txt").write_text("-1.4")
    assert opened("net:run", path="code").identity.digest != first.identity.digest
    (folder / "out").symlink_to(tmp_path / "labels.csv")
    with pytest.raises(ModelError, match="out leads out of the model's folder: refused"):
        opened("net:run", path="code")


def test_no_label_is_read_and_nothing_is_written(opened: Make, batch: Make, tmp_path: Path) -> None:
    loaded = opened("tiny:spy")
    if "labels_unreadable" in loaded.identity.notes[1]:  # where the kernel has Landlock
        with pytest.raises(ModelCrashed, match="PermissionError"):
            loaded.predict(batch(1))
    with pytest.raises(ModelCrashed, match="Error"):
        opened("tiny:write").predict(batch(1))
    assert not (tmp_path / "new").exists() or (tmp_path / "new").stat().st_size == 0


def test_no_connection_is_made_and_memory_is_bounded(opened: Make, batch: Make, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        source = (tmp_path / "tiny.py").read_text().replace("PORT", str(server.getsockname()[1]))
        (tmp_path / "tiny.py").write_text(source)
        loaded = opened("tiny:call_home")
        if "no_network" in loaded.identity.notes[1]:  # where the kernel lets us
            with pytest.raises(ModelCrashed, match=r"OSError|PermissionError|ConnectionRefusedError"):
                loaded.predict(batch(1))
    with pytest.raises(OutOfMemory):
        opened("tiny:hungry").predict(batch(1))


def test_a_crash_a_hang_and_nonsense_concern_their_batch_alone(opened: Make, batch: Make) -> None:
    with pytest.raises(ModelCrashed, match=r"its process ended \(code 7\)") as caught:
        opened("tiny:crash").predict(batch(1))
    assert caught.value.reason == "model_crashed"
    with pytest.raises(ModelCrashed, match="no answer in 3 seconds") as caught:
        opened("tiny:slow", patience=3.0).predict(batch(1))
    assert caught.value.reason == "model_timeout"
    with pytest.raises(ModelCrashed, match=r"an array of str.*one row per case"):
        opened("tiny:text").predict(batch(1))
    with pytest.raises(ModelError, match=r"came out as \(2,\) for 3 cases"):
        opened("tiny:short").predict(batch(3))
    with pytest.raises(ModelError, match=r"2 outputs, 'double', 'logits'. Name one"):
        opened("tiny:two").predict(batch(1))


@pytest.mark.parametrize(
    ("call", "path", "message"),
    [
        ("tiny:absent", "tiny.py", "AttributeError.*no attribute 'absent'"),
        ("tiny:NUMBER", "tiny.py", "tiny:NUMBER is int, which can't be called"),
        ("other:run", "tiny.py", "the module is 'other', but path is the file tiny.py"),
        ("tiny:logits", "labels.csv", "neither a folder nor a .py file"),
        ("nowhere_installed:run", None, "no installed package 'nowhere_installed'"),
        ("some-entry-point", None, "0 entry points called 'some-entry-point' in the group validate.callables"),
    ],
)
def test_a_wrong_name_is_said_before_any_case(opened: Make, call: str, path: str | None, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        opened(call, path=path)


@pytest.mark.parametrize("call", ["", "a b:c", "a:", ":c", "a:b:c", "../x:run"])
def test_a_call_that_is_no_name_is_refused(opened: Make, call: str) -> None:
    with pytest.raises(ProtocolError, match="expected module:callable"):
        opened(call)


def test_the_digest_is_checked_before_the_code_runs(model: Make, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("raise SystemExit(9)")
    block = model(format="python", path="bad.py", sha256="b" * 64, options={"call": "bad:run"})
    with pytest.raises(ModelError, match="the protocol says"):
        ADAPTER.load(block, base=tmp_path, device="cpu")
