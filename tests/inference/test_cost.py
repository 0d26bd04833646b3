"""What a run cost: by hand from a table of timings, and measured on a machine that is watched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from validate.inference import cost
from validate.inference.cost import Meter, cost_document

ROW = {
    "model": "m", "pass": "clean", "shard": 0, "cases": 8, "failures": 0, "batch_size": 4, "decode_seconds": 4.0,
    "wait_seconds": 1.0, "predict_seconds": 3.0, "perturb_seconds": 0.5, "preprocess_seconds": 1.0,
    "postprocess_seconds": 0.25, "store_seconds": 0.5,
}  # fmt: skip


def test_what_is_shared_is_counted_once_and_the_slowest_stage_is_named() -> None:
    rows: list[dict[str, Any]] = [ROW, {**ROW, "model": "n"}, {**ROW, "shard": 1, "cases": 2}]
    document = cost_document(rows, {"seconds": 9.0})
    seconds = {stage["stage"]: stage["seconds"] for stage in document["stages"]}
    # two stretches of 4 s, of which 1 s of disturbing and 2 s of preprocessing; three models' shards of 3 s
    assert seconds == {
        "decode": 5.0, "perturb": 1.0, "preprocess": 2.0, "model": 8.25, "postprocess": 0.75, "store": 1.5,
    }  # fmt: skip
    assert document["slowest"] == "model"
    assert document["cases"] == 10
    assert document["stages"][0]["milliseconds_per_case"] == 500.0
    assert [(entry["model"], entry["cases"], entry["predict_seconds"]) for entry in document["models"]] == [
        ("m", 10, 6.0), ("n", 8, 3.0),
    ]  # fmt: skip


def test_a_run_of_nothing_has_no_cost_per_case() -> None:
    document = cost_document([], {})
    assert document["cases"] == 0 and document["stages"][0]["milliseconds_per_case"] is None


def test_the_meter_sees_memory_and_leaves_out_what_it_can_not_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cost, "ENERGY", tmp_path)
    with Meter() as meter:
        pass
    document = meter.document()
    assert document["peak_memory_bytes"] > 1 << 20
    assert document["processor_joules"] is None and document["gpu"] is None


def test_energy_is_of_whole_packages_and_a_counter_that_went_round_tells_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("intel-rapl:0", "intel-rapl:0:1", "intel-rapl:1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text("5000000")
    monkeypatch.setattr(cost, "ENERGY", tmp_path)
    with Meter() as meter:
        for name in ("intel-rapl:0", "intel-rapl:0:1", "intel-rapl:1"):
            (tmp_path / name / "energy_uj").write_text("7000000")
    assert meter.document()["processor_joules"] == 4.0
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("1")
    assert meter.document()["processor_joules"] is None


def test_gpu_use_is_the_mean_of_what_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = "80, 1000, 200\n40, 3000, 100\n"
    monkeypatch.setattr(cost.subprocess, "run", lambda *_, **__: type("Done", (), {"stdout": answer}))
    assert cost._gpu() == (0.6, 4000 * (1 << 20), 300.0)
    meter = Meter(gpu=[(0.5, 10.0, 100.0), (1.0, 30.0, 300.0)])
    gpu = meter.document()["gpu"]
    assert (gpu["utilisation"], gpu["peak_memory_bytes"]) == (0.75, 30.0)
