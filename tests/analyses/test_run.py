from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from validate.analyses.analysis import Evidence
from validate.analyses.document import from_document, to_document
from validate.analyses.run import planned_analyses, required_passes, run_analyses
from validate.canonical import pretty_json
from validate.errors import EvidenceError, ProtocolError
from validate.protocol.passes import CLEAN

Study = Callable[..., Evidence]
ALWAYS = ["participants", "population", "overall", "targets", "strata", "comparison", "prevalence", "errors", "missing"]


def test_what_always_runs_comes_in_the_order_of_the_report(build: SimpleNamespace) -> None:
    assert [name for name, _, _ in planned_analyses(build.protocol())] == ALWAYS
    asked = build.protocol(analyses=[{"name": "calibration"}])
    assert "calibration" in [name for name, _, _ in planned_analyses(asked)]


def test_the_clean_pass_is_always_there(build: SimpleNamespace) -> None:
    assert required_passes(build.protocol()) == (CLEAN,)


def test_several_analyses_share_one_clean_pass(build: SimpleNamespace) -> None:
    robust = {
        "suite": "any",
        "severities": [1, 2],
        "endpoints": ["auroc"],
        "tolerance": 0.05,
        "rationale": "Falls of 0.05 matter.",
    }
    asked = build.protocol(analyses=[{"name": "robustness", "options": robust}, {"name": "determinism"}])
    passes = required_passes(asked)
    assert passes[0] == CLEAN and len({one.id for one in passes}) == len(passes) > 10
    plain = [one for one in passes if one.volume_transform is None and one.file_transform is None]
    assert [one for one in plain if not one.engine_overrides and not one.sample] == [CLEAN]


def test_every_problem_is_said_at_once(build: SimpleNamespace) -> None:
    asked = build.protocol(
        analyses=[{"name": "astrology"}, {"name": "calibration", "options": {"bins": 1, "colour": "red"}}]
    )
    with pytest.raises(ProtocolError) as error:
        planned_analyses(asked)
    assert len(error.value.problems) == 3
    assert "no analysis 'astrology'; there are calibration" in error.value.problems[0]
    assert "analyses.calibration.bins: Input should be greater than or equal to 2; got 1." in error.value.problems
    assert any("analyses.calibration.colour" in problem for problem in error.value.problems)


def test_findings_come_back_as_they_were_written(build: SimpleNamespace, estimated_study: Study) -> None:
    found = run_analyses(estimated_study(study=build.protocol(analyses=[{"name": "calibration"}])))
    assert from_document(json.loads(pretty_json(to_document(found)))) == found
    assert len({finding.id for finding in found}) == len(found)


def test_findings_name_estimates_that_exist(build: SimpleNamespace, estimated_study: Study) -> None:
    evidence = estimated_study(study=build.protocol(analyses=[{"name": "calibration"}]))
    known = {estimate.id for estimate in evidence.estimates}
    for finding in run_analyses(evidence):
        assert set(finding.estimates) <= known


def test_the_same_evidence_gives_the_same_bytes(estimated_study: Study) -> None:
    first, second = (pretty_json(to_document(run_analyses(estimated_study()))) for _ in range(2))
    assert first == second


def test_every_model_has_its_own_findings(build: SimpleNamespace, estimated_study: Study) -> None:
    study = build.protocol(models=[build.model(), build.model(id="rival")])
    found = run_analyses(estimated_study(study=study))
    assert [f.model for f in found if f.analysis == "overall"] == ["candidate", "rival"]
    assert [f.model for f in found if f.analysis == "population"] == [None]


@pytest.mark.parametrize("document", [{}, {"schema_version": "2"}, {"schema_version": "1", "findings": [{"id": "x"}]}])
def test_what_holds_no_findings_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(EvidenceError, match=r"findings\.json"):
        from_document(document)


def hostile(build: SimpleNamespace, name: str) -> Evidence:
    """Studies at the edge of what can be: every one of them is a study that somebody ran."""
    n = {"one_case": 1, "two_cases": 2}.get(name, 40)
    positive = [index % 2 == 0 for index in range(n)]
    score = [0.3 if name == "all_equal" else 0.1 + 0.8 * (index * 7 % n) / n for index in range(n)]
    patient = [0] * n if name == "one_patient" else [index // 2 for index in range(n)]
    failed = [name == "all_failed"] * n
    if name == "one_output":
        failed = [index > 0 for index in range(n)]
    if name == "one_class":
        positive = [False] * n
    if name == "perfect":
        score = [0.9 if p else 0.1 for p in positive]
    maker = {"one_level": ["GE"] * n, "no_level": [None] * n}.get(name, [f"M{index % 3}" for index in range(n)])
    labelled = [name != "one_label" or index == 0 for index in range(n)]
    sex: list[Any] = [None if index % 5 else "F" for index in range(n)]
    study = build.protocol(analyses=[{"name": "calibration"}], resampling={"replicates": 200})
    evidence: Evidence = build.evidence(
        study, patient=patient, positive=positive, score=score, failed=failed, labelled=labelled,
        attributes={"manufacturer": maker, "sex": sex, "site": ["A"] * n, "age": [None] * n},
    )  # fmt: skip
    return evidence


HOSTILE = (
    "one_case", "two_cases", "one_patient", "all_failed", "one_output", "one_class", "one_level", "no_level", "one_label",
    "all_equal", "perfect",
)  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_no_study_however_poor_leaves_a_number_that_is_none(
    build: SimpleNamespace, estimate: Callable[[Evidence], Evidence], name: str
) -> None:
    evidence = estimate(hostile(build, name))
    findings = run_analyses(evidence)
    text = pretty_json(to_document(findings)).decode()  # raises on NaN and infinity
    assert all(word not in text for word in ("nan%", " nan", " inf"))
    assert all(finding.statement for finding in findings)
    assert [finding.analysis for finding in run_analyses(replace(evidence, estimates=()))]
