from __future__ import annotations

import json
from pathlib import Path

from validate.canonical import pretty_json
from validate.evidence.deviations import deviations_document
from validate.evidence.manifest import AUDIT
from validate.provenance.audit import AuditTrail


def folder_with(tmp_path: Path, kinds: tuple[str, ...], amendments: list[dict[str, str]] | None = None) -> Path:
    (tmp_path / "evidence").mkdir()
    with AuditTrail(tmp_path / AUDIT, actor="A. Example (stated)") as trail:
        for kind in kinds:
            trail.append(kind, {})
    if amendments is not None:
        (tmp_path / "lock.json").write_bytes(pretty_json({"amendments": amendments}))
    return tmp_path


def test_each_kind_is_counted_once_and_what_came_after_the_numbers_is_not(tmp_path: Path) -> None:
    amendments = [
        {"severity": "major", "when": "before_unblinding"},
        {"severity": "minor", "when": "after_unblinding"},
        {"severity": "minor", "when": "before_unblinding"},
    ]
    way = (
        "started",
        "locked",
        "amended",
        "stopped",
        "resumed",
        "refused",
        "resumed",
        "computed",
        "reported",
        "resumed",
    )
    found = deviations_document(folder_with(tmp_path, way, amendments))
    # by hand: three amendments, taken up twice before the numbers, refused once
    assert found == {
        "schema_version": "1",
        "amendments": {"major": 1, "minor": 2, "after_unblinding": 1},
        "interruptions": 2,
        "refusals": 1,
        "total": 6,
    }


def test_a_run_that_went_as_planned_has_none(tmp_path: Path) -> None:
    found = deviations_document(folder_with(tmp_path, ("started", "locked", "computed"), []))
    assert found["total"] == 0
    assert json.dumps(found).count("null") == 0


def test_without_a_lock_nothing_is_amended(tmp_path: Path) -> None:
    assert deviations_document(folder_with(tmp_path, ("started", "computed")))["amendments"]["major"] == 0
