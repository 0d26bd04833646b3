"""Net benefit over thresholds, by hand and by its own metric."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pydantic import ValidationError

from validate.analyses.analysis import Evidence, Finding
from validate.analyses.decision_curve import Options, _statement, findings, net_benefit
from validate.analyses.samples import model_samples
from validate.metrics.metric import Rows
from validate.registry import load

Study = Callable[..., Evidence]


def one(evidence: Evidence, **options: float) -> Finding:
    (finding,) = findings(evidence, Options(**options))
    return finding


def test_the_curve_is_the_net_benefit_metric_at_every_threshold(estimated_study: Study) -> None:
    evidence = estimated_study()
    finding = one(evidence, low=0.1, high=0.6, points=6)
    rows = model_samples(evidence, evidence.protocol.models[0]).outputs_only().rows
    metric = load("metrics", "classification.net_benefit")
    expected = [
        metric.value(Rows(rows.columns, {"threshold_probability": t}), np.ones(len(rows), np.int64))
        for t in finding.data["thresholds"]
    ]
    assert finding.data["curves"][0]["net_benefit"] == pytest.approx(expected, rel=1e-12)


def test_at_the_samples_own_prevalence_both_ways_to_the_curve_agree() -> None:
    # R dcurves 0.5.1 defines it so: sensitivity · prevalence - false positive rate · (1 - prevalence) · t/(1 - t); by hand
    found = net_benefit(np.array([0.9]), np.array([0.2]), np.array([0.25]), prevalence=0.4)
    assert found == pytest.approx([0.9 * 0.4 - 0.2 * 0.6 / 3])


def test_acting_on_everybody_is_worth_nothing_where_the_threshold_is_the_prevalence(estimated_study: Study) -> None:
    finding = one(estimated_study(), low=0.2, high=0.4, points=3)
    for curve in finding.data["curves"]:
        share = curve["share"]
        odds = [t / (1 - t) for t in finding.data["thresholds"]]
        assert curve["treat_all"] == pytest.approx([share - (1 - share) * o for o in odds])
        assert all(low <= high for low, high in zip(curve["low"], curve["high"], strict=True))


def test_one_curve_is_the_main_one_and_the_statement_speaks_of_it(estimated_study: Study) -> None:
    finding = one(estimated_study())
    assert [curve["main"] for curve in finding.data["curves"]].count(True) == 1
    assert "acting on" in finding.statement


def test_a_range_that_does_not_rise_is_refused() -> None:
    for low, high in ((0.5, 0.2), (0.3, 0.3), (0.0, 0.5), (0.2, 1.0)):
        with pytest.raises(ValidationError):
            Options(low=low, high=high)


def _told(low: list[float], high: list[float], everybody: list[float]) -> str:
    curve = {"main": True, "low": low, "high": high, "treat_all": everybody, "prevalence": 0.1, "label": "10%"}
    return _statement([curve], np.array([0.05, 0.06, 0.07, 0.08, 0.09]))


def test_the_statement_names_every_stretch_and_no_gap_between_them() -> None:
    """By hand: ahead at 5% to 6% and 9%, behind at 7%, undecided at 8%."""
    told = _told([0.06, 0.05, 0.00, 0.01, 0.03], [0.08, 0.07, 0.02, 0.04, 0.05], [0.05, 0.04, 0.03, 0.02, -0.01])
    assert told == (
        "At thresholds of 5.0% to 6.0% and 9.0%, at 10%, acting on the model helps more than acting on everybody or nobody, beyond "
        "chance. At 7.0% it helps less than the better of these two, beyond chance. At the others neither is shown."
    )


def test_the_statement_says_where_the_model_only_harms_and_where_nothing_is_shown() -> None:
    behind = _told([0.0] * 5, [0.01] * 5, [0.05, 0.04, 0.03, 0.02, 0.02])
    assert behind.startswith("At no threshold of the range, at 10%, is it beyond chance")
    assert behind.endswith("At 5.0% to 9.0% it helps less than the better of these two, beyond chance.")
    open_everywhere = _told([0.0] * 5, [0.06] * 5, [0.05, 0.04, 0.03, 0.02, 0.02])
    assert open_everywhere.endswith("everybody or nobody.")
    assert _told([0.1] * 5, [0.2] * 5, [0.05] * 5).startswith("Over the whole range")
