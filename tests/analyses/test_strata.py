from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from validate.analyses.analysis import Evidence
from validate.analyses.level_rows import level_tables
from validate.analyses.run import run_analyses
from validate.analyses.strata import ANALYSIS, Options

Study = Callable[..., Evidence]


def endpoint(evidence: Evidence, name: str) -> dict[str, Any]:
    (finding,) = ANALYSIS.findings(evidence, Options())
    found: dict[str, Any] = next(entry for entry in finding.data["endpoints"] if entry["endpoint"] == name)
    return found


def rows(entry: dict[str, Any], attribute: str) -> dict[str, dict[str, Any]]:
    group = next(group for group in entry["groups"] if group["attribute"] == attribute)
    return {row["level"]: row for row in group["rows"]}


@pytest.mark.parametrize("name", ["auroc", "sensitivity"])
def test_the_seeded_weakness_shows_as_what_it_is(estimated_study: Study, name: str) -> None:
    entry = endpoint(estimated_study(weak="Fujifilm"), name)
    assert entry["claimed"] == [{"attribute": "manufacturer", "level": "Fujifilm"}]
    assert entry["worst"]["level"] == "Fujifilm"
    difference = rows(entry, "manufacturer")["Fujifilm"]["difference"]
    assert difference["excludes_zero"]
    assert difference["simultaneous_high"] < 0
    assert "on Fujifilm scanners" in entry["statement"]
    assert "clear of chance" in entry["statement"]
    makers = next(group for group in entry["groups"] if group["attribute"] == "manufacturer")
    assert makers["heterogeneity"]["p"] < 0.05


def test_nothing_is_claimed_of_specificity_where_nothing_was_put(estimated_study: Study) -> None:
    assert endpoint(estimated_study(weak="Fujifilm"), "specificity")["claimed"] == []


@pytest.mark.parametrize("name", ["auroc", "sensitivity", "specificity"])
def test_nothing_is_claimed_where_nothing_was_put(estimated_study: Study, name: str) -> None:
    entry = endpoint(estimated_study(weak=None), name)
    assert entry["claimed"] == []
    assert "that does not prove them equal" in entry["statement"]


def test_claims_where_nothing_was_put_stay_within_their_error(estimated_study: Study) -> None:
    claims, ps = 0, []
    for seed in range(40):
        (finding,) = ANALYSIS.findings(estimated_study(weak=None, seed=1000 + seed, patients=160), Options())
        claims += sum(bool(entry["claimed"]) for entry in finding.data["endpoints"])
        ps += [g["heterogeneity"]["p"] for entry in finding.data["endpoints"] for g in entry["groups"]]
    # nominal: 2.5% of 120 endpoints (the worse side of 5%), and 5% of 360 tests; three standard errors are allowed
    assert claims <= 3 + 3 * 1.7
    assert sum(p is not None and p < 0.05 for p in ps) <= 18 + 3 * 4.1


def test_the_values_compared_are_those_of_the_estimates(estimated_study: Study) -> None:
    evidence = estimated_study()
    tables = level_tables(evidence, evidence.protocol.models[0])
    assert list(tables) == [endpoint.id for endpoint in evidence.protocol.endpoints]
    for table in tables.values():
        assert table.values is not None
        for row, value in zip(table.rows, table.values.value, strict=True):
            assert row.estimate.value == pytest.approx(value, abs=1e-12)


def test_a_difference_is_the_level_less_all_others(estimated_study: Study) -> None:
    evidence = estimated_study(failures=0, unlabelled=0)
    entry = endpoint(evidence, "sensitivity")
    by_id = {estimate.id: estimate for estimate in evidence.estimates}
    overall = by_id[entry["overall"]]
    for row in rows(entry, "manufacturer").values():
        level = by_id[row["estimate"]]
        assert overall.numerator is not None and overall.denominator is not None
        assert level.numerator is not None and level.denominator is not None
        rest = (overall.numerator - level.numerator) / (overall.denominator - level.denominator)
        assert level.value is not None
        assert row["difference"]["value"] == pytest.approx(level.value - rest)


