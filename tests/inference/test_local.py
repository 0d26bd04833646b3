"""The engine: every case once through every model and pass, and nothing lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from validate.errors import CommandError, Contradiction, MachineError, ModelError, ProtocolError
from validate.imaging.dicom import read_image
from validate.inference.local import LocalEngine
from validate.inference.progress import Update
from validate.inference.store import read_inference
from validate.inference.timings import read_timings
from validate.protocol.passes import CLEAN, Pass

Make = Callable[..., Any]
ENGINE = LocalEngine(kind="thread")


def _run(plan: Any, out: Path, **options: Any) -> pa.Table:
    ENGINE.run(plan, out=out, **{"resume": False, **options})
    return read_inference(out)


def _expected(path: Path, bias: float = -1.5) -> float:
    """By hand: window 0…1000 → 0…1, then 1 / (1 + exp(-(4 * mean + bias))). See PS3.3 C.11.2.1.2 for the window."""
    grey = np.clip((read_image(path).voxels.astype(float) - 499.5) / 1000 + 0.5, 0, 1).mean()
    return float(1 / (1 + np.exp(-(4 * grey + bias))))


def test_every_case_gets_the_score_computed_by_hand(plan: Make, study: Make, tmp_path: Path) -> None:
    cases = study(tmp_path / "dicom", 19)
    table = _run(plan(tmp_path, cases), tmp_path / "out")
    assert table.column("unit").to_pylist() == [case.unit for case in cases]
    assert table.column("score").to_pylist() == pytest.approx([_expected(case.files[0]) for case in cases], abs=1e-6)
    assert set(table.column("status").to_pylist()) == {"ok"}
    assert set(table.column("target").to_pylist()) == {"opacity"}
    assert set(table.column("decoder").to_pylist()) == {"numpy"}


def test_a_failed_case_is_a_row_and_costs_its_neighbours_nothing(plan: Make, study: Make, tmp_path: Path) -> None:
    whole = _run(plan(tmp_path, study(tmp_path / "a", 11)), tmp_path / "out-a").to_pylist()
    broken = _run(plan(tmp_path, study(tmp_path / "b", 11, broken=(0, 5, 10))), tmp_path / "out-b").to_pylist()
    assert [row["status"] for row in broken] == [("failed" if n in {0, 5, 10} else "ok") for n in range(11)]
    for before, after in zip(whole, broken, strict=True):
        if after["status"] == "ok":
            assert after["score"] == pytest.approx(before["score"], abs=1e-7)
        else:
            assert after["failure"] == "decode:not_dicom"
            assert after["score"] is None and after["raw"] is None
            assert ".dcm" not in after["detail"] and str(tmp_path) not in after["detail"]


@pytest.mark.parametrize("kind", ["thread", "process"])
@pytest.mark.parametrize("workers", [1, 3])
def test_the_workers_change_no_byte(
    plan: Make, study: Make, results_of: Make, tmp_path: Path, workers: int, kind: Any
) -> None:
    cases = study(tmp_path / "dicom", 13, broken=(4,))
    ENGINE.run(plan(tmp_path, cases, workers=2), out=tmp_path / "a", resume=False)
    LocalEngine(kind=kind).run(plan(tmp_path, cases, workers=workers), out=tmp_path / "b", resume=False)
    assert results_of(tmp_path / "a") == results_of(tmp_path / "b")


def test_several_models_share_each_decoded_image(
    plan: Make, study: Make, tiny_onnx: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = study(tmp_path / "dicom", 9)
    tiny_onnx(tmp_path / "other.onnx", bias=1.0)
    (tmp_path / "table.csv").write_text("case_id,score\n" + "".join(f"C{n},{n / 10}\n" for n in range(9)))
    models = [
        {},
        {"id": "other", "path": "other.onnx"},
        {
            "id": "resized",
            "preprocess": [{"resize": {"size": [4, 4], "method": "nearest"}}, {"scale": {"to": [0, 0.001]}}],
        },
        {"id": "table", "format": "predictions", "path": "table.csv", "preprocess": [], "options": {"key": "case_id"}},
    ]
    models[3]["output"] = {"activation": "none", "kind": "probability"}
    read: list[Path] = []
    monkeypatch.setattr("validate.imaging.image.read_image", lambda path: read.append(path) or read_image(path))
    table = _run(plan(tmp_path, cases, models), tmp_path / "out")
    assert table.num_rows == 36
    assert len(read) == 9 + 1  # and one for the first look
    by_model = {name: table.filter(pa.compute.equal(table["model"], name)) for name in ("other", "table")}
    assert by_model["table"].column("score").to_pylist() == [n / 10 for n in range(9)]
    assert by_model["other"].column("score").to_pylist() == pytest.approx(
        [_expected(case.files[0], bias=1.0) for case in cases], abs=1e-6
    )


def test_passes_choose_models_cases_and_batch(plan: Make, study: Make, tmp_path: Path) -> None:
    cases = study(tmp_path / "dicom", 10)
    women = Pass("women", models=("m",), selector={"sex": "F"}, engine_overrides={"batch_size": 1})
    models = [{}, {"id": "k", "format": "constant", "path": None}]
    table = _run(plan(tmp_path, cases, models, passes=(CLEAN, women)), tmp_path / "out")
    clean = {row["unit"]: row for row in table.to_pylist() if (row["model"], row["pass"]) == ("m", "clean")}
    chosen = [row for row in table.to_pylist() if row["pass"] == "women"]
    assert [row["unit"] for row in chosen] == [case.unit for case in cases if case.attributes["sex"] == "F"]
    assert {row["model"] for row in chosen} == {"m"}
    for row in chosen:
        assert row["score"] == pytest.approx(clean[row["unit"]]["score"], abs=1e-7)


@pytest.mark.parametrize(("rule", "combine"), [("max", max), ("mean", lambda values: sum(values) / len(values))])
def test_images_of_a_study_become_one_score_by_the_stated_rule(
    plan: Make, study: Make, tmp_path: Path, rule: str, combine: Any
) -> None:
    cases = study(tmp_path / "dicom", 7, files_per_case=3, broken=(2,))
    models = [{"input": {"aggregate": {"to": "study", "score": rule}}}]
    rows = _run(plan(tmp_path, cases, models, unit="study"), tmp_path / "out").to_pylist()
    for number, (case, row) in enumerate(zip(cases, rows, strict=True)):
        if number == 2:
            assert (row["status"], row["failure"]) == ("failed", "decode:not_dicom")
            assert row["detail"].startswith("1 of 3 images of this unit failed; the first:")
        else:
            assert row["score"] == pytest.approx(combine([_expected(path) for path in case.files]), abs=1e-6)
            assert len(row["raw"]) == 3


def test_a_case_without_a_file_is_a_failure_row(plan: Make, study: Make, tmp_path: Path) -> None:
    from dataclasses import replace

    first, second = study(tmp_path / "dicom", 2)
    rows = _run(plan(tmp_path, (replace(first, files=()), second)), tmp_path / "out").to_pylist()
    assert [row["failure"] for row in rows] == ["no_image", None]


def test_a_wrong_size_is_refused_before_the_run(plan: Make, study: Make, tiny_onnx: Make, tmp_path: Path) -> None:
    tiny_onnx(tmp_path / "tiny.onnx", size=16)
    with pytest.raises(
        ModelError, match=r"makes images of shape \(1, 8, 8\).*takes \(1, 16, 16\).*resize: \{size: \[16, 16\]"
    ):
        _run(plan(tmp_path, study(tmp_path / "dicom", 3)), tmp_path / "out")
    assert not list(tmp_path.glob("out/**/*.parquet"))


def test_one_image_of_another_size_fails_alone(
    plan: Make, study: Make, dicom: Make, tiny_onnx: Make, tmp_path: Path
) -> None:
    cases = study(tmp_path / "dicom", 6)
    dicom(cases[4].files[0], np.zeros((5, 5), dtype=np.uint16))
    tiny_onnx(tmp_path / "tiny.onnx", size=8)
    rows = _run(plan(tmp_path, cases), tmp_path / "out").to_pylist()
    assert [row["failure"] for row in rows] == [None] * 4 + ["input_shape", None]


def test_images_of_several_sizes_go_through_a_model_that_takes_any(
    plan: Make, study: Make, dicom: Make, tmp_path: Path
) -> None:
    cases = study(tmp_path / "dicom", 6)
    for number in (1, 4):
        dicom(cases[number].files[0], np.full((5, 9), 700, dtype=np.uint16))
    scores = _run(plan(tmp_path, cases), tmp_path / "out").column("score").to_pylist()
    assert scores == pytest.approx([_expected(case.files[0]) for case in cases], abs=1e-6)


def test_a_promised_probability_out_of_range_stops_the_run_and_keeps_what_was_done(
    plan: Make, study: Make, tmp_path: Path
) -> None:
    rows = "".join(f"C{n},{0.5 if n < 12 else 93}\n" for n in range(20))
    (tmp_path / "table.csv").write_text("case_id,score\n" + rows)
    table = {
        "format": "predictions",
        "path": "table.csv",
        "preprocess": [],
        "options": {"key": "case_id"},
        "output": {"activation": "none", "kind": "probability"},
    }
    events: list[tuple[str, Any]] = []
    with pytest.raises(ModelError, match="got 93 where a probability was promised"):
        _run(
            plan(tmp_path, study(tmp_path / "dicom", 20), [table]),
            tmp_path / "out",
            on_event=lambda name, data: events.append((name, data)),
        )
    assert read_inference(tmp_path / "out").num_rows == 8  # the first shard
    assert events[-1] == ("inference_stopped", {"cause": "ModelError", "cases_done": 8})


def test_a_finished_run_is_not_run_again(plan: Make, study: Make, results_of: Make, tmp_path: Path) -> None:
    work = plan(tmp_path, study(tmp_path / "dicom", 10))
    _run(work, tmp_path / "out")
    before = results_of(tmp_path / "out")
    with pytest.raises(CommandError, match=r"already holds results. Continue them with --resume"):
        _run(work, tmp_path / "out")
    summary = ENGINE.run(work, out=tmp_path / "out", resume=True)
    assert (summary.resumed_shards, summary.shards, summary.rows) == (2, 2, 10)
    assert results_of(tmp_path / "out") == before


def test_another_plan_is_not_resumed(plan: Make, study: Make, tmp_path: Path) -> None:
    cases = study(tmp_path / "dicom", 4)
    _run(plan(tmp_path, cases), tmp_path / "out")
    with pytest.raises(CommandError, match="was begun with another plan: it differs in shard_size"):
        ENGINE.run(plan(tmp_path, cases, shard_size=2), out=tmp_path / "out", resume=True)
    with pytest.raises(CommandError, match="differs in cases, units"):
        ENGINE.run(plan(tmp_path, cases[:3]), out=tmp_path / "out", resume=True)


def test_torn_and_foreign_shards_are_redone(plan: Make, study: Make, results_of: Make, tmp_path: Path) -> None:
    work = plan(tmp_path, study(tmp_path / "dicom", 20))
    _run(work, tmp_path / "out")
    before = results_of(tmp_path / "out")
    shards = sorted(tmp_path.glob("out/m/clean/shard-*.parquet"))
    shards[0].write_bytes(shards[0].read_bytes()[:-7])  # torn
    shards[1].write_bytes(shards[2].read_bytes())  # another shard's
    (tmp_path / "out/m/clean/.shard-00002.parquet.1.partial").write_bytes(b"left by a killed run")
    summary = ENGINE.run(work, out=tmp_path / "out", resume=True)
    assert summary.resumed_shards == 1
    assert results_of(tmp_path / "out") == before


def test_the_probed_batch_size_is_kept_for_the_resumed_run(plan: Make, study: Make, tmp_path: Path) -> None:
    work = plan(tmp_path, study(tmp_path / "dicom", 10), batch_size="auto")
    events: list[str] = []
    first = ENGINE.run(work, out=tmp_path / "out", resume=False, on_event=lambda name, _: events.append(name))
    again = ENGINE.run(work, out=tmp_path / "out", resume=True, on_event=lambda name, _: events.append(name))
    assert first.batch_sizes == again.batch_sizes
    assert events.count("batch_size_probed") == 1


def test_a_full_disk_is_said_and_the_run_resumes(
    plan: Make, study: Make, results_of: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    from validate.inference import stored_files

    work = plan(tmp_path, study(tmp_path / "dicom", 30))
    _run(work, tmp_path / "whole")
    real, written = stored_files.write_atomically, []

    def full(path: Path, content: bytes) -> None:
        written.append(path)
        if len(written) > 3:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        real(path, content)

    monkeypatch.setattr(stored_files, "write_atomically", full)
    with pytest.raises(MachineError, match=r"No space left on device. Every finished shard is kept.*--resume"):
        _run(work, tmp_path / "out")
    monkeypatch.setattr(stored_files, "write_atomically", real)
    assert ENGINE.run(work, out=tmp_path / "out", resume=True).resumed_shards == 2
    assert results_of(tmp_path / "out") == results_of(tmp_path / "whole")


def test_an_interrupted_run_says_so_and_resumes(plan: Make, study: Make, results_of: Make, tmp_path: Path) -> None:
    work = plan(tmp_path, study(tmp_path / "dicom", 30))
    _run(work, tmp_path / "whole")
    events: list[tuple[str, Any]] = []

    def interrupt(update: Update) -> None:
        if update.done >= 17:
            raise KeyboardInterrupt

    import validate.inference.summary as summary

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(summary, "PROGRESS_EVERY", 0.0)
        _run(work, tmp_path / "out", progress=interrupt, on_event=lambda *event: events.append(event))
    done = events[-1][1]["cases_done"]  # the model may have been quicker than who interrupts
    assert events[-1] == ("inference_stopped", {"cause": "KeyboardInterrupt", "cases_done": done}) and 17 <= done <= 30
    assert ENGINE.run(work, out=tmp_path / "out", resume=True).resumed_shards == (4 if done == 30 else done // 8)
    assert results_of(tmp_path / "out") == results_of(tmp_path / "whole")


def test_progress_ends_at_the_total_and_counts_failures(plan: Make, study: Make, tmp_path: Path) -> None:
    updates: list[Update] = []
    work = plan(tmp_path, study(tmp_path / "dicom", 9, broken=(1, 2)))
    ENGINE.run(work, out=tmp_path / "out", resume=False, progress=updates.append)
    last = updates[-1]
    assert (last.done, last.total, last.failures, last.seconds_left) == (9, 9, 2, 0.0)
    assert last.rate > 0
    assert [update.done for update in updates] == sorted(update.done for update in updates)


def test_events_tell_the_audit_trail_what_happened(plan: Make, study: Make, tmp_path: Path) -> None:
    events: list[tuple[str, dict[str, Any]]] = []
    work = plan(tmp_path, study(tmp_path / "dicom", 9, broken=(1,)))
    ENGINE.run(work, out=tmp_path / "out", resume=False, on_event=lambda name, data: events.append((name, data)))
    assert [name for name, _ in events] == ["inference_started", "shard_written", "shard_written", "inference_finished"]
    assert events[0][1]["batch_sizes"] == {"m": 4}
    assert events[-1][1] == {"rows": 9, "failures": {"decode:not_dicom": 1}}
    text = repr(events)
    assert str(tmp_path) not in text and "C1" not in text


def test_timings_are_kept_apart_and_add_up(plan: Make, study: Make, tmp_path: Path) -> None:
    _run(plan(tmp_path, study(tmp_path / "dicom", 10)), tmp_path / "out")
    timings = read_timings(tmp_path / "out").to_pylist()
    assert [(row["model"], row["pass"], row["shard"], row["cases"]) for row in timings] == [
        ("m", "clean", 0, 8),
        ("m", "clean", 1, 2),
    ]
    assert all(row["decode_seconds"] > 0 and row["predict_seconds"] > 0 for row in timings)


def test_a_model_that_fails_on_one_case_fails_it_alone(
    put_before: Make, plan: Make, study: Make, tmp_path: Path
) -> None:
    work = plan(tmp_path, study(tmp_path / "dicom", 10))
    events: list[str] = []

    def picky(real: Any, batch: Any) -> Any:
        if any(case.unit == "u0005" for case in batch.cases):
            raise RuntimeError("no such thing at /home/anna/secret/model.py")
        return real(batch)

    put_before(work.models[0].loaded, picky)
    rows = _run(work, tmp_path / "out", on_event=lambda name, _: events.append(name)).to_pylist()
    assert [row["status"] for row in rows].count("failed") == 1
    assert rows[5]["failure"] == "model_error"
    assert rows[5]["detail"] == "The model raised RuntimeError on this case alone: no such thing at <path>"
    assert events.count("batch_split") == 1


def test_a_model_that_fails_on_everything_is_refused_before_the_run(
    put_before: Make, plan: Make, study: Make, tmp_path: Path
) -> None:
    work = plan(tmp_path, study(tmp_path / "dicom", 10))

    def broken(real: Any, batch: Any) -> Any:
        raise RuntimeError(f"cannot multiply {len(batch.cases)}")

    put_before(work.models[0].loaded, broken)
    with pytest.raises(ModelError, match=r"models\.m: it failed on each of the first 3 images.*cannot multiply 1"):
        _run(work, tmp_path / "out")


def test_a_batch_that_does_not_fit_is_halved_and_stays_halved(
    put_before: Make, plan: Make, study: Make, tmp_path: Path
) -> None:
    from validate.models.adapter import OutOfMemory

    cases = study(tmp_path / "dicom", 16)
    whole = _run(plan(tmp_path, cases), tmp_path / "whole").column("score").to_pylist()
    work = plan(tmp_path, cases)
    sizes, events = [], []

    def small(real: Any, batch: Any) -> Any:
        sizes.append(len(batch.cases))
        if len(batch.cases) > 1:
            raise OutOfMemory("4 GiB")
        return real(batch)

    put_before(work.models[0].loaded, small)
    table = _run(work, tmp_path / "out", on_event=lambda *event: events.append(event))
    assert table.column("score").to_pylist() == pytest.approx(whole, abs=1e-7)
    halved = [data for name, data in events if name == "batch_halved"]
    assert halved == [{"model": "m", "from": 4, "to": 2}, {"model": "m", "from": 2, "to": 1}]
    assert sizes == [1, 4, 2] + [1] * 16


def test_not_enough_memory_for_one_case_is_that_cases_failure(
    put_before: Make, plan: Make, study: Make, tmp_path: Path
) -> None:
    from validate.models.adapter import OutOfMemory

    work = plan(tmp_path, study(tmp_path / "dicom", 4))

    def greedy(real: Any, batch: Any) -> Any:
        if any(case.unit == "u0002" for case in batch.cases):
            raise OutOfMemory("too big")
        return real(batch)

    put_before(work.models[0].loaded, greedy)
    rows = _run(work, tmp_path / "out").to_pylist()
    assert [row["failure"] for row in rows] == [None, None, "out_of_memory", None]


def test_unmatched_predictions_are_an_event(plan: Make, study: Make, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("case_id,score\nC0,0.5\nX9,0.5\n")
    table = {"format": "predictions", "path": "table.csv", "preprocess": [], "options": {"key": "case_id"}}
    events: list[tuple[str, Any]] = []
    rows = _run(
        plan(tmp_path, study(tmp_path / "dicom", 2), [table]), tmp_path / "out", on_event=lambda *e: events.append(e)
    ).to_pylist()
    assert [row["failure"] for row in rows] == [None, "missing_output"]
    assert events[0][0] == "predictions_joined"
    assert (events[0][1]["cases_without_row"], events[0][1]["rows_without_case"]) == (1, 1)


def test_predictions_are_joined_without_reading_an_image(plan: Make, study: Make, tmp_path: Path) -> None:
    cases = study(tmp_path / "dicom", 3)
    for case in cases:
        case.files[0].unlink()
    (tmp_path / "table.csv").write_text("case_id,score\nC0,0\nC1,0\nC2,0\n")
    table = {"format": "predictions", "path": "table.csv", "preprocess": [], "options": {"key": "case_id"}}
    rows = _run(plan(tmp_path, cases, [table]), tmp_path / "out").to_pylist()
    assert [(row["score"], row["decoder"]) for row in rows] == [(0.5, None)] * 3


def test_an_unknown_step_is_a_protocol_error_not_a_failed_case(plan: Make, study: Make, tmp_path: Path) -> None:
    cases = study(tmp_path / "dicom", 1)
    with pytest.raises(ProtocolError, match=r"models\.m\.preprocess\[0\]: no step 'zoom'; the steps are window"):
        plan(tmp_path, cases, [{"preprocess": [{"zoom": {}}]}])
    with pytest.raises(ProtocolError, match=r"models\.m\.preprocess\[0\]\.resize: "):
        plan(tmp_path, cases, [{"preprocess": [{"resize": {"size": [0, 1], "method": "bilinear"}}]}])
    with pytest.raises(ProtocolError, match="got 2 names"):
        plan(tmp_path, cases, [{"preprocess": [{"resize": {}, "scale": {}}]}])


def test_a_run_whose_answers_were_contradicted_at_the_end_can_not_be_resumed(
    plan: Make, study: Make, tmp_path: Path
) -> None:
    """A model out of our hands may answer twice, the second time when all is stored."""
    made = plan(tmp_path, study(tmp_path / "data", 3))
    events: list[str] = []

    def conclude() -> None:
        raise Contradiction("models.m: a second, different answer.")

    made.models[0].loaded.conclude = conclude
    with pytest.raises(Contradiction, match="second, different answer"):
        ENGINE.run(made, out=tmp_path / "out", resume=False, on_event=lambda name, data: events.append(name))
    assert events[-1] == "inference_stopped"
    with pytest.raises(CommandError, match=r"contradicted by a later one.*Run anew with another --out"):
        ENGINE.run(made, out=tmp_path / "out", resume=True)
