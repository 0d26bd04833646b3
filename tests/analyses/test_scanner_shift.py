"""Each scanner left out, at the same mix of patients, and in the scores at the same truth."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from validate.analyses.analysis import Evidence
from validate.analyses.samples import model_samples
from validate.analyses.scanner_shift import ANALYSIS
from validate.catalog import shipped_catalog
from validate.protocol.lint import lint
from validate.protocol.scanner_shift import ScannerShiftOptions
from validate.protocol.schema import StudyProtocol
from validate.stats.obuchowski import clustered_auroc

Study = Callable[..., Evidence]
PLAIN: dict[str, Any] = {"by": "manufacturer", "endpoints": ["auroc", "sensitivity"]}


def asked(build: SimpleNamespace, **changes: Any) -> StudyProtocol:
    protocol: StudyProtocol = build.protocol(analyses=[{"name": "scanner_shift", "options": {**PLAIN, **changes}}])
    return protocol


def finding(evidence: Evidence) -> Any:
    options = ScannerShiftOptions.model_validate(dict(evidence.protocol.analyses[0].options))
    (found,) = ANALYSIS.findings(evidence, options)
    return found


def test_without_a_level_is_the_measure_of_all_other_cases(build: SimpleNamespace, estimated_study: Study) -> None:
    evidence = estimated_study(study=asked(build))
    (entry,) = finding(evidence).data["attributes"]
    known = {estimate.id: estimate for estimate in evidence.estimates}
    sample = model_samples(evidence, evidence.protocol.models[0]).locked()
    places = {sample.groups.levels[p]: p for p in sample.groups.of("manufacturer")}
    sensitivity = next(one for one in entry["endpoints"] if one["endpoint"] == "sensitivity")
    overall = known[sensitivity["overall"]].value
    assert overall is not None
    for level in sensitivity["levels"]:
        rest = ~sample.groups.members[places[level["level"]]] & sample.rows["positive"]
        assert level["without"] == pytest.approx(sample.rows["flagged"][rest].mean(), abs=1e-12)
        assert level["change"] == pytest.approx(overall - level["without"], abs=1e-12)
        assert (
            level["simultaneous_low"] <= level["low"] <= level["change"] <= level["high"] <= level["simultaneous_high"]
        )


def test_the_weak_maker_that_was_put_in_is_named_and_its_scores_lie_elsewhere(
    build: SimpleNamespace, estimated_study: Study
) -> None:
    found = finding(estimated_study(study=asked(build), patients=600))
    (entry,) = found.data["attributes"]
    moved = {
        one["level"]
        for endpoint in entry["endpoints"]
        for one in endpoint["levels"]
        if one["simultaneous_low"] > 0 or one["simultaneous_high"] < 0
    }
    assert "Fujifilm" in moved
    assert "without the cases on Fujifilm scanners" in found.statement
    scores = {one["level"]: one for one in entry["scores"]}
    assert scores["Fujifilm"]["with"]["high"] < 0.5
    assert scores["Fujifilm"]["without"]["low"] < 0.5 < scores["Fujifilm"]["without"]["high"]
    assert "scores lie elsewhere where manufacturer is" in found.statement


def test_scores_at_the_same_truth_are_compared_by_rank_with_patients_resampled(
    build: SimpleNamespace, estimated_study: Study
) -> None:
    evidence = estimated_study(study=asked(build))
    (entry,) = finding(evidence).data["attributes"]
    sample = model_samples(evidence, evidence.protocol.models[0]).outputs_only()
    place = next(p for p in sample.groups.of("manufacturer") if sample.groups.levels[p] == "GE")
    positive = sample.rows["positive"]
    expected = clustered_auroc(
        sample.rows["score"][positive], sample.groups.members[place][positive], sample.cluster[positive]
    )
    shift = next(one for one in entry["scores"] if one["level"] == "GE")["with"]
    assert shift["value"] == pytest.approx(expected.auroc, abs=1e-12)
    assert shift["low"] < shift["value"] < shift["high"]


def test_no_level_is_named_where_none_is_weak_in_most_studies(build: SimpleNamespace, estimated_study: Study) -> None:
    """Alarms of any level on the AUROC, at limits for all levels at once: one of twenty studies, and what chance allows."""
    study, alarms = asked(build, endpoints=["auroc"]), 0
    for seed in range(40):
        (entry,) = finding(estimated_study(study=study, weak=None, seed=seed, patients=200)).data["attributes"]
        levels = [
            one for endpoint in entry["endpoints"] for one in endpoint["levels"] if one["simultaneous_low"] is not None
        ]
        alarms += any(one["simultaneous_low"] > 0 or one["simultaneous_high"] < 0 for one in levels)
    assert alarms <= 6  # of 40 at 5%: the 99% point of chance


def test_the_threshold_that_would_restore_the_sensitivity_finds_as_many(
    build: SimpleNamespace, estimated_study: Study
) -> None:
    evidence = estimated_study(study=asked(build))
    (entry,) = finding(evidence).data["attributes"]
    sample = model_samples(evidence, evidence.protocol.models[0]).locked()
    wanted = sample.rows["flagged"][sample.rows["positive"]].mean()
    assert entry["thresholds"]
    for one in entry["thresholds"]:
        assert one["sensitivity"] >= wanted
        assert 0 <= one["specificity"] <= 1
    weak = next(one for one in entry["thresholds"] if one["level"] == "Fujifilm")
    assert weak["threshold"] < 0.5


def test_a_difference_that_comes_from_the_patients_goes_away_at_the_same_mix(build: SimpleNamespace) -> None:
    """Found in 90% of women and 50% of men on either scanner; one scanner sees mostly men."""
    cells = {("good", "F"): (180, 162), ("good", "M"): (20, 10), ("weak", "F"): (20, 18), ("weak", "M"): (180, 90)}
    maker, sex, score = [], [], []
    for (where, who), (count, found) in cells.items():
        maker += [where] * count
        sex += [who] * count
        score += [0.9] * found + [0.1] * (count - found)
    n = len(sex)
    study = asked(build, endpoints=["sensitivity"], adjust_for=["sex"])
    plain = build.evidence(
        study, patient=np.arange(n + 40), positive=np.r_[np.ones(n, bool), np.zeros(40, bool)], score=np.r_[score, np.full(40, 0.2)],
        attributes={"manufacturer": [*maker, *(["good", "weak"] * 20)], "sex": [*sex, *(["F"] * 40)], "site": ["A"] * (n + 40)},
    )  # fmt: skip
    (entry,) = finding(build.estimated(plain)).data["attributes"]
    good = next(one for one in entry["adjusted"] if one["level"] == "good")
    assert good["raw"] == pytest.approx(172 / 200 - 108 / 200)
    assert good["value"] == pytest.approx(0, abs=1e-12)
    assert good["against"] == "all others"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"by": "kernel"}, "'kernel' is not among the strata"),
        ({"endpoints": ["auc"]}, "no endpoint 'auc'"),
        ({"adjust_for": ["manufacturer"]}, "can't be held constant while it is compared"),
        ({"endpoints": []}, "endpoints"),
    ],
)
def test_what_does_not_fit_is_said(build: SimpleNamespace, changes: dict[str, Any], message: str) -> None:
    problems = [problem for problem in lint(asked(build, **changes), shipped_catalog()) if problem.severity == "error"]
    assert any(message in f"{problem.place} {problem.message}" for problem in problems), problems
