"""The second way of counting: right by hand, in agreement with the first, and in R too."""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from validate.canonical import pretty_json
from validate.errors import EvidenceError
from validate.evidence import recount_calibration, recount_classes, recount_curves, recount_masks
from validate.evidence.recount import recount
from validate.evidence.recount_classes import Answer, Answers
from validate.evidence.recount_tables import recount_files
from validate.evidence.recount_yes_no import MEASURES, Row, at_prevalence

# By hand: scores of positives .9 .6 .2, of negatives .7 .2 .1, flagged from .5 on. TP 2, FN 1, FP 1, TN 2.
ROWS = [Row(True, s, s >= 0.5) for s in (0.9, 0.6, 0.2)] + [Row(False, s, s >= 0.5) for s in (0.7, 0.2, 0.1)]
BY_HAND = {
    "sensitivity": (2 / 3, 2, 3),
    "specificity": (2 / 3, 2, 3),
    "ppv": (2 / 3, 2, 3),
    "npv": (2 / 3, 2, 3),
    "accuracy": (4 / 6, 4, 6),
    "balanced_accuracy": (2 / 3, None, None),
    "f1": (2 / 3, None, None),
    # pairs: .9 beats all three; .6 beats two; .2 beats one and ties one: 3 + 2 + 1.5 of 9
    "auroc": (6.5 / 9, None, None),
    # at .9 one of one; at .6 two of three; at .2 three of five, tied with a negative
    "average_precision": ((1 + 2 / 3 + 3 / 5) / 3, None, None),
    "brier": ((0.01 + 0.16 + 0.64 + 0.49 + 0.04 + 0.01) / 6, None, None),
    "alert_rate": (3 / 6, 3, 6),
    "mcc": ((2 * 2 - 1 * 1) / 9, None, None),
    "positive_likelihood_ratio": (2.0, None, None),
    "negative_likelihood_ratio": (0.5, None, None),
    "diagnostic_odds_ratio": (4.0, None, None),
}


def test_each_measure_is_as_by_hand() -> None:
    assert set(BY_HAND) == set(MEASURES)
    for name, (value, numerator, denominator) in BY_HAND.items():
        found = MEASURES[name](ROWS)
        assert math.isclose(found.value, value, rel_tol=1e-12), name
        assert (found.numerator, found.denominator) == (numerator, denominator)


# By hand, of the same rows. Tenths with a gap: .9 is .1 short, .6 is .4 short, both .2 together .6 short, .7 and .1 are too much.
CALIBRATED = {
    "ece": ({}, (0.1 + 0.4 + 0.6 + 0.7 + 0.1) / 6),
    # of two halves: .7 .6 .9 are .2 too much, .1 .2 .2 are .5 short
    "ece_equal_mass": ({"bins": 2.0}, ((3 - 2 - 0.8) + (1 - 0.5)) / 6 + 0.0),
    # upper half: mean .7333, share 2/3; lower: mean 1/6, share 1/3; less share (1 - share) / 2 each
    "squared_ece_debiased": ({"bins": 2.0}, ((2.2 / 3 - 2 / 3) ** 2 + (0.5 / 3 - 1 / 3) ** 2 - 2 * (2 / 9) / 2) / 2),
    "scaled_brier": ({}, 1 - (1.35 / 6) / 0.25),
    "net_benefit": ({"threshold_probability": 0.2}, (3 - 2 * 0.25) / 6),
    "observed_expected_ratio": ({}, 3 / 2.7),
}
# By hand: false positive rates and sensitivities at .9, .7, .6, .2, .1: (0, 1/3) (1/3, 1/3) (1/3, 2/3) (2/3, 1) (1, 1)
CURVES = {
    "partial_auroc": ({"fpr_high": 1 / 3}, 1 / 9),
    "standardised_partial_auroc": ({"fpr_high": 1 / 3}, (1 + (1 / 9 - 1 / 18) / (1 / 3 - 1 / 18)) / 2),
    "sensitivity_at_specificity": ({"specificity": 0.6}, 2 / 3),
    "specificity_at_sensitivity": ({"sensitivity": 0.9}, 1 / 3),
}


