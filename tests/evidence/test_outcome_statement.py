"""The in-toto statement of a run that nobody signed: what was tested, under what, how it ended, and nothing rosier than that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from validate.canonical import file_digest, pretty_json
from validate.evidence.outcome_statement import KIND, statement_document


def criterion(outcome: str, **more: Any) -> dict[str, Any]:
    return {"id": f"acceptance[{outcome}]", "endpoint": "auroc", "model": "a", "outcome": outcome, **more}


def made(run: Path, **verdict: Any) -> dict[str, Any]:
    (run / "verdict.json").write_bytes(pretty_json({"exploratory": False, **verdict}))
    (run / "evidence/models.json").write_bytes(pretty_json({"models": {"a": {"digest": "ab" * 32}}}))
    return statement_document(run)


def test_it_names_the_models_the_lock_and_the_results_by_digest(reported: Path) -> None:
    (reported / "lock.json").write_text("{}")
    document = made(reported, outcome="FAIL", criteria=[criterion("PASS"), criterion("FAIL")])
    assert document["_type"] == "https://in-toto.io/Statement/v1"
    assert document["predicateType"] == KIND
    assert document["subject"] == [{"name": "a", "digest": {"sha256": "ab" * 32}}]
    predicate = document["predicate"]
    assert predicate["result"] == "FAILED"
    assert predicate["passedTests"] == ["acceptance[PASS] auroc a"]
    assert predicate["failedTests"] == ["acceptance[FAIL] auroc a"]
    named = {one["name"]: one["digest"]["sha256"] for one in (*predicate["configuration"], *predicate["evidence"])}
    assert {"lock.json", "protocol.yaml", "estimates.json", "verdict.json"} == set(named)
    assert all(file_digest(reported / name) == digest for name, digest in named.items())


@pytest.mark.parametrize(
    ("verdict", "result", "of_criterion"),
    [
        ({"outcome": "PASS"}, "PASSED", "passedTests"),
        ({"outcome": "INCONCLUSIVE"}, "WARNED", "warnedTests"),
        ({"outcome": "PASS", "exploratory": True}, "WARNED", "warnedTests"),
        ({"outcome": None}, "WARNED", "warnedTests"),
    ],
)
def test_only_a_locked_pass_is_passed(reported: Path, verdict: dict[str, Any], result: str, of_criterion: str) -> None:
    document = made(reported, criteria=[criterion(str(verdict["outcome"]))], **verdict)
    assert document["predicate"]["result"] == result
    assert len(document["predicate"][of_criterion]) == 1


def test_a_criterion_added_later_is_not_passed(reported: Path) -> None:
    document = made(reported, outcome="PASS", criteria=[criterion("PASS", locked=False)])
    assert document["predicate"]["passedTests"] == []
