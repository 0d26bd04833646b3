from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate.analyses.analysis import Evidence
from validate.analyses.per_thousand import Count, alert_load, per_thousand
from validate.analyses.prevalence import ANALYSIS, Options
from validate.estimation.estimate import Estimate, Interval
from validate.protocol.cohort import Volume

Study = Callable[..., Evidence]


def rate(name: str, value: float, low: float | None = None, high: float | None = None) -> Estimate:
    interval = None if low is None or high is None else Interval(low, high, 0.95, "wilson")
    return Estimate(
        id=name, endpoint=name, metric=f"classification.{name}", model="m", pass_id="clean", target="t", value=value,
        interval=interval, n_cases=1, n_patients=1, n_events=1, unit="proportion", role="primary",
    )  # fmt: skip


def test_the_block_of_the_design() -> None:
    # by hand: 80 positive of 1,000; 0.885 · 80 = 70.8; 0.07 · 920 = 64.4; limits 80 · (1 - 0.912) = 7.04 and 11.84
    found = per_thousand(
        0.08, sensitivity=rate("sensitivity", 0.885, 0.852, 0.912), specificity=rate("specificity", 0.93, 0.917, 0.943)
    )
    assert (found.positive, found.negative) == (80, 920)
    assert found.found == Count(71, 68, 73)
    assert found.missed == Count(9, 7, 12)
    assert found.false_alarms == Count(64, 52, 77)
    assert found.left_alone.expected == 856
    assert found.alarms_per_found == pytest.approx(64.4 / 70.8)
    # by hand, both rates at their limits: 0.057 · 920 / (0.912 · 80) and 0.083 · 920 / (0.852 · 80)
    assert found.alarms_per_found_limits is not None
    assert found.alarms_per_found_limits.low == pytest.approx(52.44 / 72.96)
    assert found.alarms_per_found_limits.high == pytest.approx(76.36 / 68.16)
    # by hand: 72.96 of 125.4 flagged and 7.04 of 874.6 others have it; 68.16 of 144.52 and 11.84 of 855.48
    assert found.number_needed_to_predict_limits is not None
    assert found.number_needed_to_predict_limits.low == pytest.approx(1 / (72.96 / 125.4 - 7.04 / 874.6))
    assert found.number_needed_to_predict_limits.high == pytest.approx(1 / (68.16 / 144.52 - 11.84 / 855.48))


def test_what_may_be_no_better_than_chance_needs_without_end() -> None:
    found = per_thousand(
        0.1, sensitivity=rate("sensitivity", 0.6, 0.3, 0.8), specificity=rate("specificity", 0.7, 0.6, 0.8)
    )
    assert found.number_needed_to_predict_limits is not None
    assert found.number_needed_to_predict_limits.high is None  # 0.3 + 0.6 is less than 1
    alone = per_thousand(0.1, sensitivity=rate("sensitivity", 0.6, 0.3, 0.8), specificity=rate("specificity", 0.7))
    assert alone.number_needed_to_predict_limits is None


def test_the_number_needed_to_predict_is_that_of_the_regulators_example() -> None:
    # FDA draft guidance 2025, appendix F: 4,200 / 3,400 / 800 / 16,600, number needed to predict 1.97
    found = per_thousand(
        0.2, sensitivity=rate("sensitivity", 4200 / 5000), specificity=rate("specificity", 16600 / 20000)
    )
    assert found.number_needed_to_predict == pytest.approx(1.97, abs=0.005)
    assert found.found == Count(168, None, None)


unit = st.floats(0, 1)
limits = st.tuples(unit, unit, unit).map(sorted)


@given(st.floats(0.001, 0.999), limits, limits)
def test_the_counts_add_up_and_lie_within_their_limits(prevalence: float, se: list[float], sp: list[float]) -> None:
    found = per_thousand(
        prevalence,
        sensitivity=rate("sensitivity", se[1], se[0], se[2]),
        specificity=rate("specificity", sp[1], sp[0], sp[2]),
    )
    assert found.found.expected + found.missed.expected == found.positive
    assert found.false_alarms.expected + found.left_alone.expected == found.negative
    assert found.positive + found.negative == 1000
    for value, between in (
        (found.alarms_per_found, found.alarms_per_found_limits),
        (found.number_needed_to_predict, found.number_needed_to_predict_limits),
    ):
        assert between is not None
        if value is not None:
            assert between.low is not None
            assert between.low <= value * (1 + 1e-9)
            assert between.high is None or value <= between.high * (1 + 1e-9)
    for count in (found.found, found.missed, found.false_alarms, found.left_alone):
        assert count.low is not None
        assert count.high is not None
        assert 0 <= count.low <= count.expected <= count.high <= 1000


