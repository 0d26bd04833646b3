"""Replay gives the sealed outputs again, and says so when it does not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import validate
from validate.cli.main import app
from validate.errors import DataError, EvidenceError, ModelError, ProtocolError
from validate.replay import _compared, replay

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


def rows(*scores: float | None) -> dict[tuple[str, ...], dict[str, object]]:
    return {
        (f"U-{n}", "a", "clean", "x"): {
            "score": score,
            "status": "failed" if score is None else "ok",
            "failure": "crashed" if score is None else None,
        }
        for n, score in enumerate(scores)
    }


def test_each_row_that_differs_is_named_and_small_differences_are_counted() -> None:
    found = _compared(rows(0.5, 0.5, None, 0.25), rows(0.5, 0.5 + 1e-9, 0.1, 0.75), 1e-6)
    assert (found.cases, found.identical, found.largest) == (4, 1, 0.5)
    assert found.differences == ("U-2 a clean x: was crashed, is ok", "U-3 a clean x: was 0.25, is 0.75")
    missing = _compared(rows(0.5, 0.6), rows(0.5), 1e-6)
    assert missing.differences == ("U-1 a clean x: no output now",)
    assert len(_compared(rows(*[0.0] * 50), rows(*[1.0] * 50), 1e-6).differences) == 21
