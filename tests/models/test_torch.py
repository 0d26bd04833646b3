"""Torch programs live in a child process that can do nothing but arithmetic."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import signal
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from validate.errors import ModelError
from validate.models.child_host import ModelCrashed
from validate.models.pixel_model import PixelModel
from validate.models.torch import ADAPTER, TorchOptions, _host
from validate.models.torch_archive import read_archive
from validate.models.torchscript import checked_torchscript

Make = Callable[..., Any]


@pytest.fixture(scope="module")
def loaded(torch_bytes: Make, tmp_path_factory: Any) -> Iterator[PixelModel]:
    from validate.protocol.model import Model

    folder = tmp_path_factory.mktemp("torch")
    (folder / "tiny.pt2").write_bytes(torch_bytes("export", returns="dict"))
    output = {"name": "logits", "activation": "sigmoid", "kind": "probability"}
    block = Model(id="m", name="Tiny", version="1", format="torch", path="tiny.pt2", output=output)  # type: ignore[arg-type]
    model = ADAPTER.load(block, base=folder, device="cpu", threads=1)
    yield model
    model.close()


def test_the_named_output_of_several_gives_the_scores_computed_by_hand(
    loaded: PixelModel, batch: Make, expected: Make
) -> None:
    images = batch(5)
    scores = [result.scores["score"] for result in loaded.predict(images)]
    assert scores == pytest.approx(expected(images.pixels), abs=1e-7)


def test_the_identity_says_how_it_was_run(loaded: PixelModel) -> None:
    identity = loaded.identity
    assert identity.runtime.startswith("torch ")
    assert identity.provider == "cpu"
    assert identity.parameters == 2
    assert "no_file_writes" in identity.notes[0]


def test_a_wrong_image_does_not_fit_and_fails_its_batch_with_the_programs_own_words(
    loaded: PixelModel, batch: Make
) -> None:
    assert "the model takes (1, any, any)" in str(loaded.misfit((3, 8, 8)))
    with pytest.raises(ModelCrashed, match=r"RuntimeError: .*expected|RuntimeError: Expected") as caught:
        loaded.predict(batch(2, channels=3))
    assert caught.value.reason == "model_error"


def test_a_killed_process_is_a_crash_of_this_batch_and_is_started_again(loaded: PixelModel, batch: Make) -> None:
    child = loaded._runner._host._child
    assert child is not None
    os.kill(child.process.pid, signal.SIGKILL)
    with pytest.raises(ModelCrashed, match="its process ended") as caught:
        loaded.predict(batch(1))
    assert caught.value.reason == "model_crashed"
    assert len(loaded.predict(batch(2))) == 2


def test_a_digest_mismatch_comes_before_anything_else(model: Make, tmp_path: Path) -> None:
    content = b"\x80\x04."
    (tmp_path / "a.pt2").write_bytes(content)
    with pytest.raises(ModelError, match=f"{hashlib.sha256(content).hexdigest()}, the protocol says {'b' * 64}"):
        ADAPTER.load(model(format="torch", path="a.pt2", sha256="b" * 64), base=tmp_path, device="cpu")


def test_a_name_is_refused_where_the_output_has_none(model: Make, torch_bytes: Make, tmp_path: Path) -> None:
    (tmp_path / "a.pt2").write_bytes(torch_bytes("export"))
    block = model(format="torch", path="a.pt2", output={"name": "logits", "activation": "none", "kind": "score"})
    with pytest.raises(ModelError, match="returns one tensor without a name: leave name out"):
        ADAPTER.load(block, base=tmp_path, device="cpu")


def test_a_script_that_writes_while_it_is_loaded_is_refused_and_could_not_write(
    model: Make, writing_script: Callable[[str], bytes], tmp_path: Path
) -> None:
    import torch

    target = tmp_path / "written"
    content = writing_script(str(target))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.load(io.BytesIO(content))  # the attack works where nothing guards
    assert target.stat().st_size > 0
    with pytest.raises(ModelError, match=r"refused: its record code/.* uses '__setstate__'"):
        checked_torchscript(read_archive(content, where="m").records, where="m")
    before = target.read_bytes()
    with contextlib.suppress(ModelError):  # torch 2.13 does not even notice that nothing was written
        block = model(format="torch")
        _host(block, TorchOptions(), "torchscript", content, None, base=tmp_path, device="cpu", threads=1).close()
    assert target.read_bytes() == before
