"""What an answer cost is told of models that ran here, and of no others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from validate.report.costs import cost_table, model_cost_table, slowest_stage
from validate.report.sealed import read_sealed
from validate.report.study import Study

STAGES = {"decode": 1.0, "model": 9.0}


def study(build: Callable[..., Path], **fields: Any) -> Study:
    folder = build(models=("a", "b"), model_names=("A", "B"), **fields)
    cost = {
        "slowest": "model",
        "stages": [{"stage": name, "seconds": s, "milliseconds_per_case": s} for name, s in STAGES.items()],
        "models": [
            {"model": name, "pass": "clean", "cases": 9, "predict_seconds": 9.0, "predict_seconds_per_case": 1.0}
            for name in ("a", "b")
        ],
    }
    (folder / "evidence/cost.json").write_text(json.dumps(cost), encoding="utf-8")
    return Study(read_sealed(folder), "comparison")


def test_models_that_ran_here_have_their_seconds(build: Callable[..., Path]) -> None:
    ran = study(build)
    assert len(model_cost_table(ran).rows) == 2
    assert [str(line.cells[0]) for line in cost_table(ran).rows] == ["Reading and decoding", "The model"]
    assert str(slowest_stage(ran)) == "the model"


def test_outputs_that_were_handed_in_have_none(build: Callable[..., Path]) -> None:
    handed = study(build, format="predictions")
    assert not model_cost_table(handed).rows
    assert str(cost_table(handed).rows[1].cells[0]) == "Looking up outputs that were handed in"
    assert str(slowest_stage(handed)) == "looking up outputs that were handed in"