@pytest.mark.parametrize(("name", "condition", "value"), [(n, *told) for n, told in {**CALIBRATED, **CURVES}.items()])
def test_each_measure_of_calibration_and_of_curves_is_as_by_hand(
    name: str, condition: dict[str, float], value: float
) -> None:
    measure, options = {**recount_calibration.MEASURES, **recount_curves.MEASURES}[name]
    assert set(condition) <= options
    assert math.isclose(measure(ROWS, condition).value, value, rel_tol=1e-12)


def test_a_model_that_states_what_happens_has_slope_one_and_no_shift() -> None:
    rows = [Row(i < n, score) for score, n in ((0.25, 1), (0.5, 2), (0.75, 3)) for i in range(4)]
    for name, value in {"calibration_slope": 1.0, "calibration_in_the_large": 0.0, "ici": 0.0, "emax": 0.0}.items():
        assert math.isclose(recount_calibration.MEASURES[name][0](rows, {}).value, value, abs_tol=1e-9), name


def test_predictive_values_at_a_prevalence_are_as_by_hand() -> None:
    # of 1000 with 100 positive: 66.67 found, 300 false alarms; 600 spared, 33.33 missed
    assert math.isclose(at_prevalence("ppv", ROWS, 0.1).value, 66.6666666667 / 366.6666666667, rel_tol=1e-9)
    assert math.isclose(at_prevalence("npv", ROWS, 0.1).value, 600 / (600 + 33.3333333333), rel_tol=1e-9)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=2, max_size=30))
def test_the_sorted_way_of_counting_pairs_equals_the_plain_one(drawn: list[tuple[bool, int]]) -> None:
    rows = [Row(positive=p, score=float(s)) for p, s in drawn]
    pairs = [
        (a.score > b.score) + (a.score == b.score) / 2 for a in rows for b in rows if a.positive and not b.positive
    ]
    found = MEASURES["auroc"](rows).value
    assert math.isnan(found) if not pairs else math.isclose(found, sum(pairs) / len(pairs), rel_tol=1e-12)


# By hand: three grades; answers of six cases, the last of which got none and counts as wrong.
GRADES = Answers([Answer(0, 0), Answer(0, 1), Answer(1, 1), Answer(1, 2), Answer(2, 0), Answer(2, 3)], 3)
OF_GRADES = {
    "multiclass.accuracy": 2 / 6,
    "multiclass.mcc": (2 * 6 - (2 * 2 + 2 * 2 + 2 * 1)) / math.sqrt((36 - 12) * (36 - 10)),
    "multiclass.balanced_accuracy": (1 / 2 + 1 / 2 + 0) / 3,
    "multiclass.macro_f1": (2 / 4 + 2 / 4 + 0) / 3,  # 2 right of 2 + 2; 2 of 2 + 2; none
    # observed 4/6; expected: answers 2, 2, 1, 1 against cases 2, 2, 2: agree by chance (4 + 4 + 2) / 36
    "multiclass.kappa": 1 - (4 / 6) / (26 / 36),
    "ordinal.exact_agreement": 2 / 6,
    "ordinal.within_one": 4 / 6,
    "ordinal.off_by_one": 2 / 6,
    "ordinal.off_by_more": 2 / 6,
    "ordinal.overgraded": 3 / 6,
    "ordinal.undergraded": 2 / 6,
    # off by, of two: 0, 1, 0, 1, 2, 2 = 6/2; expected: cases 2 each against answers 2, 2, 1, 1
    # grade 0: 2*1 + 1*2 + 1*2 = 6; grade 1: 2 + 1 + 1 = 4; grade 2: 2*2 + 2*1 + 1*2 = 8; twice, over 6, halved
    "ordinal.linear_kappa": 1 - 3 / ((6 + 4 + 8) * 2 / 6 / 2),
    # squares over four: (1 + 1 + 4 + 4) / 4; grade 0: 2*1 + 1*4 + 1*4 = 10; grade 1: 4; grade 2: 2*4 + 2*1 + 1*4 = 14
    "ordinal.quadratic_kappa": 1 - 2.5 / ((10 + 4 + 14) * 2 / 6 / 4),
}


