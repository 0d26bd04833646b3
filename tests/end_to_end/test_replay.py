"""Replay gives the sealed outputs again, and says so when it does not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import validate
from validate.cli.main import app
from validate.errors import DataError, EvidenceError, ModelError, ProtocolError
from validate.inference.comparison import Tally, compare_measures, compare_rows
from validate.replay import Replay, replay, told_of

NAME = "cxr-opacity-table.yaml"


def test_images_through_the_model_again_give_the_same_scores(finished: validate.Run) -> None:
    protocol = finished.folder.parent / "protocols/gallery/cxr-opacity-acceptance.yaml"
    result = CliRunner().invoke(app, ["replay", str(finished.folder), str(protocol)])
    assert result.exit_code == 0, result.output
    assert "REPLAYED" in result.output
    rows = pq.read_table(finished.folder / "results/units.parquet").num_rows
    assert f"{rows} outputs compared" in result.output


def test_another_protocol_cohort_or_model_is_not_compared(gallery: Path, tmp_path: Path) -> None:
    run = validate.run(gallery / NAME, out=tmp_path / "run").folder
    assert replay(run, gallery / NAME).holds
    tables = gallery / "../../sample_data/tables"
    kept = (tables / "predictions.csv").read_text()
    (tables / "predictions.csv").write_text(kept.replace("0.356803", "0.900000"))
    with pytest.raises(ModelError, match="another file than the one that was run"):
        replay(run, gallery / NAME)
    (tables / "predictions.csv").write_text(kept)
    cases = (tables / "cases.csv").read_text()
    (tables / "cases.csv").write_text(cases.replace("C0000,P000,M,50", "C0000,P000,F,50"))
    with pytest.raises(DataError, match="another cohort now"):
        replay(run, gallery / NAME)
    (tables / "cases.csv").write_text(cases)
    text = (gallery / NAME).read_text()
    (gallery / NAME).write_text(text.replace("seed: ", "seed: 1"))
    with pytest.raises(ProtocolError, match="is not the protocol that was sealed"):
        replay(run, gallery / NAME)
    (gallery / NAME).write_text(text)
    broken = Path(shutil.copytree(run, tmp_path / "broken"))
    (broken / "verdict.json").write_text(json.dumps({}))
    with pytest.raises(EvidenceError, match="does not fit its seal"):
        replay(broken, gallery / NAME)


def rows(*scores: float | None) -> list[dict[str, Any]]:
    return [
        {
            "unit": f"U-{n}",
            "model": "a",
            "pass": "clean",
            "target": "x",
            "score": score,
            "raw": None if score is None else [score],
            "geometry": None,
            "status": "failed" if score is None else "ok",
            "failure": "crashed" if score is None else None,
        }
        for n, score in enumerate(scores)
    ]


def compared(was: list[dict[str, Any]], now: list[dict[str, Any]]) -> Replay:
    tally = Tally()
    compare_rows(tally, was, now, 1e-6)
    return told_of(tally)


def test_each_row_that_differs_is_named_and_small_differences_are_counted() -> None:
    found = compared(rows(0.5, 0.5, None, 0.25), rows(0.5, 0.5 + 1e-9, 0.1, 0.75))
    assert (found.cases, found.identical, found.largest) == (4, 1, 0.5)
    assert found.differences == ("U-2 a clean x: was crashed, is ok", "U-3 a clean x: was 0.25, is 0.75")
    assert compared(rows(0.5, 0.6), rows(0.5)).differences == ("U-1 a clean x: no output now",)
    assert compared(rows(0.5), rows(0.5, 0.6)).differences == ("U-1 a clean x: not in the sealed outputs",)
    assert len(compared(rows(*[0.0] * 50), rows(*[1.0] * 50)).differences) == 21


def test_what_a_model_gave_before_its_activation_and_a_series_read_otherwise_are_named() -> None:
    was, now = rows(1.0, 1.0), rows(1.0, 1.0)
    now[0]["raw"], now[1]["geometry"] = [40.0], "gap"  # a sigmoid of both is 1
    assert compared(was, now).differences == (
        "U-0 a clean x: the output before its activation was [1.0], is [40.0]",
        "U-1 a clean x: the series was None, is gap",
    )


def test_each_measure_of_a_case_is_compared_and_no_value_is_like_no_value_only() -> None:
    def table(dice: list[float | None], hd95: list[float]) -> pa.Table:
        keys = {"unit": ["U-0", "U-1"], "model": ["a"] * 2, "pass": ["clean"] * 2, "target": ["x"] * 2}
        return pa.table({**keys, "dice": dice, "hd95": hd95, "detail": [str(dice), None]})

    tally = Tally()
    compare_measures(tally, table([0.5, None], [3.0, float("nan")]), table([0.5, None], [3.0, float("nan")]), 1e-6)
    assert (tally.measures, tally.differences) == (2, [])
    compare_measures(tally, table([0.5, None], [3.0, 1.0]), table([0.5, 0.0], [4.0, float("nan")]), 1e-6)
    assert tally.differences == [
        "U-0 a clean x: hd95 was 3.0, is 4.0",
        "U-1 a clean x: dice was None, is 0.0",
        "U-1 a clean x: hd95 was 1.0, is nan",
    ]
