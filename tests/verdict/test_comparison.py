"""Declared comparisons: what limits and families make of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from validate.estimation.estimate import Estimate, HypothesisTest
from validate.verdict.decide import decide
from validate.verdict.verdict import CriterionResult, Verdict


def judged(build: SimpleNamespace, *found: dict[str, Any], **changes: Any) -> Verdict:
    comparisons = [
        {"test": "new", "reference": "old", "rationale": "r", "hypothesis": "noninferiority", "margin": 0.05}
        | {key: value for key, value in one.items() if key not in {"low", "high", "p"}}
        for one in found
    ]
    comparisons = [
        {key: value for key, value in one.items() if not (key == "margin" and value is None)} for one in comparisons
    ]
    models = [build.model("old"), build.model("new")]
    protocol = build.protocol(models=models, comparisons=comparisons, **changes)
    estimates = [difference(build, one) for one in found]
    return decide(protocol, estimates, locked=True)


def difference(build: SimpleNamespace, one: dict[str, Any]) -> Estimate:
    found: Estimate = build.estimate(
        one["low"], one["high"], endpoint=one["endpoint"], model="new",
        contrast={"kind": "difference", "against": "old"}, unit="proportion_difference",
        test=HypothesisTest("noninferiority", 0.05, 0.025, one.get("p", 0.001), "bootstrap_paired"),
    )  # fmt: skip
    return found


def outcomes(verdict: Verdict) -> list[str]:
    return [result.outcome for result in verdict.criteria]


@pytest.mark.parametrize(
    ("hypothesis", "margin", "low", "high", "outcome"),
    [
        ("noninferiority", 0.05, -0.04, 0.02, "PASS"),
        ("noninferiority", 0.05, -0.05, 0.02, "PASS"),  # touching the margin is meeting it
        ("noninferiority", 0.05, -0.06, 0.02, "INCONCLUSIVE"),
        ("noninferiority", 0.05, -0.12, -0.06, "FAIL"),
        ("superiority", None, 0.001, 0.05, "PASS"),
        ("superiority", None, 0.0, 0.05, "INCONCLUSIVE"),  # no difference is not better
        ("superiority", None, -0.05, 0.0, "FAIL"),
        ("superiority", 0.02, 0.02, 0.05, "PASS"),
        ("superiority", 0.02, 0.01, 0.05, "INCONCLUSIVE"),
        ("equivalence", 0.05, -0.05, 0.05, "PASS"),
        ("equivalence", 0.05, -0.03, 0.06, "INCONCLUSIVE"),
        ("equivalence", 0.05, 0.06, 0.09, "FAIL"),
        ("noninferiority", 0.05, 0.01, 0.01, "INCONCLUSIVE"),  # no width decides nothing
        ("noninferiority", 0.05, None, None, "INCONCLUSIVE"),
    ],
)
def test_limits_decide_each_hypothesis(
    build: SimpleNamespace, hypothesis: str, margin: float | None, low: float | None, high: float | None, outcome: str
) -> None:
    verdict = judged(
        build, {"endpoint": "sensitivity", "hypothesis": hypothesis, "margin": margin, "low": low, "high": high}
    )
    assert outcomes(verdict) == [outcome]
    assert verdict.outcome == outcome


def test_of_a_metric_where_less_is_better_the_upper_limit_decides(build: SimpleNamespace) -> None:
    assert outcomes(judged(build, {"endpoint": "brier", "low": -0.01, "high": 0.04})) == ["PASS"]
    assert outcomes(judged(build, {"endpoint": "brier", "low": 0.06, "high": 0.08})) == ["FAIL"]
    assert judged(build, {"endpoint": "brier", "low": -0.01, "high": 0.04}).criteria[0].limit == "upper"


def test_primary_comparisons_are_co_primary_and_a_secondary_one_decides_nothing(build: SimpleNamespace) -> None:
    good, bad = (
        {"endpoint": "auroc", "low": -0.01, "high": 0.02},
        {"endpoint": "sensitivity", "low": -0.2, "high": -0.1},
    )
    assert judged(build, good, bad).outcome == "FAIL"
    assert judged(build, good, {**bad, "role": "secondary"}).outcome == "PASS"


def test_in_a_fixed_sequence_nothing_counts_after_the_first_that_is_not_met(build: SimpleNamespace) -> None:
    family = {"method": "fixed_sequence", "order": ["auroc", "sensitivity", "brier"]}
    found = judged(
        build,
        {"endpoint": "auroc", "low": -0.01, "high": 0.02},
        {"endpoint": "sensitivity", "low": -0.06, "high": 0.02},
        {"endpoint": "brier", "low": -0.01, "high": 0.02},
        multiplicity=family,
    )
    assert outcomes(found) == ["PASS", "INCONCLUSIVE", "INCONCLUSIVE"]
    last: CriterionResult = found.criteria[-1]
    assert last.reason == "earlier_not_met"
    assert "comes after 'sensitivity' in the fixed sequence" in last.sentence


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        # by hand, p = .01 and .02 of two: Holm .02 and .02; .02 and .02: Holm .04, BH .02
        ("holm", ["INCONCLUSIVE", "INCONCLUSIVE"]),
        ("benjamini_hochberg", ["PASS", "PASS"]),
    ],
)
def test_a_family_asks_its_adjusted_p(build: SimpleNamespace, method: str, expected: list[str]) -> None:
    found = judged(
        build,
        {"endpoint": "auroc", "low": -0.01, "high": 0.02, "p": 0.02},
        {"endpoint": "sensitivity", "low": -0.01, "high": 0.02, "p": 0.02},
        multiplicity={"method": method, "order": ["auroc", "sensitivity"]},
    )
    assert outcomes(found) == expected


def test_a_comparison_that_was_not_estimated_decides_nothing(build: SimpleNamespace) -> None:
    comparison = {"test": "new", "reference": "old", "rationale": "r", "hypothesis": "superiority", "endpoint": "auroc"}
    protocol = build.protocol(models=[build.model("old"), build.model("new")], comparisons=[comparison])
    verdict = decide(protocol, [], locked=True)
    assert verdict.outcome == "INCONCLUSIVE"
    assert "was not compared" in verdict.criteria[0].sentence