# By hand: three cases, one a class, with the score of each class.
SCORED = Answers([Answer(0, 0, (0.6, 0.3, 0.1)), Answer(1, 0, (0.5, 0.3, 0.2)), Answer(2, 2, (0.7, 0.1, 0.2))], 3)
OF_SCORES = {
    # 0 against the rest: .6 above .5, not .7; 1: .3 ties with .3, above .1; 2: .2 above .1, ties with .2
    "multiclass.macro_auroc": (1 / 2 + 1.5 / 2 + 1.5 / 2) / 3,
    # 0|1 .6 > .5; 0|2 .6 < .7; 1|0 tie; 1|2 .3 > .1; 2|0 .2 > .1; 2|1 tie
    "multiclass.hand_till_auroc": (1 + 0 + 0.5 + 1 + 1 + 0.5) / 6,
    # each class is among the first two of its case
    "multiclass.top_k_accuracy": 3 / 3,
}


def test_each_measure_of_scores_is_as_by_hand() -> None:
    for name, value in OF_SCORES.items():
        assert math.isclose(recount_classes.MEASURES[name](SCORED, {"k": 2.0}).value, value, rel_tol=1e-12), name
    assert recount_classes.MEASURES["multiclass.top_k_accuracy"](SCORED, {"k": 1.0}).numerator == 1


def test_each_measure_of_grades_is_as_by_hand() -> None:
    assert set(OF_GRADES) | set(OF_SCORES) == set(recount_classes.MEASURES)
    for name, value in OF_GRADES.items():
        assert math.isclose(recount_classes.MEASURES[name](GRADES, {}).value, value, rel_tol=1e-12), name


def test_each_statistic_of_masks_is_as_by_hand() -> None:
    cases, condition = [[0.9], [0.5], [0.7], [0.9]], {"goal": 0.7, "share": 0.1}
    by_hand = {
        "mean": 0.75, "median": 0.8, "quantile": 0.5 + 0.3 * 0.2, "at_least": 3 / 4, "at_most": 2 / 4,
        # deviations .15 -.25 -.05 .15: squares sum to .11, over 3
        "low": 0.75 - 1.959963984540054 * math.sqrt(0.11 / 3), "high": 0.75 + 1.959963984540054 * math.sqrt(0.11 / 3),
    }  # fmt: skip
    for name, value in by_hand.items():
        assert math.isclose(recount_masks.STATISTICS[name](cases, condition).value, value, rel_tol=1e-9), name
    # means 2 and 3, shared (1 + 0 + 1) / 3, spreads 2/3 both, means one apart
    pairs = [[1.0, 2.0], [2.0, 3.0], [3.0, 4.0]]
    assert math.isclose(
        recount_masks.STATISTICS["concordance"](pairs, {}).value, 2 * (2 / 3) / (4 / 3 + 1), rel_tol=1e-12
    )
    assert recount_masks.STATISTICS["lesion_sensitivity"]([[2.0, 3.0], [0.0, 1.0]], {}).value == 2 / 4


@pytest.mark.parametrize(
    ("column", "rule", "worst", "best", "value"),
    [
        ("dice", None, "zero", 1.0, 0.8), ("dice", "worst_case", "zero", 1.0, 0.0), ("dice", "best_case", "zero", 1.0, 1.0),
        ("dice", "excluded", "zero", 1.0, None), ("hd95", "worst_case", "diagonal", 0.0, 40.0), ("volume", "worst_case", None, 0.0, None),
        ("lesions_found", "worst_case", None, 0.0, 0.0), ("lesions_found", "best_case", None, 0.0, 3.0),
        ("lesions_reference", "worst_case", None, 0.0, 3.0),
    ],
)  # fmt: skip
def test_a_failed_mask_counts_as_the_rule_says(
    column: str, rule: str | None, worst: str | None, best: float, value: float | None
) -> None:
    row = {"case.dice": 0.8, "case.diagonal": 40.0, "case.lesions_reference": 3.0}
    assert recount_masks.counted(column, row, rule, worst, best) == value


