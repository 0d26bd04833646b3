"""A device that disappears in the middle of a run: said, contained, recorded, and stopped or not by the protocol's rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from validate.errors import MachineError
from validate.inference.local import LocalEngine
from validate.inference.store import read_inference

Make = Callable[..., Any]
ENGINE = LocalEngine(kind="thread")
GONE = "CUDA error: unspecified launch failure"


def _losing(before: Make, work: Any, units: set[str] | None = None, *, after: int = 0, once: bool = False) -> list[int]:
    """The model says that its device is gone: on these cases, or from its call `after` on."""
    loaded, calls, lost = work.models[0].loaded, [0], [0]

    def predict(real: Any, batch: Any) -> Any:
        calls[0] += 1
        hit = calls[0] > after if units is None else bool(units & {case.unit for case in batch.cases})
        if hit and not (once and lost[0]):
            lost[0] += 1
            raise RuntimeError(GONE)
        return real(batch)

    before(loaded, predict)
    return calls


def test_the_run_stops_and_says_so_and_resumes_to_the_same_bytes(
    put_before: Make, plan: Make, study: Make, results_of: Make, tmp_path: Path
) -> None:
    cases = study(tmp_path / "dicom", 24)
    ENGINE.run(plan(tmp_path, cases, shard_size=8), out=tmp_path / "whole", resume=False)
    work, events = plan(tmp_path, cases, shard_size=8), list[str]()
    _losing(put_before, work, after=2)
    with pytest.raises(MachineError, match=r"device is lost \(CUDA error.*--resume.*on_device_loss: record"):
        ENGINE.run(work, out=tmp_path / "out", resume=False, on_event=lambda name, _: events.append(name))
    assert events.count("device_lost") == 2  # the batch, and the first of its cases alone
    assert events[-1] == "inference_stopped"
    ENGINE.run(plan(tmp_path, cases, shard_size=8), out=tmp_path / "out", resume=True)
    assert results_of(tmp_path / "out") == results_of(tmp_path / "whole")


def test_by_the_other_rule_the_cases_that_it_owes_are_failures(
    put_before: Make, plan: Make, study: Make, tmp_path: Path
) -> None:
    work = replace(plan(tmp_path, study(tmp_path / "dicom", 12), shard_size=4), on_device_loss="record")
    _losing(put_before, work, {"u0005", "u0009"})
    ENGINE.run(work, out=tmp_path / "out", resume=False)
    rows = read_inference(tmp_path / "out").to_pylist()
    assert {row["unit"]: row["failure"] for row in rows if row["failure"]} == {
        "u0005": "device_lost",
        "u0009": "device_lost",
    }
    assert all(row["score"] is not None for row in rows if not row["failure"])


def test_a_loss_that_another_process_does_not_share_costs_no_case(
    put_before: Make, plan: Make, study: Make, results_of: Make, tmp_path: Path
) -> None:
    work = plan(tmp_path, study(tmp_path / "dicom", 8), shard_size=4)
    _losing(put_before, work, {"u0005"}, once=True)
    events = list[str]()
    ENGINE.run(work, out=tmp_path / "out", resume=False, on_event=lambda name, _: events.append(name))
    assert events.count("device_lost") == 1
    assert not [row for row in read_inference(tmp_path / "out").to_pylist() if row["failure"]]
