"""Threads or processes: what was measured decides, by decoders that hold the interpreter or give it up."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from validate.inference import worker_kind as module
from validate.inference.decode import DecodeTask
from validate.inference.view import View
from validate.inference.worker_kind import SAMPLE, measured_kind

TASKS = [DecodeTask(0, (Path("x"),), (View(()),)) for _ in range(20)]
HELD = threading.Lock()


def _decoding(monkeypatch: pytest.MonkeyPatch, work: Callable[[], None]) -> list[int]:
    """Images that are decoded so; counted."""
    done: list[int] = []

    def decode(task: Any) -> None:
        work()
        done.append(1)

    monkeypatch.setattr(module, "decode", decode)
    return done


def test_a_decoder_that_lets_others_run_gets_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    done = _decoding(monkeypatch, lambda: time.sleep(0.02))
    found = measured_kind(TASKS, threads=4)
    assert (found.kind, found.threads, found.images) == ("thread", 4, SAMPLE)
    assert found.speedup > 3
    assert len(done) == 2 * SAMPLE


def test_a_decoder_that_holds_the_interpreter_gets_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    def held() -> None:
        with HELD:
            time.sleep(0.01)

    _decoding(monkeypatch, held)
    found = measured_kind(TASKS, threads=4)
    assert found.kind == "process"
    assert found.speedup < 1.5
    assert found.document() == {"kind": "process", "threads": 4, "speedup": round(found.speedup, 2), "images": SAMPLE}


def test_slow_images_are_not_tried_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks: Iterator[float] = itertools.count(0.0, 3.0)
    done = _decoding(monkeypatch, lambda: None)
    found = measured_kind(TASKS, threads=2, clock=lambda: next(ticks))
    assert found.images == 2  # six seconds on the clock
    assert len(done) == 4
