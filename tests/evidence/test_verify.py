"""The verifier alone, on a small folder: what it names, what it calls equal, what it never claims."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from validate.canonical import pretty_json
from validate.errors import DataError, EvidenceError
from validate.evidence.manifest import AUDIT, MANIFEST, SEAL
from validate.evidence.seal import write_manifest, write_seal
from validate.evidence.verify import verify
from validate.provenance.audit import AuditTrail

NUMBERS = {"estimates": [{"id": "auroc", "value": 0.9, "n_cases": 12, "interval": None}]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run = tmp_path / "run"
    (run / "report").mkdir(parents=True)
    (run / "estimates.json").write_bytes(pretty_json(NUMBERS))
    (run / "report" / "report.html").write_text("<p>0.9</p>")
    with AuditTrail(run / AUDIT) as trail:
        trail.append("started")
        write_manifest(run, inputs={}, created="2026-03-03T09:00:00+00:00")
        write_seal(run, audit_head=trail.append("reported"))
    return run


def recomputed(document: Mapping[str, Any]) -> Any:
    return lambda _folder: {"estimates.json": document}


def changed(**values: object) -> dict[str, Any]:
    return {"estimates": [{**NUMBERS["estimates"][0], **values}]}


def test_without_recomputation_it_is_integrity_only_and_never_verified(folder: Path) -> None:
    answer = verify(folder)
    assert (answer.status, answer.holds, answer.numbers) == ("INTEGRITY ONLY", True, 0)


def test_with_equal_numbers_it_is_verified_and_time_stays_unproven(folder: Path) -> None:
    answer = verify(folder, recompute=recomputed(NUMBERS))
    assert answer.status == "VERIFIED"
    assert (answer.files, answer.events, answer.numbers) == (1, 2, 2)
    assert "time and identity unproven" in answer.unproven


@pytest.mark.parametrize(
    ("values", "difference"),
    [
        ({"value": 0.9 * (1 + 1e-12)}, None),  # floating values to 1e-9 relative
        ({"value": 0.9 * (1 + 1e-7)}, "estimates.json#/estimates/0/value: stored 0.9, computed again 0.90000009"),
        ({"n_cases": 13}, "estimates.json#/estimates/0/n_cases: stored 12, computed again 13"),
        ({"n_cases": 12.0}, None),
        ({"value": None}, "estimates.json#/estimates/0/value: stored 0.9, computed again None"),
        ({"interval": {"low": 0.8}}, "estimates.json#/estimates/0/interval: stored None, computed again {'low': 0.8}"),
        ({"n_cases": True}, "estimates.json#/estimates/0/n_cases: stored 12, computed again True"),
        ({"a/b": 1}, "estimates.json#/estimates/0/a~1b: stored 'nothing', computed again 1"),
    ],
)
def test_numbers_are_compared_by_address(folder: Path, values: dict[str, Any], difference: str | None) -> None:
    answer = verify(folder, recompute=recomputed(changed(**values)))
    assert answer.differences == (() if difference is None else (difference,))


def test_findings_that_name_what_is_not_there_are_told_and_crash_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(*_arguments: object) -> None:
        raise IndexError("list index out of range")

    (folder / "results").mkdir(exist_ok=True)
    (folder / "results/units.parquet").touch()
    monkeypatch.setattr("validate.evidence.verify.recount", torn)
    monkeypatch.setattr("validate.evidence.verify.derived_differences", torn)
    told = verify(folder, recompute=lambda _folder: {}).differences
    assert sum("IndexError: list index out of range" in one for one in told) == 2


def test_a_recomputation_that_stops_is_a_difference(folder: Path) -> None:
    def stops(_folder: Path) -> Mapping[str, Any]:
        raise DataError("no labels")

    assert verify(folder, recompute=stops).differences == ("recomputation stopped: no labels",)


def test_a_hundred_differences_are_counted_not_listed(folder: Path) -> None:
    many = {"estimates": NUMBERS["estimates"], **{f"extra{n}": n for n in range(100)}}
    answer = verify(folder, recompute=recomputed(many))
    assert len(answer.differences) == 51
    assert answer.differences[-1] == "… and 50 more numbers differ"


def test_added_missing_and_changed_files_are_named(folder: Path) -> None:
    (folder / "estimates.json").write_text("{}")
    (folder / "late.json").write_text("{}")
    (folder / "report" / "report.html").unlink()
    text = "\n".join(verify(folder).differences)
    assert "estimates.json: SHA-256 is" in text
    assert "late.json: not in the manifest; it was added later" in text
    assert "report/report.html: missing" in text


def test_a_truncated_trail_no_longer_has_the_sealed_head(folder: Path) -> None:
    lines = (folder / AUDIT).read_bytes().splitlines(keepends=True)
    (folder / AUDIT).write_bytes(lines[0])
    assert any("its last event is" in difference for difference in verify(folder).differences)


@pytest.mark.parametrize(
    ("path", "word"), [("../../etc/passwd", "leaves the run folder"), ("/etc/passwd", "leaves the run folder")]
)
def test_a_manifest_that_points_outside_is_named_and_not_followed(folder: Path, path: str, word: str) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"].append({"path": path, "sha256": "0" * 64})
    (folder / MANIFEST).write_bytes(pretty_json(manifest))
    assert any(word in difference for difference in verify(folder).differences)


def test_a_symbolic_link_is_no_evidence(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("x")
    (folder / "link.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EvidenceError, match=r"link\.json: a symbolic link can't be evidence"):
        verify(folder)


@pytest.mark.parametrize("content", ["", "[]", "not json", "{}", '{"manifest": 3}'])
def test_a_seal_that_is_none_is_said(folder: Path, content: str) -> None:
    (folder / SEAL).write_text(content)
    with pytest.raises(EvidenceError, match=r"evidence/seal\.json|missing from a sealed document"):
        verify(folder)


def test_a_run_without_a_manifest_can_not_be_sealed(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="a run is sealed after its manifest"):
        write_seal(tmp_path, audit_head="0")
