"""The time until an event by what the model said: patients once, left out with a count, limits from the run's own draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from validate.analyses.analysis import Evidence, Finding
from validate.analyses.survival import findings
from validate.errors import DataError
from validate.protocol.survival import SurvivalOptions
from validate.results.follow_up import followed

OPTIONS = SurvivalOptions(time="days", event="died", occurred="yes", of="death", unit="days", at=(100, 200))
Study = Callable[..., Evidence]


def with_follow_up(evidence: Evidence, *, pull: float, lost: int = 0) -> Evidence:
    """Exponential times, `pull` times as fast for the patients of positive images; nothing known of the first `lost`."""
    patients = evidence.cases["patient"].to_pylist()
    names = list(dict.fromkeys(patients))
    label = dict(zip(evidence.units["patient"].to_pylist(), evidence.units["label"].to_pylist(), strict=True))
    random = np.random.default_rng(5)
    until = {name: random.exponential(300 / (pull if label[name] == 1.0 else 1.0)) for name in names}
    seen = {name: random.uniform(30, 400) for name in names}
    days = {name: None if n < lost else min(until[name], seen[name]) for n, name in enumerate(names)}
    died = {name: "yes" if until[name] <= seen[name] else "no" for name in names}
    cases = evidence.cases.append_column("days", pa.array([days[name] for name in patients], pa.float64()))
    return replace(evidence, cases=cases.append_column("died", pa.array([died[name] for name in patients])))


def one(evidence: Evidence) -> Finding:
    (finding,) = findings(evidence, OPTIONS)
    return finding


def test_every_patient_stands_in_one_group_or_is_counted_out(estimated_study: Study) -> None:
    evidence = with_follow_up(estimated_study(), pull=4.0, lost=7)
    data = one(evidence).data
    everybody = len(set(evidence.cases["patient"].to_pylist()))
    assert data["no_follow_up"] + data["no_output"] + sum(group["patients"] for group in data["groups"]) == everybody
    assert 1 <= data["no_follow_up"] <= 7
    for group in data["groups"]:
        assert group["at_risk"][0] == group["patients"] and group["at_risk"] == sorted(group["at_risk"], reverse=True)
        assert all(
            low <= share <= high
            for low, share, high in zip(group["low"], group["survival"], group["high"], strict=True)
        )


def test_a_score_that_tells_the_event_is_found_and_one_that_does_not_is_not(estimated_study: Study) -> None:
    telling, idle = (one(with_follow_up(estimated_study(), pull=pull)) for pull in (6.0, 1.0))
    assert telling.data["concordance"]["low"] > 0.5 and telling.data["log_rank"]["p"] < 0.001
    assert idle.data["concordance"]["low"] < 0.5 < idle.data["concordance"]["high"]
    assert "differ beyond chance" in telling.statement and "do not differ" in idle.statement


def test_the_limits_do_not_hang_on_the_order_of_rows(estimated_study: Study) -> None:
    evidence = with_follow_up(estimated_study(), pull=3.0)
    turned = replace(evidence, cases=evidence.cases.take(list(range(len(evidence.cases)))[::-1]))
    assert one(turned).data == one(evidence).data


def test_a_protocol_that_resamples_sites_gets_no_band_and_no_test(estimated_study: Study) -> None:
    evidence = with_follow_up(estimated_study(), pull=3.0)
    cohort = evidence.protocol.cohort.model_copy(update={"cluster": "site"})
    data = one(replace(evidence, protocol=evidence.protocol.model_copy(update={"cohort": cohort}))).data
    assert data["log_rank"] is None and "sites" in data["why_no_test"]
    assert all(group["low"] == [] and group["median_low"] is None for group in data["groups"])


def test_nobody_with_a_known_follow_up_is_said(estimated_study: Study) -> None:
    finding = one(with_follow_up(estimated_study(), pull=3.0, lost=10_000))
    assert finding.status == "not_available" and finding.statement.startswith("0 patients with an output")


@pytest.mark.parametrize(
    ("days", "message"),
    [([1.0, 2.0], "a patient has two values of days or died"), ([-1.0, -1.0], "expected a time of 0 or more")],
)
def test_times_that_cannot_be_are_refused(days: list[float], message: str) -> None:
    cases = pa.table({"patient": ["p", "p"], "days": days, "died": ["yes", "yes"]})
    with pytest.raises(DataError, match=message):
        followed(OPTIONS, cases)
