"""Gaps of predictive values, areas and calibration: Fairlearn's MetricFrame over scikit-learn's measures, and equations solved here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit, logit

from validate.estimation.cases import Cases
from validate.estimation.estimate import Estimate
from validate.estimation.group_gaps import group_gaps
from validate.estimation.groups import Groups
from validate.estimation.plan import plan_for
from validate.estimation.replicates import Resampling
from validate.estimation.sample import Sample
from validate.metrics.metric import Rows
from validate.protocol.fairness import FairnessOptions
from validate.stats.resample import resampling_key

MEASURES = (
    "ppv",
    "npv",
    "specificity",
    "sensitivity",
    "auroc",
    "brier",
    "calibration_in_the_large",
    "observed_expected_ratio",
)


class Study:
    """Two images of some patients; scores of women are too high by a half on the logit."""

    def __init__(self) -> None:
        rng = np.random.default_rng(11)
        self.patient = np.repeat(np.arange(2000), rng.integers(1, 3, 2000))
        n = len(self.patient)
        self.sex = np.array(["F", "M"])[(rng.random(2000) < 0.6).astype(int)[self.patient]]
        chance = expit(rng.normal(-0.3, 1.5, n))
        self.positive = rng.random(n) < chance
        self.score = expit(logit(chance) + np.where(self.sex == "F", 0.5, 0.0))
        self.flagged = self.score >= 0.5


@pytest.fixture(scope="module")
def study() -> Study:
    return Study()


@pytest.fixture(scope="module")
def gaps(study: Study) -> dict[str, Estimate]:
    n = len(study.score)
    members = np.stack([np.ones(n, bool), study.sex == "F", study.sex == "M"])
    groups = Groups((None, "sex", "sex"), (None, "F", "M"), members)
    columns = {"score": study.score, "positive": study.positive, "flagged": study.flagged}
    rows = Rows(columns, {"threshold": 0.5})
    sample = Sample(rows, study.patient, study.patient, groups, np.zeros(3, np.int64))
    none = np.zeros(0)
    cases = Cases("m", "clean", "y", none, none > 0, none > 0, none > 0, none.astype(int), none.astype(int), groups)
    options = FairnessOptions(attributes=("sex",), endpoints=MEASURES, reference={"sex": "M"})
    plans = [plan_for(f"classification.{name}", endpoint=name, role="secondary") for name in MEASURES]
    resampling = Resampling(2000, 300, resampling_key(1, "x"), 1)
    return {e.id: e for e in group_gaps(options, plans, cases, sample, resampling, rule="worst_case")}


def told(gaps: dict[str, Estimate], measure: str) -> tuple[Estimate, Estimate]:
    return tuple(gaps[f"{measure}/m/clean/sex=F/{kind}=M"] for kind in ("minus", "over"))  # type: ignore[return-value]


def within_limits(difference: Estimate, ratio: Estimate) -> None:
    for one in (difference, ratio):
        assert one.status == "ok" and one.interval is not None and one.value is not None, one.reason
        assert one.interval.low < one.value < one.interval.high
    assert difference.interval is not None and difference.interval.simultaneous_low is not None
    assert difference.interval.simultaneous_low <= difference.interval.low


def negative_predictive_value(truth: Any, said: Any) -> float:
    return float(np.mean(truth[said == 0] == 0))


@pytest.mark.parametrize("measure", ["ppv", "npv", "specificity", "sensitivity", "auroc", "brier"])
def test_a_gap_is_that_of_a_metric_frame(gaps: dict[str, Estimate], study: Study, measure: str) -> None:
    fairlearn = pytest.importorskip("fairlearn.metrics")
    sklearn = pytest.importorskip("sklearn.metrics")
    of_flags: dict[str, Callable[..., float]] = {
        "ppv": sklearn.precision_score,
        "npv": negative_predictive_value,
        "specificity": fairlearn.true_negative_rate,
        "sensitivity": fairlearn.true_positive_rate,
    }
    of_scores: dict[str, Callable[..., float]] = {"auroc": sklearn.roc_auc_score, "brier": sklearn.brier_score_loss}
    frame = fairlearn.MetricFrame(
        metrics=(of_flags | of_scores)[measure],
        y_true=study.positive.astype(int),
        y_pred=study.flagged.astype(int) if measure in of_flags else study.score,
        sensitive_features=study.sex,
    )
    difference, ratio = told(gaps, measure)
    assert difference.value == pytest.approx(frame.by_group["F"] - frame.by_group["M"], abs=1e-12)
    assert ratio.value == pytest.approx(frame.by_group["F"] / frame.by_group["M"], abs=1e-12)
    # The frame's own gap has no sign.
    assert abs(difference.value or 0) == pytest.approx(frame.difference(), abs=1e-12)
    within_limits(difference, ratio)


def test_a_gap_of_the_calibration_intercept_is_that_of_two_equations(gaps: dict[str, Estimate], study: Study) -> None:
    def intercept(sex: str) -> float:
        """The shift on the logit after which as many are expected as there are."""
        mine = study.sex == sex
        expected = logit(study.score[mine])
        return float(brentq(lambda a: expit(a + expected).sum() - study.positive[mine].sum(), -5, 5, xtol=1e-13))

    difference, _ = told(gaps, "calibration_in_the_large")
    assert difference.value == pytest.approx(intercept("F") - intercept("M"), abs=1e-8)
    assert difference.value == pytest.approx(-0.5, abs=0.3), "scores of women were raised by a half"
    assert difference.interval is not None and difference.interval.high < 0


def test_a_gap_of_observed_to_expected_is_one_of_two_ratios(gaps: dict[str, Estimate], study: Study) -> None:
    by_hand = [study.positive[study.sex == s].sum() / study.score[study.sex == s].sum() for s in ("F", "M")]
    difference, ratio = told(gaps, "observed_expected_ratio")
    assert difference.value == pytest.approx(by_hand[0] - by_hand[1], abs=1e-12)
    assert ratio.value == pytest.approx(by_hand[0] / by_hand[1], abs=1e-12)
    within_limits(difference, ratio)


def test_predictive_values_by_hand() -> None:
    """Of 40 flagged women 30 rightly, of 50 flagged men 45: 0.75 less 0.9, and 0.75 over 0.9."""
    sex = np.repeat(["F", "M"], [60, 70])
    flagged = np.r_[np.arange(60) < 40, np.arange(70) < 50]
    positive = np.r_[np.arange(60) < 30, np.arange(70) < 45]
    groups = Groups((None, "sex", "sex"), (None, "F", "M"), np.stack([np.ones(130, bool), sex == "F", sex == "M"]))
    rows = Rows({"score": flagged * 1.0, "positive": positive, "flagged": flagged}, {"threshold": 0.5})
    sample = Sample(rows, np.arange(130), np.arange(130), groups, np.zeros(3, np.int64))
    none = np.zeros(0)
    cases = Cases("m", "clean", "y", none, none > 0, none > 0, none > 0, none.astype(int), none.astype(int), groups)
    options = FairnessOptions(attributes=("sex",), endpoints=("ppv",), reference={"sex": "M"})
    plan = plan_for("classification.ppv", endpoint="ppv", role="secondary")
    found = group_gaps(
        options, [plan], cases, sample, Resampling(130, 300, resampling_key(1, "x"), 1), rule="worst_case"
    )
    difference, ratio = found
    assert difference.value == pytest.approx(-0.15) and ratio.value == pytest.approx(0.75 / 0.9)
    within_limits(difference, ratio)
