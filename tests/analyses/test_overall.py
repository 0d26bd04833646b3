from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest

from validate.analyses.analysis import Evidence
from validate.analyses.overall import ANALYSIS, Options

Study = Callable[..., Evidence]


def test_the_table_is_that_of_the_estimates(estimated_study: Study) -> None:
    evidence = estimated_study(failures=9)
    (finding,) = ANALYSIS.findings(evidence, Options())
    locked, outputs = finding.data["tables"]
    sensitivity = next(e for e in evidence.estimates if e.id == "sensitivity/candidate/clean")
    assert (locked["true_positives"], locked["positives"]) == (sensitivity.numerator, sensitivity.denominator)
    left_out = next(e for e in evidence.estimates if e.id == "specificity/candidate/clean/missing=excluded")
    assert (outputs["true_negatives"], outputs["negatives"]) == (left_out.numerator, left_out.denominator)
    assert locked["positives"] + locked["negatives"] - outputs["positives"] - outputs["negatives"] == 9


def test_the_operating_point_lies_on_the_curve_and_names_its_estimates(estimated_study: Study) -> None:
    evidence = estimated_study(failures=0)
    (finding,) = ANALYSIS.findings(evidence, Options())
    roc = finding.data["roc"]
    point = roc["operating"]
    nearest = min(abs(x - point["false_positive_rate"]) + abs(y - point["sensitivity"]) for x, y in roc["points"])
    assert nearest < 0.02
    known = {estimate.id: estimate.value for estimate in evidence.estimates}
    assert known[point["ids"]["sensitivity"]] == pytest.approx(point["sensitivity"])
    assert known[point["ids"]["specificity"]] == pytest.approx(1 - point["false_positive_rate"])
    assert known[roc["auroc"]] is not None
    low = {x: low for x, low, _ in roc["band"]["points"]}
    assert all(low <= high for _, low, high in roc["band"]["points"])
    assert len(low) == 101


def test_the_histogram_holds_every_output_with_a_label(estimated_study: Study) -> None:
    (finding,) = ANALYSIS.findings(estimated_study(failures=9, unlabelled=0), Options())
    histogram = finding.data["histogram"]
    assert sum(histogram["positives"]) + sum(histogram["negatives"]) == histogram["outputs"] == 573 - 9


def test_scores_are_drawn_over_their_own_range(build: SimpleNamespace, simulated: Study) -> None:
    model = build.model(output={"activation": "none", "kind": "score"})
    evidence = build.evidence(
        build.protocol(models=[model], strata=[]), patient=range(4), positive=[True, False, True, False],
        score=[-3.0, 8.0, 8.0, 1.0], attributes={},
    )  # fmt: skip
    (finding,) = ANALYSIS.findings(evidence, Options())
    assert (finding.data["histogram"]["edges"][0], finding.data["histogram"]["edges"][-1]) == (-3.0, 8.0)


def test_one_class_has_no_curve_and_says_why(estimated_study: Study) -> None:
    (finding,) = ANALYSIS.findings(estimated_study(positives=0.0, unlabelled=0), Options())
    assert finding.data["roc"] is None
    assert finding.data["why_no_curve"] == "A curve needs both classes; here are 0 positives and 573 negatives."


def test_without_an_operating_point_there_is_a_curve_and_no_table(build: SimpleNamespace, simulated: Study) -> None:
    evidence = simulated(study=build.protocol(models=[build.model(operating_point=None)]))
    (finding,) = ANALYSIS.findings(evidence, Options())
    assert finding.data["tables"] == []
    assert finding.data["roc"]["operating"] is None
    assert "states no operating point" in finding.statement


def test_unreadable_files_may_fall_under_another_rule_than_failures(build: SimpleNamespace, simulated: Study) -> None:
    evidence = simulated(failures=9, unlabelled=0)
    cohort = evidence.protocol.cohort.model_copy(update={"on_unreadable": "exclude_and_report"})
    other = replace(evidence, protocol=evidence.protocol.model_copy(update={"cohort": cohort}))
    (kept,) = ANALYSIS.findings(other, Options())
    assert kept.data["tables"][0]["positives"] + kept.data["tables"][0]["negatives"] == 573
