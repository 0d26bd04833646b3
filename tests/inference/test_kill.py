"""A run that is killed at any moment and resumed ends in the same bytes as one that never was.

The runs are forks of this process, so that a hundred kills take seconds: the models are opened once, before.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from validate.inference.local import LocalEngine
from validate.inference.plan import InferencePlan

Make = Callable[..., Any]
ROUNDS, KILLS = 12, 4


class Killable:
    """A model whose process can be forked: the tiny ONNX model's numbers without a runtime's threads."""

    needs_pixels = True
    fixed_batch = None

    def __init__(self, loaded: Any, pause: float) -> None:
        self.identity = loaded.identity
        self.pause = pause

    def misfit(self, shape: tuple[int, ...]) -> None:
        return None

    def coverage(self, cases: Any) -> Mapping[str, Any]:
        return {}

    def predict(self, batch: Any) -> list[Any]:
        from validate.models.prediction import ClassScores

        time.sleep(self.pause)  # leaves room for a kill in the middle
        return [ClassScores({"score": float(image.mean())}, (float(image.sum()),)) for image in batch.pixels]

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def work(plan: Make, study: Make, tmp_path: Path) -> InferencePlan:
    made: InferencePlan = plan(
        tmp_path, study(tmp_path / "dicom", 40, broken=(3, 17)), [{}, {"id": "second"}], shard_size=4
    )
    for model in made.models:
        object.__setattr__(model, "loaded", Killable(model.loaded, 0.002))
    return made


def _killed_after(seconds: float, work: InferencePlan, out: Path) -> bool:
    """Run in a fork and SIGKILL it; True if it was killed before it was done."""
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            LocalEngine(kind="thread").run(work, out=out, resume=True)
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_a_run_killed_at_random_points_ends_in_the_bytes_of_an_unbroken_one(
    work: InferencePlan, results_of: Make, tmp_path: Path
) -> None:
    durations = []
    for name in ("warm", "whole"):
        start = time.perf_counter()
        LocalEngine(kind="thread").run(work, out=tmp_path / name, resume=False)
        durations.append(time.perf_counter() - start)
    whole = results_of(tmp_path / "whole")
    assert len(whole) == 1 + 2 * 10
    moments = random.Random(20261122)
    killed = 0
    for folder in range(ROUNDS):
        out = tmp_path / f"killed-{folder}"
        for _ in range(KILLS):
            killed += _killed_after(moments.uniform(0, durations[1]), work, out)
        LocalEngine(kind="thread").run(work, out=out, resume=True)
        assert results_of(out) == whole
    assert killed > ROUNDS  # most kills came before the end


@pytest.mark.parametrize("step", ["fsync", "replace", "rename"])
def test_a_run_killed_in_every_write_ends_in_the_same_bytes(
    work: InferencePlan, results_of: Make, tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dies at the n-th call of one step of storing, for every n: before, between and after file, rename and folder."""
    LocalEngine(kind="thread").run(work, out=tmp_path / "whole", resume=False)
    whole = results_of(tmp_path / "whole")
    out = tmp_path / "out"
    for _ in range(60):
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            _die_at_third_call(step, monkeypatch)
            try:
                LocalEngine(kind="thread").run(work, out=out, resume=True)
            finally:
                os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            break
    else:
        LocalEngine(kind="thread").run(work, out=out, resume=True)
    assert results_of(out) == whole


def _die_at_third_call(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = getattr(os, step), []

    def deadly(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)

    monkeypatch.setattr(os, step, deadly)


def test_every_truncation_of_a_shard_is_seen(work: InferencePlan, results_of: Make, tmp_path: Path) -> None:
    LocalEngine(kind="thread").run(work, out=tmp_path / "whole", resume=False)
    whole = results_of(tmp_path / "whole")
    shard = tmp_path / "out/m/clean/shard-00004.parquet"
    shutil.copytree(tmp_path / "whole", tmp_path / "out")
    content = shard.read_bytes()
    generator = random.Random(5)
    for _ in range(6):
        if generator.random() < 0.5:
            shard.write_bytes(content[: generator.randrange(len(content))])
        else:
            place = generator.randrange(len(content))
            shard.write_bytes(content[:place] + bytes([content[place] ^ 0x40]) + content[place + 1 :])
        LocalEngine(kind="thread").run(work, out=tmp_path / "out", resume=True)
        assert results_of(tmp_path / "out").keys() == whole.keys()
    rows = [path for path, stored in results_of(tmp_path / "out").items() if stored != whole[path]]
    assert rows in ([], ["m/clean/shard-00004.parquet"])