def test_few_are_greyed_and_carry_no_claim(build: SimpleNamespace, estimated_study: Study) -> None:
    criterion = {"endpoint": "sensitivity", "limit": "lower", "at_least": 0.6, "rationale": "x"}
    study = build.protocol(acceptance=[{**criterion, "worst_of": "manufacturer", "min_events": 500}])
    entry = endpoint(estimated_study(study=study), "sensitivity")
    fuji = rows(entry, "manufacturer")["Fujifilm"]
    assert fuji["greyed"]
    assert "positive images, fewer than 500" in fuji["why_greyed"]
    assert fuji["difference"]["simultaneous_low"] is None
    assert entry["claimed"] == []
    assert entry["statement"] == "Sensitivity: no group has enough cases to be read."


def test_a_missing_level_is_shown_and_not_compared(estimated_study: Study) -> None:
    entry = endpoint(estimated_study(), "auroc")
    missing = rows(entry, "sex")["missing"]
    assert missing["difference"]["simultaneous_low"] is None
    assert next(g for g in entry["groups"] if g["attribute"] == "sex")["heterogeneity"]["levels"] == 2


def test_the_goal_of_an_attribute_and_that_over_all_cases_stand_apart(
    build: SimpleNamespace, estimated_study: Study
) -> None:
    plain = {"endpoint": "sensitivity", "limit": "lower", "rationale": "x"}
    study = build.protocol(
        acceptance=[{**plain, "at_least": 0.8}, {**plain, "at_least": 0.6, "worst_of": "manufacturer"}]
    )
    entry = endpoint(estimated_study(study=study), "sensitivity")
    assert entry["goal"] == {"value": 0.8, "direction": "at_least", "criterion": "acceptance[0]"}
    goals = {group["attribute"]: group["goal"] for group in entry["groups"]}
    assert goals["manufacturer"] == {"value": 0.6, "direction": "at_least", "criterion": "acceptance[1]"}
    assert goals["sex"] is None


def test_without_strata_there_is_no_finding(build: SimpleNamespace, estimated_study: Study) -> None:
    assert ANALYSIS.findings(estimated_study(study=build.protocol(strata=[])), Options()) == ()


def test_without_estimates_it_says_so(estimated_study: Study) -> None:
    (finding,) = ANALYSIS.findings(replace(estimated_study(), estimates=()), Options())
    assert finding.status == "not_available"
    assert finding.statement == "Nothing was estimated by group."


def test_a_group_under_the_minimum_is_suppressed_everywhere_and_its_counts_stay(
    build: SimpleNamespace, estimated_study: Study
) -> None:
    plain = build.protocol(analyses=[{"name": "calibration"}])
    small = min(
        (e.n_patients, level)
        for e in estimated_study(study=plain).estimates
        for level in e.stratum.values()
        if e.stratum
    )
    cohort = plain.cohort.model_copy(update={"suppress_below": small[0] + 1})
    evidence = estimated_study(study=plain.model_copy(update={"cohort": cohort}))
    hidden = [e for e in evidence.estimates if e.stratum and e.n_patients <= small[0]]
    assert hidden
    for estimate in hidden:
        assert (estimate.value, estimate.interval, estimate.numerator, estimate.status) == (
            None,
            None,
            None,
            "undefined",
        )
        assert "fewer than the" in (estimate.reason or "")
    found = {f.analysis: f for f in run_analyses(evidence)}
    rows = [
        r for e in found["strata"].data["endpoints"] for g in e["groups"] for r in g["rows"] if r["level"] == small[1]
    ]
    assert rows and all(row["difference"] is None and row["greyed"] for row in rows)
    levels = [one for g in found["calibration"].data["groups"] for one in g["levels"] if one["level"] == small[1]]
    assert levels and all(
        m["value"] is None and m["reason"].startswith("suppressed") for one in levels for m in one["measures"]
    )
