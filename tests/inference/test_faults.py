"""Whatever breaks, at whatever moment: the run goes on or stops with a reason, and what it leaves resumes to the same bytes."""

from __future__ import annotations

import errno
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from validate.errors import MachineError, ModelError
from validate.inference import stored_files
from validate.inference.local import LocalEngine
from validate.inference.plan import Shard
from validate.inference.store import read_inference
from validate.inference.writer import Writer
from validate.models.adapter import OutOfMemory
from validate.protocol.passes import CLEAN, Pass

Make = Callable[..., Any]
ENGINE = LocalEngine(kind="thread")
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 12))]
NOISY = Pass("noisy", volume_transform={"name": "gaussian_noise", "options": {"sigma": 50.0}, "seed": 1})


@pytest.fixture
def whole(plan: Make, study: Make, results_of: Make, tmp_path: Path) -> tuple[Any, Any]:
    """A plan of two models and two passes, and the bytes of its unbroken run."""
    work = plan(
        tmp_path, study(tmp_path / "dicom", 30, broken=(4, 21)), [{}, {"id": "n"}], passes=(CLEAN, NOISY), shard_size=4
    )
    ENGINE.run(work, out=tmp_path / "whole", resume=False)
    return work, results_of(tmp_path / "whole")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_disk_that_fills_up_at_any_write_keeps_what_was_done(
    whole: tuple[Any, Any], results_of: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    work, expected = whole
    moments = random.Random(seed)
    real = stored_files.write_atomically
    left = [moments.randrange(1, 12)]

    def full(path: Path, content: bytes) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        real(path, content)

    monkeypatch.setattr(stored_files, "write_atomically", full)
    for _ in range(40):
        try:
            ENGINE.run(work, out=tmp_path / "out", resume=True)
            break
        except MachineError as error:
            assert "No space left on device" in str(error) and "--resume" in str(error)
            left[0] = moments.randrange(1, 12)
    assert results_of(tmp_path / "out") == expected


@pytest.mark.parametrize("writes", range(1, 9))
def test_a_shard_that_cannot_be_stored_is_not_handed_over_again(
    whole: tuple[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    work, _ = whole
    handed: list[tuple[str, str, int]] = []

    def put(_writer: Writer, shard: Shard, *_: Any) -> None:
        handed.append((shard.model.id, shard.pass_.id, shard.index))
        if len(handed) == writes:
            raise MachineError("the disk is full: go on with --resume")

    monkeypatch.setattr(Writer, "put", put)
    with pytest.raises(MachineError, match="disk is full"):
        ENGINE.run(work, out=tmp_path / "out", resume=False)
    assert len(handed) >= writes
    assert len(set(handed)) == len(handed)


@pytest.mark.parametrize("seed", SEEDS)
def test_memory_that_runs_out_at_any_batch_halves_it_and_goes_on(
    put_before: Make, whole: tuple[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """A halved batch is an event, and the only exemption from equal bytes: numbers stay within float32's rounding."""
    work, _ = whole
    loaded, moments = work.models[0].loaded, random.Random(seed)
    events = list[tuple[str, Any]]()
    monkeypatch.setattr(loaded, "begin", loaded.begin)  # put back for the others
    put_before(loaded, lambda real, batch: _out_of_memory(batch, moments, real))
    ENGINE.run(work, out=tmp_path / "out", resume=False, on_event=lambda *event: events.append(event))
    halved = [data for name, data in events if name == "batch_halved"]
    assert halved and all(data["to"] == data["from"] // 2 for data in halved)
    before, after = (read_inference(tmp_path / name).to_pylist() for name in ("whole", "out"))
    for one, other in zip(before, after, strict=True):
        assert (one["unit"], one["failure"]) == (other["unit"], other["failure"])
        assert one["score"] is None or abs(one["score"] - other["score"]) < 1e-6


def _out_of_memory(batch: Any, moments: random.Random, real: Callable[[Any], Any]) -> Any:
    if len(batch.cases) > 1 and moments.random() < 0.3:
        raise OutOfMemory("CUDA out of memory")
    return real(batch)


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_decoding_workers_that_die_at_random_cost_their_images_alone(
    plan: Make, study: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    from validate.inference import decoders

    work = plan(tmp_path, study(tmp_path / "dicom", 40), workers=2)
    ENGINE.run(work, out=tmp_path / "whole", resume=False)
    moments, real, started = random.Random(seed), decoders.start_child, list[Any]()
    monkeypatch.setattr(decoders, "start_child", lambda *a, **k: started.append(real(*a, **k)) or started[-1])
    ended = threading.Event()

    def killing(name: str, _: Any) -> None:
        alive = [child for child in started if child.process.poll() is None]
        if name == "shard_written" and alive and moments.random() < 0.8:
            alive[-1].process.kill()
            ended.set()

    LocalEngine(kind="process").run(work, out=tmp_path / "out", resume=False, on_event=killing)
    before, after = (read_inference(tmp_path / name).to_pylist() for name in ("whole", "out"))
    assert len(after) == 40
    lost = [row for row in after if row["failure"] == "decode:crashed"]
    assert len(lost) <= len(started)
    for one, other in zip(before, after, strict=True):
        # an image whose batch lost a neighbour goes through in a smaller one
        assert other["failure"] == "decode:crashed" or one["score"] == pytest.approx(other["score"], abs=1e-6)


def test_a_case_that_hangs_is_given_up_and_the_rest_is_done(
    plan: Make, study: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from validate.imaging.image import read_image

    cases = study(tmp_path / "dicom", 10)
    release = threading.Event()
    hanging = {cases[4].files[0], cases[7].files[0]}
    monkeypatch.setattr(
        "validate.imaging.image.read_image", lambda path: (path in hanging and release.wait(60)) or read_image(path)
    )
    try:
        LocalEngine(kind="thread", patience=3.0).run(plan(tmp_path, cases), out=tmp_path / "out", resume=False)
    finally:
        release.set()
    failures = {row["unit"]: row["failure"] for row in read_inference(tmp_path / "out").to_pylist() if row["failure"]}
    assert failures == {"u0004": "decode:timeout", "u0007": "decode:timeout"}


def test_a_model_that_gives_nan_on_some_cases_fails_those(plan: Make, study: Make, tmp_path: Path) -> None:
    work = plan(tmp_path, study(tmp_path / "dicom", 12))
    session = work.models[0].loaded._runner._session
    real = session.run

    def sometimes(outputs: Any, arrays: Any) -> Any:
        (raw,) = real(outputs, arrays)
        raw = raw.copy()
        raw[::3] = np.nan
        return (raw,)

    object.__setattr__(work.models[0].loaded._runner, "_session", _Wrapped(session, sometimes))
    ENGINE.run(work, out=tmp_path / "out", resume=False)
    rows = read_inference(tmp_path / "out").to_pylist()
    assert [row["failure"] for row in rows[:4]] == ["nan_output", None, None, "nan_output"]
    assert all(row["score"] is None for row in rows if row["failure"])


def test_a_model_that_gives_another_shape_stops_the_run_and_keeps_what_was_done(
    plan: Make, study: Make, tmp_path: Path
) -> None:
    work = plan(tmp_path, study(tmp_path / "dicom", 20))
    runner = work.models[0].loaded._runner
    session, calls = runner._session, [0]

    def later(outputs: Any, arrays: Any) -> Any:
        calls[0] += 1
        (raw,) = session.run(outputs, arrays)
        return (raw if calls[0] < 5 else raw[:-1],)

    object.__setattr__(runner, "_session", _Wrapped(session, later))
    with pytest.raises(ModelError, match="expected one row per case"):
        ENGINE.run(work, out=tmp_path / "out", resume=False)
    assert read_inference(tmp_path / "out").num_rows == 8


class _Wrapped:
    def __init__(self, session: Any, run: Callable[..., Any]) -> None:
        self.run, self._session = run, session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)