def estimate(metric: str, value: float, **more: Any) -> dict[str, Any]:
    base = {
        "metric": f"classification.{metric}", "model": "a", "pass": "clean", "target": "finding", "stratum": {}, "contrast": None,
        "condition": {"threshold": 0.5}, "missing_rule": "worst_case", "value": value, "numerator": None, "denominator": None,
        "status": "too_few" if metric == "auroc" else "ok", "endpoint": metric, "id": metric,
    }  # fmt: skip
    return {**base, **more}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Four positives, one of which failed; three negatives, one of which failed; one case without a label."""
    cases = [
        (1.0, "ok", 0.9, "F"), (1.0, "ok", 0.6, "M"), (1.0, "ok", 0.2, "F"), (1.0, "failed", None, "M"),
        (0.0, "ok", 0.7, "F"), (0.0, "ok", 0.1, "M"), (0.0, "failed", None, "F"), (None, "ok", 0.9, "F"),
    ]  # fmt: skip
    table = {
        "unit": [f"U-{place}" for place in range(8)],
        "patient": [f"P-{place // 2}" for place in range(8)],
        "model": ["a"] * 8,
        "pass": ["clean"] * 8,
        "target": ["finding"] * 8,
        "label_status": ["present"] * 7 + ["missing"],
        "label": [c[0] for c in cases],
        "status": [c[1] for c in cases],
        "failure": ["decode:torn" if c[1] == "failed" else None for c in cases],
        "score": [c[2] for c in cases],
        "by.sex": [c[3] for c in cases],
    }
    (tmp_path / "results").mkdir()
    pq.write_table(pa.table(table), tmp_path / "results/units.parquet")
    models = [{"id": "a", "operating_point": {"threshold": 0.5, "rule": ">="}}]
    (tmp_path / "protocol.yaml").write_text(yaml.safe_dump({"models": models}))
    found = [
        estimate("sensitivity", 2 / 4, numerator=2, denominator=4),
        estimate("sensitivity", 2 / 3, numerator=2, denominator=3, missing_rule="excluded"),
        estimate("sensitivity", 3 / 4, numerator=3, denominator=4, missing_rule="best_case"),
        estimate("specificity", 1 / 3, numerator=1, denominator=3),
        estimate("sensitivity", 1 / 2, numerator=1, denominator=2, stratum={"sex": "F"}),
        estimate("auroc", 5 / 6, condition={}, missing_rule="excluded"),
        # 1/2 of positives found, 2/3 of negatives flagged
        estimate("ppv", 0.5 * 0.02 / (0.5 * 0.02 + 2 / 3 * 0.98), condition={"threshold": 0.5, "prevalence": 0.02}),
        estimate("of_another_program", 0.1),  # is not known here
        # by hand: .9 and .9 short by .1, .6 by .4, .2 by .8; .7 and .1 too much
        estimate("ece", (0.1 + 0.4 + 0.8 + 0.7 + 0.1) / 5, condition={}, missing_rule="excluded"),
    ]
    (tmp_path / "estimates.json").write_bytes(pretty_json({"estimates": found}))
    return tmp_path


def test_failures_and_missing_labels_count_as_the_rule_says(run: Path) -> None:
    document = json.loads((run / "estimates.json").read_text())
    # positives .9 .6 .2 against .7 .1: .9 beats two, .6 one, .2 one: 4 of 6
    document["estimates"][5]["value"] = 4 / 6
    (run / "estimates.json").write_bytes(pretty_json(document))
    assert recount(run).differences == ()
    assert (recount(run).checked, recount(run).of) == (8, 9)


def test_a_value_or_count_that_differs_is_named_by_its_address(run: Path) -> None:
    document = json.loads((run / "estimates.json").read_text())
    document["estimates"][0] |= {"value": 0.6, "numerator": 3}
    document["estimates"][5]["value"] = 4 / 6
    (run / "estimates.json").write_bytes(pretty_json(document))
    assert recount(run).differences == (
        "estimates.json#/estimates/0/value: stored 0.6, counted 0.5",
        "estimates.json#/estimates/0/numerator: stored 3, counted 2",
    )


def test_cases_patients_events_and_failures_are_counted_too(run: Path) -> None:
    right = {"n_cases": 7, "n_patients": 4, "n_events": 4, "n_failed": 2}
    found = [estimate("sensitivity", 2 / 4, **right), estimate("sensitivity", 2 / 4, **{**right, "n_patients": 7})]
    # a group that is too small to be shown has no value, and its counts all the same
    found.append({**estimate("specificity", 0.0, **right), "value": None})
    (run / "estimates.json").write_bytes(pretty_json({"estimates": found}))
    assert recount(run).differences == (
        "estimates.json#/estimates/1/n_patients: stored 7, counted 4",
        "estimates.json#/estimates/2/n_events: stored 4, counted 3",
    )


def test_files_that_cannot_be_read_fall_under_a_rule_of_their_own(run: Path) -> None:
    protocol = yaml.safe_load((run / "protocol.yaml").read_text())
    protocol |= {"inference": {"on_failure": "worst_case"}, "cohort": {"on_unreadable": "excluded"}}
    (run / "protocol.yaml").write_text(yaml.safe_dump(protocol))
    locked = estimate("sensitivity", 2 / 3, numerator=2, denominator=3)
    named = estimate("sensitivity", 2 / 4, numerator=2, denominator=4, id="sensitivity/missing=worst_case")
    (run / "estimates.json").write_bytes(pretty_json({"estimates": [locked, named]}))
    assert recount(run).differences == ()


def test_a_difference_of_models_and_of_groups_is_counted_from_both(run: Path) -> None:
    group = {"stratum": {"sex": "M"}, "contrast": {"kind": "group_difference", "against": "sex=F"}, "condition": {}}
    found = [
        estimate("sensitivity", 1 / 2, stratum={"sex": "F"}, numerator=1, denominator=2),
        estimate("sensitivity", 1 / 2, stratum={"sex": "M"}, numerator=1, denominator=2),
        estimate("sensitivity", 0.0, **group),
        estimate("sensitivity", 1.0, **{**group, "contrast": {"kind": "group_ratio", "against": "sex=F"}}),
        estimate("sensitivity", 0.1, **group),
    ]
    (run / "estimates.json").write_bytes(pretty_json({"estimates": found}))
    assert recount(run).differences == ("estimates.json#/estimates/4/value: stored 0.1, counted 0.0",)


def test_a_level_is_held_against_all_others_together(run: Path) -> None:
    rest = {"stratum": {"sex": "F"}, "contrast": {"kind": "rest_difference", "against": "sex=all others"}}
    # by hand: specificity of F 0/2 (.7 is flagged, the failed one counts as wrong), of the rest 1/1
    found = [estimate("specificity", -1.0, **rest), estimate("specificity", 0.5, **rest)]
    (run / "estimates.json").write_bytes(pretty_json({"estimates": found}))
    assert recount(run).differences == ("estimates.json#/estimates/1/value: stored 0.5, counted -1.0",)


def test_tables_that_cannot_be_read_are_an_error(run: Path) -> None:
    (run / "results/units.parquet").write_bytes(b"nothing")
    with pytest.raises(EvidenceError, match="can't be read to count again"):
        recount(run)


@pytest.mark.services
def test_the_exported_script_counts_the_same_in_r_and_finds_the_same_difference(run: Path, tmp_path: Path) -> None:
    for name, content in recount_files(run):
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_bytes(content)
    place = run / "evidence/recount"
    done = subprocess.run(["Rscript", "recount.R"], cwd=place, capture_output=True, text=True, timeout=120, check=False)
    # the AUROC of the fixture is wrong on purpose: 5/6 where 4/6 is right
    assert done.returncode == 1, done.stderr
    assert "estimates.json#/estimates/5 value : stored 0.833333333333333 counted 0.666666666666667" in done.stdout
    assert "8 estimates counted again, 1 differ" in done.stdout
