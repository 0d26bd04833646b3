"""R18 names hazards whose claim was not shown, those that were never tested included; what was met or has no hazard it leaves to R04."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from validate.report.sealed import read_sealed
from validate.report.sections.traceability import open_hazards
from validate.report.study import Study

CLAIM = {
    "text": "Finds opacities.",
    "requirement": None,
    "endpoint": None,
    "model": None,
    "criterion": None,
    "estimate": None,
}


def study(folder: Path, *rows: dict[str, Any]) -> Study:
    document = {"schema_version": "1", "rows": [{**CLAIM, **row} for row in rows], "untested": []}
    (folder / "evidence" / "traceability.json").write_text(json.dumps(document), encoding="utf-8")
    return Study(read_sealed(folder), "acceptance")


def claim(name: str, hazard: str | None, outcome: str | None) -> dict[str, Any]:
    state = "untested" if outcome is None else "decided"
    return {"claim": name, "hazard": hazard, "outcome": outcome, "state": state}


def test_hazards_whose_claim_was_not_shown_are_named(build: Callable[..., Path]) -> None:
    rows = (
        claim("C1", "H-1", "PASS"), claim("C2", "H-2", "FAIL"), claim("C3", "H-3", "INCONCLUSIVE"), claim("C4", "H-4", None),
        claim("C5", None, "FAIL"),
    )  # fmt: skip
    table = open_hazards(study(build(), *rows))
    assert table is not None
    assert [str(row.cells[1]) for row in table.rows] == ["H-2", "H-3", "H-4"]
    assert [str(row.cells[4]) for row in table.rows] == ["FAIL", "INCONCLUSIVE", "not tested"]


def test_where_every_claim_with_a_hazard_is_met_there_is_no_table(build: Callable[..., Path]) -> None:
    assert open_hazards(study(build(), claim("C1", "H-1", "PASS"), claim("C2", None, "FAIL"))) is None
    assert open_hazards(study(build())) is None


def test_in_an_exploratory_study_no_hazard_is_answered_and_no_outcome_is_printed_bare(
    build: Callable[..., Path],
) -> None:
    rows = (claim("C1", "H-1", "PASS"), claim("C2", "H-2", "FAIL"), claim("C3", None, "PASS"))
    table = open_hazards(study(build(exploratory=True), *rows))
    assert table is not None
    assert [str(row.cells[1]) for row in table.rows] == ["H-1", "H-2"]
    assert [str(row.cells[4]) for row in table.rows] == ["would be met", "would be missed"]
