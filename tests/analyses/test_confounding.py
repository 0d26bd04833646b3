"""A scanner confounded with how hard a case is: adjusted away by weights and by standardisation; and a weak one that stays weak."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from validate.analyses.analysis import Evidence
from validate.analyses.confounding import confounding, cramers_v
from validate.analyses.scanner_shift import ANALYSIS
from validate.estimation.groups import Groups
from validate.estimation.sample import Sample
from validate.metrics.metric import Rows
from validate.protocol.scanner_shift import ScannerShiftOptions
from validate.verdict.decide import decide

OPTIONS: dict[str, Any] = {"by": "manufacturer", "endpoints": ["sensitivity", "auroc"], "adjust_for": ["severity"]}


def study(
    build: SimpleNamespace, *, patients: int = 900, weak: float = 0.0, bound: float = 0.8, seed: int = 1, acceptance: Any = (), **more: Any
) -> Evidence:  # fmt: skip
    """Scanner B gets the mild cases, which are harder to find; `weak` is what is missing on B besides."""
    rng = np.random.default_rng(seed)
    protocol = build.protocol(
        analyses=[{"name": "scanner_shift", "options": {**OPTIONS, **more}}], strata=["manufacturer", "severity"],
        acceptance=list(acceptance),
    )  # fmt: skip
    mild = rng.random(patients) < 0.5
    on_b = rng.random(patients) < np.where(mild, bound, 1 - bound)
    positive = rng.random(patients) < 0.5
    latent = rng.normal(0, 1, patients) + positive * np.where(mild, 0.8, 2.6) - positive * on_b * weak - 1.0
    evidence = build.evidence(
        protocol, patient=np.arange(patients), positive=positive, score=1 / (1 + np.exp(-latent)),
        attributes={"manufacturer": np.where(on_b, "B", "A").tolist(), "severity": np.where(mild, "mild", "severe").tolist()},
    )  # fmt: skip
    return build.estimated(evidence)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def bound_up(build: SimpleNamespace) -> Any:
    """What is found where the mild cases go to B."""
    return entry(study(build))


def entry(evidence: Evidence) -> Any:
    options = ScannerShiftOptions.model_validate(dict(evidence.protocol.analyses[0].options))
    (found,) = ANALYSIS.findings(evidence, options)
    return found.data["attributes"][0]


def on_b(rows: Any, endpoint: str) -> Any:
    return next(one for one in rows if one["level"] == "B" and one["endpoint"] == endpoint)


def test_a_difference_that_is_the_case_mixs_goes_away_and_raw_stands_beside(bound_up: Any) -> None:
    found = bound_up
    for endpoint in ("sensitivity", "auroc"):
        one = on_b(found["weighted"], endpoint)
        assert one["raw"] < -0.1, endpoint  # as it is, B looks weak
        assert one["low"] < 0 < one["high"] and abs(one["value"]) < abs(one["raw"]) / 2, endpoint
    standardised = on_b(found["adjusted"], "sensitivity")
    weighted = on_b(found["weighted"], "sensitivity")
    assert weighted["value"] == pytest.approx(standardised["value"], abs=0.03)  # one covariate: the model is saturated
    assert weighted["effective"] < 450


def test_a_scanner_that_is_weak_itself_stays_weak(build: SimpleNamespace) -> None:
    one = on_b(entry(study(build, weak=1.5))["weighted"], "sensitivity")
    assert one["high"] < 0


def test_who_is_imaged_where_is_told_and_no_more_than_is_so(build: SimpleNamespace, bound_up: Any) -> None:
    severity, truth = bound_up["confounding"]
    assert severity["association"] == pytest.approx(0.6, abs=0.08)  # 0.8 less 0.2
    assert truth["covariate"] == "reference" and truth["association"] < 0.1
    assert [row["level"] for row in severity["rows"]] == ["A", "B"]
    for row in severity["rows"]:
        assert sum(row["shares"]) == pytest.approx(1)
    free = entry(study(build, bound=0.5, patients=300, endpoints=["sensitivity"]))["confounding"][0]
    assert free["association"] < 0.2


def test_cramers_v_by_hand() -> None:
    assert cramers_v(np.array([[50, 0], [0, 50]])) == pytest.approx(1.0, abs=1e-9)
    assert cramers_v(np.array([[25, 25], [25, 25]])) == 0.0
    assert cramers_v(np.array([[25, 25]])) is None


@pytest.mark.parametrize(
    ("weak", "bound", "margin", "outcome"),
    [(0.0, 0.5, 0.15, "PASS"), (3.0, 0.5, 0.10, "FAIL"), (0.0, 0.5, 0.04, "INCONCLUSIVE")],
)
def test_levels_against_all_others_decide_by_a_margin(
    build: SimpleNamespace, weak: float, bound: float, margin: float, outcome: str
) -> None:
    criterion = {"endpoint": "sensitivity", "gap_of": "manufacturer", "rationale": "r"}
    evidence = study(build, weak=weak, bound=bound, margin=margin, rationale="r", acceptance=[criterion])
    (result,) = decide(evidence.protocol, evidence.estimates, locked=True).criteria
    assert result.outcome == outcome, result.sentence
    assert "all others" in result.sentence
    rest = {(one["endpoint"], one["level"]): one["conclusion"] for one in entry(evidence)["rest"]}
    assert rest["sensitivity", "B"] == {"PASS": "within", "FAIL": "beyond", "INCONCLUSIVE": "open"}[outcome]
    options = ScannerShiftOptions.model_validate(dict(evidence.protocol.analyses[0].options))
    (found,) = ANALYSIS.findings(evidence, options)
    within, beyond = (
        "no manufacturer differs from all other cases by more than",
        "by more than the margin where manufacturer is",
    )
    said = found.statement.partition("Area under")[0]
    assert (within in said, beyond in said) == (outcome == "PASS", outcome == "FAIL"), found.statement


def test_the_mix_is_one_of_cases_whatever_else_has_rows() -> None:
    # two cases on A, of F with three lesions and of M with none, and one of F on B: of marks and lesions there is no share
    members = np.array(
        [[1, 1, 1, 1, 1, 1], [1, 1, 0, 1, 1, 1], [0, 0, 1, 0, 0, 0], [1, 0, 1, 1, 1, 1], [0, 1, 0, 0, 0, 0]], bool
    )
    groups = Groups((None, "maker", "maker", "sex", "sex"), (None, "A", "B", "F", "M"), members)
    patient, counted = np.array([0, 1, 2, 0, 0, 0]), np.array([1, 1, 1, 0, 0, 0], bool)
    sample = Sample(Rows({"lesion": ~counted}, {}), patient, patient, groups, np.zeros(5, np.int64), counted)
    samples: Any = SimpleNamespace(locked=lambda: sample, shown=lambda *_: True)
    (table,) = confounding(samples, "maker", ["sex"])
    assert [(row["cases"], row["shares"]) for row in table["rows"]] == [(2, [0.5, 0.5]), (1, [1.0, 0.0])]
