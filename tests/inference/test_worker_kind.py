"""Threads or processes: what was measured decides, by decoders that hold the interpreter or give it up."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from validate.inference import local
from validate.inference import worker_kind as module
from validate.inference.decode import DecodeTask
from validate.inference.local import LocalEngine
from validate.inference.store import read_inference
from validate.inference.view import View
from validate.inference.worker_kind import SAMPLE, Measured, measured_kind, samples

Make = Callable[..., Any]
TASKS = [DecodeTask(0, (Path("x"),), (View(()),)) for _ in range(20)]


def _decoding(monkeypatch: pytest.MonkeyPatch, work: Callable[[], None]) -> list[int]:
    """Images that are decoded so; counted."""
    done: list[int] = []

    def decode(task: Any) -> None:
        work()
        done.append(1)

    monkeypatch.setattr(module, "decode_in_time", decode)
    return done


def _clock(alone: float, together: float) -> Callable[[], float]:
    """A clock by which one thread takes `alone` seconds for its images, and several together `together`."""
    ticks = iter([0.0] * (1 + SAMPLE) + [alone, alone, alone + together])
    return lambda: next(ticks)


def test_a_decoder_that_lets_others_run_gets_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    meet = threading.Barrier(4, timeout=30)

    def released() -> None:
        if threading.current_thread() is not threading.main_thread():
            meet.wait()  # nobody gets through unless four are at it side by side

    done = _decoding(monkeypatch, released)
    found = measured_kind(TASKS, threads=4, clock=_clock(0.24, 0.07))
    assert (found.kind, found.threads, found.images) == ("thread", 4, SAMPLE)
    assert found.speedup > 3
    assert len(done) == 2 * SAMPLE


def test_a_decoder_that_holds_the_interpreter_gets_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    _decoding(monkeypatch, lambda: None)
    found = measured_kind(TASKS, threads=4, clock=_clock(0.12, 0.11))
    assert found.kind == "process"
    assert found.speedup < 1.5
    assert found.document() == {"kind": "process", "threads": 4, "speedup": round(found.speedup, 2), "images": SAMPLE}


def test_slow_images_are_not_tried_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks: Iterator[float] = itertools.count(0.0, 3.0)
    done = _decoding(monkeypatch, lambda: None)
    found = measured_kind(TASKS, threads=2, clock=lambda: next(ticks))
    assert found.images == 2  # six seconds on the clock
    assert len(done) == 4


def test_every_frequent_syntax_is_measured_on_images_of_its_own(study: Make, tmp_path: Path) -> None:
    names = ["JPEG"] * 13 + ["RLE"] * 14 + ["raw"] * 2
    cases = [
        dataclasses.replace(case, attributes={"transfer_syntax": name})
        for case, name in zip(study(tmp_path / "data", len(names)), names, strict=True)
    ]
    found = samples(cases, (View(()),))
    assert list(found) == ["RLE", "JPEG"]  # raw images are too few, and go with the most frequent
    assert {len(tasks) for tasks in found.values()} == {SAMPLE}
    assert {task.paths[0] for task in found["JPEG"]} == {case.files[0] for case in cases[:SAMPLE]}


def test_a_long_run_takes_for_each_syntax_what_was_measured(
    plan: Make, study: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = tuple(
        dataclasses.replace(case, attributes={"transfer_syntax": "JPEG" if number % 2 else "RLE"})
        for number, case in enumerate(study(tmp_path / "data", 30))
    )

    def measured(tasks: Any, *, threads: int) -> Measured:
        kind = "process" if tasks[0].paths[0] == cases[1].files[0] else "thread"
        return Measured(kind, threads, 1.0, len(tasks))  # type: ignore[arg-type]

    monkeypatch.setattr(local, "measured_kind", measured)
    monkeypatch.setattr(local, "LONG_RUN", 0.0)
    events: list[tuple[str, Any]] = []
    summary = LocalEngine().run(
        plan(tmp_path, cases), out=tmp_path / "out", resume=False, on_event=lambda *event: events.append(event)
    )
    told = [data for name, data in events if name == "workers_measured"]
    assert [(one["transfer_syntax"], one["kind"]) for one in told] == [("RLE", "thread"), ("JPEG", "process")]
    assert summary.worker_kind == "thread and process"
    LocalEngine(kind="thread").run(plan(tmp_path, cases), out=tmp_path / "alone", resume=False)
    assert read_inference(tmp_path / "out").equals(read_inference(tmp_path / "alone"))
