from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from validate.analyses.analysis import Evidence, Finding
from validate.analyses.calibration import ANALYSIS, Options
from validate.analyses.reliability import reliability_bins
from validate.stats.proportion import wilson

Study = Callable[..., Evidence]


def calibrated(
    build: SimpleNamespace, *, slope: float = 1.0, shift: float = 0.0, n: int = 3000, **study: Any
) -> Finding:
    """Truth drawn from the stated probability, then the stated logit moved: true slope 1/slope, intercept -shift."""
    rng = np.random.default_rng(11)
    logit = rng.normal(0, 1.5, n)
    positive = rng.random(n) < 1 / (1 + np.exp(-logit))
    stated = 1 / (1 + np.exp(-(slope * logit + shift)))
    evidence = build.evidence(
        build.protocol(strata=[], **study), patient=range(n), positive=positive, score=stated, attributes={}
    )
    (finding,) = ANALYSIS.findings(evidence, Options())
    return finding


def measure(finding: Finding, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(entry for entry in finding.data["measures"] if entry["id"] == name)
    return found


def test_true_probabilities_are_found_calibrated(build: SimpleNamespace) -> None:
    finding = calibrated(build)
    for name in ("intercept", "slope", "observed_over_expected"):
        entry = measure(finding, name)
        assert entry["low"] < entry["ideal"] < entry["high"]
    assert "no clear difference on average" in finding.statement
    assert "no clear sign" in finding.statement


def test_probabilities_that_are_too_extreme_and_too_high_are_said_to_be(build: SimpleNamespace) -> None:
    finding = calibrated(build, slope=2.0, shift=1.0)
    assert measure(finding, "slope")["value"] == pytest.approx(0.5, abs=0.05)
    assert "the probabilities are too high on average" in finding.statement
    assert "high probabilities are too high and low ones too low" in finding.statement


def test_a_score_is_never_taken_for_a_probability(build: SimpleNamespace) -> None:
    model = build.model(output={"activation": "none", "kind": "score"})
    finding = calibrated(build, models=[model])
    assert finding.status == "not_available"
    assert "is a score and no probability" in finding.statement
    assert finding.data == {}


def test_bins_hold_every_case_once(build: SimpleNamespace) -> None:
    finding = calibrated(build)
    assert sum(b["cases"] for b in finding.data["bins"]) == sum(finding.data["histogram"]["counts"]) == 3000
    assert [b["cases"] for b in finding.data["bins"]] == [300] * 10
    assert finding.data["binning"]["words"] == "10 bins of equal counts"


def test_failures_are_not_part_of_it_and_are_counted(simulated: Study) -> None:
    evidence = simulated(failures=7, unlabelled=0)
    (finding,) = ANALYSIS.findings(evidence, Options())
    assert finding.data["cases"] == evidence.units.num_rows - 7
    assert finding.data["without_output"] == 7
    assert "7 cases without an output can't be part of this" in finding.statement


def test_an_endpoint_lends_its_numbers(build: SimpleNamespace, estimated_study: Study) -> None:
    study = build.protocol(endpoints=[{"id": "b", "metric": "classification.brier", "role": "secondary"}])
    evidence = estimated_study(study=study)
    (finding,) = ANALYSIS.findings(evidence, Options())
    estimate = next(e for e in evidence.estimates if e.id == "b/candidate/clean")
    assert estimate.interval is not None
    brier = measure(finding, "brier")
    assert (brier["estimate"], brier["value"]) == (estimate.id, estimate.value)
    assert brier["low"] == estimate.interval.low
    assert finding.estimates == (estimate.id,)
    own = build.protocol()
    (other,) = ANALYSIS.findings(estimated_study(study=own), Options())
    assert measure(other, "brier")["estimate"] is None
    assert measure(other, "brier")["value"] == pytest.approx(estimate.value)
    assert measure(other, "brier")["low"] == pytest.approx(estimate.interval.low)


def test_limits_of_independent_rows_are_wilsons() -> None:
    rng = np.random.default_rng(2)
    score, positive = rng.random(50), rng.random(50) < 0.4
    for entry in reliability_bins(score, positive, cluster=np.arange(50), bins=5, binning="width"):
        limits = wilson(entry.positives, entry.cases, level=0.95)
        # 0 and 1 and few misses: as many patients as rows, so Wilson's all the same
        assert (entry.low, entry.high) == pytest.approx((float(limits.low), float(limits.high)))


def test_equal_scores_stay_in_one_bin() -> None:
    score = np.repeat([0.2, 0.7], [30, 10])
    found = reliability_bins(score, score > 0.5, cluster=np.arange(40), bins=10, binning="mass")
    assert [entry.cases for entry in found] == [30, 10]


def test_empty_bins_of_equal_width_have_no_numbers() -> None:
    found = reliability_bins(
        np.array([0.05, 1.0]), np.array([False, True]), cluster=np.arange(2), bins=4, binning="width"
    )
    assert [entry.cases for entry in found] == [1, 0, 0, 1]
    assert found[1].observed is None


def test_one_cluster_tells_nothing_of_others() -> None:
    (entry,) = reliability_bins(
        np.full(3, 0.5), np.array([True, False, True]), cluster=np.zeros(3, int), bins=3, binning="mass"
    )
    assert entry.observed == pytest.approx(2 / 3)
    assert (entry.low, entry.high) == (None, None)
