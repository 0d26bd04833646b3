"""Criteria on gaps between groups: equivalence within the margin, by limits that hold for all groups at once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from validate.estimation.estimate import Estimate, Interval
from validate.protocol.schema import StudyProtocol
from validate.verdict.decide import decide

FAIR = {"attributes": ["sex"], "endpoints": ["sensitivity"], "margin": 0.10, "rationale": "r"}


def protocol(build: SimpleNamespace) -> StudyProtocol:
    plain = build.protocol(acceptance=())
    document = plain.model_dump(mode="json", by_alias=True)
    document["analyses"] = [{"name": "fairness", "options": FAIR}]
    document["acceptance"] = [{"endpoint": "sensitivity", "gap_of": "sex", "rationale": "alike"}]
    document["endpoints"] = [{"id": "sensitivity", "metric": "classification.sensitivity", "role": "primary"}]
    return StudyProtocol.model_validate(document)


def gap(level: str, low: float, high: float, **changes: Any) -> Estimate:
    value = (low + high) / 2
    interval = Interval(low, high, 0.95, "b", simultaneous_low=low, simultaneous_high=high)
    plain = {
        "id": f"sensitivity/candidate/clean/sex={level}/minus=F", "endpoint": "sensitivity", "metric": "classification.sensitivity",
        "model": "candidate", "pass_id": "clean", "target": "y", "stratum": {"sex": level},
        "contrast": {"kind": "group_difference", "against": "sex=F"}, "value": value, "interval": interval, "n_cases": 50,
        "n_patients": 50, "n_events": 50, "unit": "proportion_difference", "role": "secondary",
    }  # fmt: skip
    return Estimate(**{**plain, **changes})


FEW = gap("X", 0, 0, interval=None, status="too_few", reason="4 events.")


@pytest.mark.parametrize(
    ("estimates", "outcome", "reason", "words"),
    [
        ([gap("M", -0.05, 0.08)], "PASS", "limit_meets_goal", "differs from the reference group of sex by no more than ± 10 points"),
        ([gap("M", -0.05, 0.08), gap("X", -0.09, 0.1)], "PASS", "limit_meets_goal", "All 2 groups differ"),
        ([gap("M", -0.05, 0.08), gap("X", -0.30, -0.11)], "FAIL", "limit_misses_goal", "lies wholly outside the margin of ± 10 points"),
        ([gap("M", -0.05, 0.12)], "INCONCLUSIVE", "straddles_goal", "lies inside the limits"),
        ([gap("M", -0.05, 0.08), FEW], "INCONCLUSIVE", "level_too_few", "4 events"),
        ([], "INCONCLUSIVE", "undefined", "no two groups of sex could be compared"),
    ],
)  # fmt: skip
def test_a_gap_is_judged_by_limits_for_all_groups_at_once(
    build: SimpleNamespace, estimates: list[Estimate], outcome: str, reason: str, words: str
) -> None:
    verdict = decide(protocol(build), estimates, locked=True)
    (result,) = verdict.criteria
    assert (result.outcome, result.reason) == (outcome, reason)
    assert words in result.sentence
    assert result.gap_of == "sex"
    assert verdict.outcome == outcome


def test_limits_of_one_group_alone_decide_nothing(build: SimpleNamespace) -> None:
    alone = gap("M", -0.05, 0.08)
    assert alone.interval is not None
    wide = Interval(-0.05, 0.08, 0.95, "b", simultaneous_low=-0.07, simultaneous_high=0.11)
    (result,) = decide(protocol(build), [gap("M", -0.05, 0.08, interval=wide)], locked=True).criteria
    assert result.outcome == "INCONCLUSIVE"


def test_a_verdict_with_a_gap_comes_back_as_it_was_written(build: SimpleNamespace) -> None:
    from validate.verdict.document import from_document, to_document

    verdict = decide(protocol(build), [gap("M", -0.05, 0.08)], locked=True)
    assert from_document(to_document(verdict)) == verdict