def test_each_prevalence_has_its_block_and_its_predictive_values(estimated_study: Study) -> None:
    evidence = estimated_study()
    (finding,) = ANALYSIS.findings(evidence, Options())
    assert [entry["prevalence"] for entry in finding.data["prevalences"]] == [0.02, 0.08, 0.15]
    assert [entry["main"] for entry in finding.data["prevalences"]] == [False, True, False]
    known = {estimate.id: estimate for estimate in evidence.estimates}
    for entry in finding.data["prevalences"]:
        assert known[entry["ppv"]].condition["prevalence"] == entry["prevalence"]
        assert known[entry["npv"]].metric == "classification.npv"
    assert set(finding.estimates) <= set(known)
    assert finding.title == "Of 1,000 images like ours"
    assert finding.statement.startswith("Of 1,000 images at a prevalence of 8%, 80 are positive: ")
    (main,) = (entry["per_thousand"] for entry in finding.data["prevalences"] if entry["main"])
    missed = main["missed"]
    assert f"{missed['expected']} ({missed['low']} to {missed['high']}) missed" in finding.statement
    assert "Positive cases are enriched" in finding.statement


def test_without_a_stated_prevalence_an_enriched_study_says_nothing(
    build: SimpleNamespace, estimated_study: Study
) -> None:
    cohort = {"sources": [{"dicom": "cxr"}], "unit": "image", "sampling": "enriched"}
    (finding,) = ANALYSIS.findings(estimated_study(study=build.protocol(cohort=cohort)), Options())
    assert finding.status == "not_available"
    assert "states no prevalence" in finding.statement


def test_consecutive_cases_carry_their_own_prevalence(build: SimpleNamespace, estimated_study: Study) -> None:
    cohort = {"sources": [{"dicom": "cxr"}], "unit": "patient", "sampling": "consecutive"}
    (finding,) = ANALYSIS.findings(estimated_study(study=build.protocol(cohort=cohort)), Options())
    (entry,) = finding.data["prevalences"]
    assert entry["prevalence"] == finding.data["study_prevalence"]
    assert finding.data["source"] == "this study"
    assert finding.title == "Of 1,000 patients like ours"


def test_without_an_operating_point_nothing_is_flagged(build: SimpleNamespace, estimated_study: Study) -> None:
    study = build.protocol(
        models=[build.model(operating_point=None)],
        endpoints=[{"id": "auroc", "metric": "classification.auroc", "role": "primary"}],
    )
    (finding,) = ANALYSIS.findings(estimated_study(study=study), Options())
    assert finding.status == "not_available"
    assert "no operating point" in finding.statement


def test_an_undefined_rate_leaves_nothing_to_say(estimated_study: Study) -> None:
    (finding,) = ANALYSIS.findings(replace(estimated_study(positives=0.0)), Options())
    assert finding.status == "not_available"
    assert "sensitivity is not defined" in finding.statement


def test_a_days_alerts_are_counted_by_hand() -> None:
    # 120 a day at 5%: 6 with the finding, 114 without; 6 · 0.9 + 114 · 0.1 = 16.8 flags, 11.4 of them false, 0.6 missed
    rates = {"sensitivity": rate("sensitivity", 0.9, 0.8, 1.0), "specificity": rate("specificity", 0.9, 0.85, 0.95)}
    found = alert_load(120, 0.05, **rates)
    assert (found.flags, found.false_flags, found.missed) == pytest.approx((16.8, 11.4, 0.6))
    assert (found.low, found.high) == pytest.approx((6 * 0.8 + 114 * 0.05, 6 * 1.0 + 114 * 0.15))
    assert alert_load(120, 0.05, sensitivity=rate("sensitivity", 0.9), specificity=rate("specificity", 0.9)).low is None


def test_alerts_are_counted_where_the_protocol_says_how_many_come_a_day(
    build: SimpleNamespace, estimated_study: Study
) -> None:
    plain = build.protocol()
    assert ANALYSIS.findings(estimated_study(study=plain), Options())[0].data["prevalences"][0]["alert_load"] is None
    cohort = plain.cohort.model_copy(update={"volume": Volume(per_day=80, source="PACS")})
    (found,) = ANALYSIS.findings(estimated_study(study=plain.model_copy(update={"cohort": cohort})), Options())
    assert found.data["volume"] == {"per_day": 80.0, "source": "PACS"}
    for entry in found.data["prevalences"]:
        load = entry["alert_load"]
        assert load["low"] < load["flags"] < load["high"]
        assert load["flags"] == pytest.approx(80 * entry["per_thousand"]["flagged"] / 1000, abs=0.2)
