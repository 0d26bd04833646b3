"""A model that ends its process takes one case with it, and the run goes on: whatever the format."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from validate.errors import ModelError
from validate.inference.local import LocalEngine
from validate.inference.store import read_inference

Make = Callable[..., Any]
ENGINE = LocalEngine(kind="thread")
CONTAINED: dict[str, Any] = {"options": {}}


def _process(loaded: Any) -> int:
    host = loaded._runner._session._host
    if host._child is None:
        host._start()
    number: int = host._child.process.pid
    return number


def _ending(work: Any, units: set[str], before: Make) -> None:
    """The model's process is killed while it works on one of these cases."""
    loaded = work.models[0].loaded

    def predict(real: Any, batch: Any) -> Any:
        if units & {case.unit for case in batch.cases}:
            os.kill(_process(loaded), signal.SIGKILL)
        return real(batch)

    before(loaded, predict)


def test_an_onnx_model_in_its_own_process_says_the_same_bytes(
    plan: Make, study: Make, results_of: Make, tmp_path: Path
) -> None:
    cases = study(tmp_path / "dicom", 11, broken=(3,))
    for name, model in (("here", {}), ("contained", CONTAINED)):
        ENGINE.run(plan(tmp_path, cases, [model]), out=tmp_path / name, resume=False)
    here, contained = (read_inference(tmp_path / name).to_pylist() for name in ("here", "contained"))
    assert here == contained


def test_a_model_that_ends_its_process_on_a_case_fails_that_case_alone(
    put_before: Make, plan: Make, study: Make, tmp_path: Path
) -> None:
    cases = study(tmp_path / "dicom", 20)
    work = plan(tmp_path, cases, [CONTAINED])
    _ending(work, {"u0005", "u0013"}, put_before)
    events: list[str] = []
    ENGINE.run(work, out=tmp_path / "out", resume=False, on_event=lambda name, _: events.append(name))
    rows = read_inference(tmp_path / "out").to_pylist()
    assert {row["unit"]: row["failure"] for row in rows if row["failure"]} == {
        "u0005": "model_crashed",
        "u0013": "model_crashed",
    }
    assert "its process ended (code -9)" in rows[5]["detail"]
    assert events.count("batch_split") == 2
    ENGINE.run(plan(tmp_path, cases, [CONTAINED]), out=tmp_path / "whole", resume=False)
    whole = {row["unit"]: row["score"] for row in read_inference(tmp_path / "whole").to_pylist()}
    for row in rows:
        assert row["failure"] or row["score"] == pytest.approx(whole[row["unit"]], abs=1e-7)


def test_a_model_that_ends_on_every_case_is_no_matter_of_cases(
    put_before: Make, plan: Make, study: Make, tmp_path: Path
) -> None:
    work = plan(tmp_path, study(tmp_path / "dicom", 40), [CONTAINED], batch_size=1)
    _ending(work, {f"u{number:04d}" for number in range(1, 40)}, put_before)
    with pytest.raises(ModelError, match="ended 20 times in a row"):
        ENGINE.run(work, out=tmp_path / "out", resume=False)


def test_a_model_that_gives_no_answer_is_ended_after_its_patience(
    put_before: Make, plan: Make, study: Make, tmp_path: Path
) -> None:
    work = plan(tmp_path, study(tmp_path / "dicom", 6), [CONTAINED], batch_size=1)
    loaded = work.models[0].loaded
    loaded._runner._session._host._patience = 0.4

    def predict(real: Any, batch: Any) -> Any:
        if batch.cases[0].unit == "u0002":
            os.kill(_process(loaded), signal.SIGSTOP)
        return real(batch)

    put_before(loaded, predict)
    ENGINE.run(work, out=tmp_path / "out", resume=False)
    rows = read_inference(tmp_path / "out").to_pylist()
    assert [row["failure"] for row in rows] == [None, None, "model_timeout", None, None, None]


@pytest.mark.slow
def test_processes_that_die_at_random_moments_cost_no_other_case_its_answer(
    plan: Make, study: Make, tmp_path: Path
) -> None:
    """Two batches are on their way when it happens: no answer may go to another case, none may be lost."""
    cases = study(tmp_path / "dicom", 600, broken=(7,))
    ENGINE.run(plan(tmp_path, cases, [CONTAINED]), out=tmp_path / "whole", resume=False)
    whole = read_inference(tmp_path / "whole").to_pylist()
    work = plan(tmp_path, cases, [CONTAINED])
    host, dice, killed, over = work.models[0].loaded._runner._session._host, random.Random(4), [0], threading.Event()

    def kill() -> None:
        while not over.wait(dice.uniform(0.0, 0.4)) and killed[0] < 8:
            while not host._under_way and not over.is_set():  # until it is at work
                time.sleep(0.0002)
            if (child := host._child) is not None:
                os.kill(child.process.pid, signal.SIGKILL)
                killed[0] += 1

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    ENGINE.run(work, out=tmp_path / "out", resume=False)
    over.set()
    killer.join()
    rows = read_inference(tmp_path / "out").to_pylist()
    assert killed[0] > 0
    lost = 0
    for row, whole_row in zip(rows, whole, strict=True):
        assert row["unit"] == whole_row["unit"]
        if row["failure"] == "model_crashed":
            lost += 1
        else:
            assert (row["failure"], row["score"]) == (whole_row["failure"], whole_row["score"])
    assert lost <= killed[0]
