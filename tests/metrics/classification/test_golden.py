"""Each metric on eight cases worked by hand, and on a larger study against scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics as sk

from validate.errors import Undefined
from validate.metrics.metric import Rows
from validate.registry import load, names

SCORE = np.array([0.95, 0.85, 0.60, 0.30, 0.85, 0.55, 0.20, 0.05])
POSITIVE = np.array([True, True, True, True, False, False, False, False])

# By hand, threshold 0.5: flagged are .95 .85 .60 (positive) and .85 .55 (negative): TP 3, FN 1, FP 2, TN 2.
BY_HAND = {
    "sensitivity": 3 / 4,
    "specificity": 2 / 4,
    "ppv": 3 / 5,
    "npv": 2 / 3,
    "accuracy": 5 / 8,
    "f1": 2 * 3 / (2 * 3 + 2 + 1),
    # pairs in order: .95 beats 4; .85 beats 3 and ties one; .60 beats 3; .30 beats 2: 12.5 of 16
    "auroc": 12.5 / 16,
    # falling: .95+ | .85+ and .85- together | .60+ | .55- | .30+: precision 1/1, 2/3, 3/4, 4/6 at the four positives
    "average_precision": (1 + 2 / 3 + 3 / 4 + 4 / 6) / 4,
    # squares: .0025 .0225 .16 .49 .7225 .3025 .04 .0025
    "brier": (0.0025 + 0.0225 + 0.16 + 0.49 + 0.7225 + 0.3025 + 0.04 + 0.0025) / 8,
    # bins of a tenth: [.95] |-.05|, [.85 .85] |.85-1 + .85|, [.60] |-.4|, [.30] |-.7|, [.55] .55, [.20] .2, [.05] .05
    "ece": (0.05 + 0.70 + 0.40 + 0.70 + 0.55 + 0.20 + 0.05) / 8,
    "balanced_accuracy": (3 / 4 + 2 / 4) / 2,
    "mcc": (3 * 2 - 2 * 1) / (5 * 4 * 4 * 3) ** 0.5,
    "positive_likelihood_ratio": (3 / 4) / (2 / 4),
    "negative_likelihood_ratio": (1 / 4) / (2 / 4),
    "diagnostic_odds_ratio": (3 * 2) / (2 * 1),
    "alert_rate": 5 / 8,
    # the curve: up to (0, .25), the tie straight to (.25, .5), up to .75, right to .5, up to 1
    "partial_auroc": 0.2 * (0.25 + 0.45) / 2,  # false positive rates 0 to .2
    "standardised_partial_auroc": (1 + (0.2 * 0.5 - 0.02) / (0.2 - 0.02)) / 2,  # sensitivities .8 to 1
    "sensitivity_at_specificity": 1 / 4,  # at .8: no false alarm allowed
    "specificity_at_sensitivity": 2 / 4,  # at .8: all four must be found
}
# scikit-learn 1.9.1, called live; it has no calibration error of this kind
PEERS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "sensitivity": lambda truth, score: sk.recall_score(truth, score >= 0.5),
    "specificity": lambda truth, score: sk.recall_score(~truth, score < 0.5),
    "ppv": lambda truth, score: sk.precision_score(truth, score >= 0.5),
    "npv": lambda truth, score: sk.precision_score(~truth, score < 0.5),
    "accuracy": lambda truth, score: sk.accuracy_score(truth, score >= 0.5),
    "f1": lambda truth, score: sk.f1_score(truth, score >= 0.5),
    "auroc": sk.roc_auc_score,
    "average_precision": sk.average_precision_score,
    "brier": sk.brier_score_loss,
    "balanced_accuracy": lambda truth, score: sk.balanced_accuracy_score(truth, score >= 0.5),
    "mcc": lambda truth, score: sk.matthews_corrcoef(truth, score >= 0.5),
    "positive_likelihood_ratio": lambda truth, score: sk.class_likelihood_ratios(truth, score >= 0.5)[0],
    "negative_likelihood_ratio": lambda truth, score: sk.class_likelihood_ratios(truth, score >= 0.5)[1],
    "standardised_partial_auroc": lambda truth, score: sk.roc_auc_score(~truth, -score, max_fpr=0.2),
}
# R 4.2.2, pROC 1.18.0, auc(partial.auc = …): tests/golden/r/partial_auroc.R
PARTIAL = [
    ("partial_auroc", {"fpr_low": 0.0, "fpr_high": 0.2}, 0.063729966003),
    ("standardised_partial_auroc", {"fpr_low": 0.0, "fpr_high": 0.2}, 0.621472127786),
    ("partial_auroc", {"fpr_low": 0.05, "fpr_high": 0.3}, 0.096672535211),
    ("partial_auroc", {"tpr_low": 0.8, "tpr_high": 1.0}, 0.062603205440),
    ("standardised_partial_auroc", {"tpr_low": 0.8, "tpr_high": 1.0}, 0.618342237332),
]
UNDEFINED = {
    "sensitivity": (np.zeros(3, bool), "Sensitivity needs at least one positive case: there is none"),
    "specificity": (np.ones(3, bool), "Specificity needs at least one negative case: there is none"),
    "auroc": (np.zeros(3, bool), "AUROC needs both classes: 0 positive cases and 3 negative cases"),
    "average_precision": (np.zeros(3, bool), "Average precision needs at least one positive case: there is none"),
}


def rows(score: np.ndarray, positive: np.ndarray) -> Rows:
    return Rows({"score": score, "positive": positive, "flagged": score >= 0.5}, {"threshold": 0.5})


def value(name: str, of: Rows, weights: np.ndarray | None = None, **options: float) -> float:
    metric = load("metrics", f"classification.{name}")
    of = Rows(of.columns, {**of.condition, **metric.example, **options})
    return float(metric.value(of, np.ones(len(of), np.int64) if weights is None else weights))


def test_every_metric_has_a_case_worked_by_hand_or_a_value_from_r() -> None:
    from_r = (Path(__file__).parent / "test_calibration_golden.py").read_text()
    shipped = {n.removeprefix("classification.") for n in names("metrics") if n.startswith("classification.")}
    assert {name for name in shipped if f'("{name}", ' not in from_r} <= set(BY_HAND) <= shipped


@pytest.mark.parametrize("name", BY_HAND)
def test_the_value_is_the_one_worked_by_hand(name: str) -> None:
    assert value(name, rows(SCORE, POSITIVE)) == pytest.approx(BY_HAND[name], rel=1e-12)


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("decimals", [1, 12])
def test_the_value_is_scikit_learns_with_and_without_ties(name: str, decimals: int) -> None:
    rng = np.random.default_rng(12)
    positive = rng.random(500) < 0.3
    score = np.round(1 / (1 + np.exp(-(rng.normal(size=500) + 1.3 * positive))), decimals)
    assert value(name, rows(score, positive)) == pytest.approx(PEERS[name](positive, score), rel=1e-12)


@pytest.mark.parametrize("name", UNDEFINED)
def test_what_has_no_value_says_what_it_lacks(name: str) -> None:
    positive, sentence = UNDEFINED[name]
    with pytest.raises(Undefined) as caught:
        value(name, rows(np.array([0.1, 0.6, 0.9]), positive))
    assert str(caught.value) == sentence


@pytest.mark.parametrize(("name", "score"), [("ppv", 0.1), ("npv", 0.9)])
def test_predictive_values_need_somebody_flagged_or_not(name: str, score: float) -> None:
    with pytest.raises(Undefined, match=r"needs at least one (flagged|unflagged) case: there is none"):
        value(name, rows(np.full(4, score), np.array([True, False, True, False])))


def test_the_metrics_that_move_with_prevalence_say_so() -> None:
    dependent = {name for name in BY_HAND if load("metrics", f"classification.{name}").prevalence_dependent}
    assert dependent == {*("ppv", "npv", "accuracy", "f1", "average_precision", "brier", "ece", "mcc", "alert_rate")}


def test_a_score_of_exactly_one_is_in_the_last_bin() -> None:
    assert value("ece", rows(np.array([1.0, 1.0]), np.array([True, False]))) == pytest.approx(0.5)


@pytest.mark.parametrize(("name", "options", "expected"), PARTIAL)
def test_partial_areas_are_procs(name: str, options: dict[str, float], expected: float) -> None:
    i = np.arange(1, 101)
    positive = (i * i) % 7 < 3
    score = np.round(((37 * i) % 101) / 101 + 0.25 * positive, 2)
    metric = load("metrics", f"classification.{name}")
    of = Rows({"score": score, "positive": positive}, options)
    assert metric.value(of, np.ones(100, np.int64)) == pytest.approx(expected, abs=1e-11)


def test_the_whole_range_is_the_whole_area() -> None:
    of = rows(SCORE, POSITIVE)
    assert value("partial_auroc", of, fpr_high=1.0) == pytest.approx(BY_HAND["auroc"], rel=1e-14)


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("partial_auroc", {}, "expected a range"),
        ("partial_auroc", {"fpr_high": 0.1, "tpr_low": 0.8}, "expected a range"),
        ("partial_auroc", {"tpr_high": 0.8}, "expected a range"),
        ("partial_auroc", {"fpr_low": 0.2, "fpr_high": 0.1}, "got 0.2 to 0.1, expected 0 ≤ fpr_low < fpr_high ≤ 1"),
        ("standardised_partial_auroc", {"tpr_low": 0.9, "tpr_high": 1.1}, "got 0.9 to 1.1"),
        ("sensitivity_at_specificity", {}, "expected specificity: a number between 0 and 1"),
        ("sensitivity_at_specificity", {"specificity": 1.0}, "got 1.0"),
        ("specificity_at_sensitivity", {"sensitivity": float("nan")}, "got nan"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(name: str, options: dict[str, float], sentence: str) -> None:
    metric = load("metrics", f"classification.{name}")
    assert metric.check_options(metric.example) is None
    found = metric.check_options(options)
    assert found is not None
    assert sentence in found
