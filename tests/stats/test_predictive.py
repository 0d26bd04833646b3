"""Predictive values restated at a prevalence: published counts, Bayes by hand, and the edges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate.stats.predictive import Accuracy, npv_at, ppv_at

LIVER = Accuracy(231 / 258, 258, 54 / 86, 86)  # liver scan: Altman & Bland, BMJ 1994;308:1552

# prevalence, PPV and its lower limit, NPV and its upper limit: closed forms of Mercaldo 2007 evaluated in R 4.2.2
RESTATED = [
    (0.01, 0.02372881355932, 0.01807915270428, 0.9983193277311, 0.9988640226337),
    (0.05, 0.1124087591241, 0.08753824885486, 0.9913043478261, 0.9941091364082),
    (0.10, 0.2109589041096, 0.1684214996402, 0.9818181818182, 0.9876446034789),
    (0.25, 0.4450867052023, 0.3779535062776, 0.9473684210526, 0.9638276577011),
]


@pytest.mark.parametrize(("prevalence", "ppv", "low", "npv", "high"), RESTATED)
def test_values_and_limits_are_those_of_mercaldo(
    prevalence: float, ppv: float, low: float, npv: float, high: float
) -> None:
    found, missed = ppv_at(prevalence, LIVER), npv_at(prevalence, LIVER)
    assert (found.value, float(found.limits.low)) == pytest.approx((ppv, low), abs=1e-11)
    assert (missed.value, float(missed.limits.high)) == pytest.approx((npv, high), abs=1e-11)


@given(st.floats(0.01, 0.99), st.floats(0.05, 1.0), st.floats(0.05, 1.0))
def test_a_value_is_bayes_rule_and_lies_within_its_limits(
    prevalence: float, sensitivity: float, specificity: float
) -> None:
    found = ppv_at(prevalence, Accuracy(sensitivity, 100, specificity, 80))
    flagged = prevalence * sensitivity + (1 - prevalence) * (1 - specificity)
    assert found.value == pytest.approx(prevalence * sensitivity / flagged, rel=1e-9)
    assert 0 <= float(found.limits.low) <= found.value + 1e-9
    assert found.value - 1e-9 <= float(found.limits.high) <= 1


@pytest.mark.parametrize("prevalence", [0.0, 1.0, -0.2, 1.4])
def test_a_prevalence_outside_is_refused(prevalence: float) -> None:
    with pytest.raises(ValueError, match="prevalence"):
        ppv_at(prevalence, LIVER)


def test_impossible_accuracies_are_refused() -> None:
    with pytest.raises(ValueError, match=r"sensitivity is 1\.2"):
        Accuracy(1.2, 10, 0.5, 10)
    with pytest.raises(ValueError, match="both must be above 0"):
        Accuracy(0.9, 0, 0.5, 10)
