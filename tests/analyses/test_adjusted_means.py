"""The same mix of cases put to both sides: means (Dice, a measured bias, Brier) and predictive values, by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from validate.analyses.averaged import averaged, is_averaged, no_mean, rows_of
from validate.analyses.samples import ModelSamples
from validate.analyses.standardised import _adjusted
from validate.analyses.weighted import _weighted
from validate.estimation.cases import Cases
from validate.estimation.groups import Groups
from validate.estimation.sample import Sample
from validate.metrics.metric import Rows
from validate.protocol.question import Endpoint
from validate.registry import load, names
from validate.stats.resample import ClusterWeights, resampling_key

COUNTS = {("F", "mild"): 20, ("F", "severe"): 180, ("M", "mild"): 180, ("M", "severe"): 20}
WHAT = ("endpoint", "sex", "F", "M")


def made(build: SimpleNamespace, columns: Any) -> tuple[ModelSamples, Sample, Any]:
    """Women are the severe cases; columns(sex, severity, number) of each, one case a patient."""
    sex, severity, number = (
        np.concatenate(part)
        for part in zip(*(([s] * n, [v] * n, np.arange(n)) for (s, v), n in COUNTS.items()), strict=True)
    )
    n = len(sex)
    members = np.stack([np.ones(n, bool), sex == "F", sex == "M", severity == "mild", severity == "severe"])
    groups = Groups((None, "sex", "sex", "severity", "severity"), (None, "F", "M", "mild", "severe"), members)
    sample = Sample(
        Rows(columns(sex, severity, number), {"threshold": 0.5}),
        np.arange(n),
        np.arange(n),
        groups,
        np.zeros(5, np.int64),
    )
    none = np.zeros(0)
    cases = Cases("m", "clean", "y", none, none > 0, none > 0, none > 0, none.astype(int), none.astype(int), groups)
    samples = ModelSamples(cases, None, build.protocol(), ClusterWeights(n, 400, resampling_key(1, "x")))  # type: ignore[arg-type]
    return samples, sample, members[1:3]


def by_both(build: SimpleNamespace, metric: str, columns: Any) -> tuple[Any, Any]:
    samples, sample, sides = made(build, columns)
    one = load("metrics", metric)
    plain = _adjusted(samples, sample, one, WHAT, sides, ["severity"])
    weights = _weighted(samples, sample, one, (*WHAT, ("severity",)), (sides[0], sides[1]))
    return plain, weights


def dice(sex: Any, severity: Any, number: Any) -> Any:
    return {"dice": np.where(severity == "mild", 0.8, 0.6) + np.where(number % 2, 0.05, -0.05)}


def bias(sex: Any, severity: Any, number: Any) -> Any:
    """On women 3 ml too little at any severity; severe ones are measured 10 ml too large besides."""
    shift = np.where(severity == "severe", 10.0, 0.0) - np.where(sex == "F", 3.0, 0.0)
    return {"volume_difference": shift + np.where(number % 2, 2.0, -2.0)}


def squares(sex: Any, severity: Any, number: Any) -> Any:
    score = np.where(severity == "mild", 0.9, 0.6) + np.where(number % 2, 0.05, -0.05)
    return {"score": score, "positive": np.ones(len(score), bool), "flagged": score >= 0.5}


def flags(sex: Any, severity: Any, number: Any) -> Any:
    """Everybody is flagged; of the mild ones 9 in 10 rightly, of the severe ones 5 in 10."""
    right = np.where(severity == "mild", number % 10 < 9, number % 10 < 5)
    return {"score": np.full(len(sex), 0.9), "positive": right, "flagged": np.ones(len(sex), bool)}


@pytest.mark.parametrize(
    ("metric", "columns", "raw", "adjusted"),
    [
        # women 20 mild and 180 severe, men the other way round: (20·0.8 + 180·0.6)/200 - (180·0.8 + 20·0.6)/200
        ("segmentation.mean.dice", dice, -0.16, 0.0),
        # -3 + (0.9 - 0.1)·10 as it is
        ("segmentation.mean.volume_difference", bias, 5.0, -3.0),
        # mild 0.1² + 0.05², severe 0.4² + 0.05²: (0.9 - 0.1)·(0.16 - 0.01)
        ("classification.brier", squares, 0.12, 0.0),
        # of those who are flagged: (0.1 - 0.9)·(0.9 - 0.5)
        ("classification.ppv", flags, -0.32, 0.0),
    ],
)
def test_a_gap_that_is_the_case_mixs_goes_away_and_one_that_is_not_stays(
    build: SimpleNamespace, metric: str, columns: Any, raw: float, adjusted: float
) -> None:
    plain, weighted = by_both(build, metric, columns)
    assert plain.raw == pytest.approx(raw) and weighted.raw == pytest.approx(raw)
    assert plain.value == pytest.approx(adjusted, abs=1e-9)
    assert plain.low < adjusted < plain.high and plain.covered == 1.0 and plain.cells == 2
    assert weighted.value == pytest.approx(adjusted, abs=0.02 * abs(raw - adjusted))  # nought but for the ridge
    assert weighted.low < adjusted < weighted.high


def test_the_means_that_are_averaged_are_those_of_the_metric_itself(build: SimpleNamespace) -> None:
    for metric, columns in (
        ("segmentation.mean.dice", dice), ("segmentation.mean.volume_difference", bias), ("classification.brier", squares),
        ("classification.ppv", flags), ("classification.npv", squares),
    ):  # fmt: skip
        _, sample, _ = made(build, columns)
        one = load("metrics", metric)
        of = averaged(one, sample.rows)
        assert of is not None
        if of.counted.any():
            whole = np.ones(len(sample.rows), np.int64)
            assert of.values[of.counted].mean() == pytest.approx(one.value(sample.rows, whole), abs=1e-12), metric


def test_what_is_averaged_has_the_options_of_the_endpoint(build: SimpleNamespace) -> None:
    asked: list[Any] = []
    samples = SimpleNamespace(
        cases=SimpleNamespace(measures=None), locked=lambda condition, **_: asked.append(condition)
    )
    for metric, options in (("multiclass.top_k_accuracy", {"k": 2}), ("segmentation.at_least.dice", {"goal": 0.85})):
        endpoint = Endpoint(id="e", metric=metric, role="secondary", options=options)
        rows_of(samples, load("metrics", metric), endpoint)  # type: ignore[arg-type]
    assert asked == [{"k": 2.0}, {"goal": 0.85}]


def test_every_mean_of_a_measure_is_averaged_and_what_is_none_says_so() -> None:
    means = [name for name in names("metrics") if name.startswith("segmentation.mean")]
    assert means and all(is_averaged(load("metrics", name)) for name in means)
    area = load("metrics", "classification.auroc")
    assert not is_averaged(area)
    assert no_mean(area).startswith("Area under the ROC curve is no mean over cases")


def test_what_can_not_be_standardised_is_in_the_finding_with_its_reason(build: SimpleNamespace) -> None:
    from validate.analyses.scanner_shift import ANALYSIS
    from validate.protocol.scanner_shift import ScannerShiftOptions

    options = {"by": "manufacturer", "endpoints": ["auroc", "f1"], "adjust_for": ["sex"]}
    study = build.protocol(
        analyses=[{"name": "scanner_shift", "options": options}],
        endpoints=[
            {"id": "auroc", "metric": "classification.auroc", "role": "primary"},
            {"id": "f1", "metric": "classification.f1", "role": "secondary"},
        ],
    )
    evidence = build.estimated(build.simulate(study=study))
    (found,) = ANALYSIS.findings(evidence, ScannerShiftOptions.model_validate(options))
    entry = found.data["attributes"][0]
    assert {one["endpoint"]: (one["level"], one["reason"].split(",")[0]) for one in entry["adjusted"]} == {
        "auroc": ("every one", "Area under the ROC curve is no mean over cases"),
        "f1": ("every one", "F1 score is no mean over cases"),
    }
    by_endpoint = {one["endpoint"] for one in entry["weighted"] if one["level"] == "every one"}
    assert by_endpoint == {"f1"}, "the AUROC is weighted"
