"""Shift against a reference: found where it was put, not called where it was not; and whether an acceptance still stands."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from validate.analyses.analysis import Evidence
from validate.analyses.shift import ANALYSIS, shift_estimates
from validate.analyses.shift_tables import ShiftTables
from validate.estimation.document import to_document
from validate.protocol.shift import ShiftOptions
from validate.verdict.decide import decide

OPTIONS: dict[str, Any] = {"reference": "accepted", "permutations": 199, "metadata": ["manufacturer", "sex", "age"]}


def images(n: int, seed: int, *, noise: float = 0.02) -> dict[str, list[float]]:
    rng = np.random.default_rng(seed)
    return {
        "image.noise": rng.normal(noise, 0.004, n).tolist(),
        "image.mean": rng.normal(0.4, 0.05, n).tolist(),
    }


def study(
    build: SimpleNamespace,
    *,
    noise: float = 0.02,
    weak: str | None = None,
    seed: int = 1,
    acceptance: Any = (),
    **more: Any,
) -> Evidence:
    """An accepted run of last year, and this month's: other patients, the same hospitals."""
    options = {**OPTIONS, **more}
    before = build.estimated(build.simulate(seed=seed + 500, weak=None, patients=200, failures=0))
    protocol = build.protocol(analyses=[{"name": "shift", "options": options}], acceptance=list(acceptance))
    now = build.estimated(build.simulate(study=protocol, seed=seed, weak=weak, patients=160, failures=0))
    order = before.cases["unit"].to_pylist()
    scores = dict(zip(before.units["unit"].to_pylist(), before.units["score"].to_pylist(), strict=True))
    reference = {
        "patient": [f"old {patient}" for patient in before.cases["patient"].to_pylist()],
        **{name: before.cases[name] for name in ("manufacturer", "sex", "age")},
        "score.candidate": [scores[unit] for unit in order],
        **images(len(order), seed + 7),
    }
    here = {"unit": now.cases["unit"], **images(now.cases.num_rows, seed + 8, noise=noise)}
    kept = [e for e in to_document(before.estimates)["estimates"] if not e["stratum"] and e["contrast"] is None]
    kept = [e for e in kept if "missing=" not in e["id"]]
    facts = {"kind": "run", "sha256": "0" * 64, "cases": len(order), "outcome": "PASS", "estimates": kept}
    tables = ShiftTables(pa.table(here), pa.table(reference), facts)
    extra = tuple(shift_estimates(protocol, now.estimates, now.units, now.cases, tables))
    return replace(now, every=now.units, shift=tables, estimates=(*now.estimates, *extra))


def finding(evidence: Evidence) -> Any:
    options = ShiftOptions.model_validate(dict(evidence.protocol.analyses[0].options))
    return ANALYSIS.findings(evidence, options)[0]


def test_no_shift_is_not_called_one_and_is_not_called_none(build: SimpleNamespace) -> None:
    evidence = study(build)
    found = finding(evidence)
    assert [feature["label"] for feature in found.data["features"] if feature["shifted"]] == []
    assert "is shown to have shifted; that is no proof that none has" in found.statement
    known = {e.id: e for e in evidence.estimates}
    classifier = known["shift/candidate/domain_classifier"]
    assert classifier.interval is not None and classifier.interval.low < 0.5 + 0.02


def test_another_noise_is_found_and_named(build: SimpleNamespace) -> None:
    evidence = study(build, noise=0.026)
    found = finding(evidence)
    shifted = {feature["feature"] for feature in found.data["features"] if feature["shifted"]}
    assert shifted == {"noise"}
    assert found.data["together"]["p"] <= 0.02
    known = {e.id: e for e in evidence.estimates}
    classifier = known["shift/candidate/domain_classifier"]
    assert classifier.interval is not None and classifier.interval.low > 0.7


def test_an_acceptance_stands_or_falls_by_the_limits_of_the_difference(build: SimpleNamespace) -> None:
    more = {"endpoints": ["auroc"], "tolerance": 0.15, "rationale": "r"}
    good = finding(study(build, **more))
    assert good.data["stands"] == "yes" and "The acceptance still stands" in good.statement
    strict = finding(study(build, **{**more, "tolerance": 0.001}))
    assert strict.data["stands"] == "open" and "is not shown" in strict.statement
    evidence = study(build, **{**more, "tolerance": 0.005})
    worse = replace(evidence, shift=replace(evidence.shift, facts={**evidence.shift.facts, "estimates": [
        {**one, "value": 0.999, "interval": {**one["interval"], "low": 0.998, "high": 0.9995}} if one["endpoint"] == "auroc" else one
        for one in evidence.shift.facts["estimates"]
    ]}))  # fmt: skip
    clean = [e for e in worse.estimates if e.contrast is None or e.contrast["kind"] not in {"shift", "since_accepted"}]
    extra = shift_estimates(worse.protocol, clean, worse.units, worse.cases, worse.shift)
    fallen = finding(replace(worse, protocol=worse.protocol, estimates=(*clean, *extra)))
    assert fallen.data["stands"] == "no" and "no longer stands" in fallen.statement


def test_a_difference_of_two_runs_has_limits_by_mover(build: SimpleNamespace) -> None:
    evidence = study(build, endpoints=["auroc"], tolerance=0.1, rationale="r")
    one = next(e for e in evidence.estimates if e.id.endswith("since=accepted"))
    now = next(e for e in evidence.estimates if e.id == "auroc/candidate/clean")
    was = next(e for e in evidence.shift.facts["estimates"] if e["id"] == "auroc/candidate/clean")
    assert one.interval is not None and now.interval is not None and one.value is not None and now.value is not None
    assert one.value == pytest.approx(now.value - was["value"])
    down = np.hypot(now.value - now.interval.low, was["interval"]["high"] - was["value"])
    assert one.interval.low == pytest.approx(one.value - down)


@pytest.mark.parametrize(
    ("tolerance", "worse", "outcome"), [(0.15, 0.0, "PASS"), (0.001, 0.0, "INCONCLUSIVE"), (0.005, 0.3, "FAIL")]
)
def test_a_criterion_that_an_acceptance_still_stands(
    build: SimpleNamespace, tolerance: float, worse: float, outcome: str
) -> None:
    criterion = {"analysis": "shift", "endpoint": "auroc", "rationale": "r"}
    evidence = study(build, endpoints=["auroc"], tolerance=tolerance, rationale="r", acceptance=[criterion])
    known = {e.id: e for e in evidence.estimates}
    since = known["auroc/candidate/clean/since=accepted"]
    assert since.interval is not None and since.value is not None
    moved = replace(since.interval, low=since.interval.low - worse, high=since.interval.high - worse)
    known[since.id] = replace(since, value=since.value - worse, interval=moved)
    (result,) = decide(evidence.protocol, list(known.values()), locked=True).criteria
    assert (result.outcome, result.goal, result.limit) == (outcome, -tolerance, "lower"), result.sentence
    assert "less the accepted one" in result.sentence and "acceptance" in result.sentence
    (lost,) = decide(evidence.protocol, [e for e in known.values() if e.id != since.id], locked=True).criteria
    assert lost.outcome == "INCONCLUSIVE" and "the accepted run has no 'auroc'" in lost.sentence


@pytest.mark.parametrize(("noise", "outcome"), [(0.026, "FAIL"), (0.02, "PASS")])
def test_a_criterion_on_how_well_the_cohorts_are_told_apart(build: SimpleNamespace, noise: float, outcome: str) -> None:
    criterion = {"analysis": "shift", "limit": "upper", "at_most": 0.65, "rationale": "r"}
    evidence = study(build, noise=noise, acceptance=[criterion])
    (result,) = decide(evidence.protocol, evidence.estimates, locked=True).criteria
    assert result.outcome == outcome, result.sentence


def test_a_chart_over_time_raises_an_alarm_where_outputs_move(build: SimpleNamespace) -> None:
    evidence = study(build, order_by="month")
    n = evidence.cases.num_rows
    months = [f"2026-{1 + place * 6 // n:02d}" for place in range(n)]
    cases = evidence.cases.append_column("month", pa.array(months))
    calm = finding(replace(evidence, cases=cases))
    assert calm.data["chart"]["alarm"] is None and len(calm.data["chart"]["points"]) == 6
    scores = np.array(evidence.units["score"].to_pylist(), float)
    moved = np.where(np.arange(n) > n // 2, scores**0.25, scores)
    place = evidence.units.column_names.index("score")
    units = evidence.units.set_column(place, evidence.units.schema.field("score"), [pa.array(moved)])
    found = finding(replace(evidence, cases=cases, units=units, every=units))
    assert found.data["chart"]["alarm"] in {"2026-04", "2026-05", "2026-06"}
    assert "raises an alarm" in found.statement


def test_a_chart_of_what_goes_in_raises_an_alarm_where_images_move_and_nowhere_else(build: SimpleNamespace) -> None:
    evidence = study(build, order_by="month")
    n = evidence.cases.num_rows
    cases = evidence.cases.append_column("month", pa.array([f"2026-{1 + place * 6 // n:02d}" for place in range(n)]))
    calm = finding(replace(evidence, cases=cases)).data["further_charts"]
    assert {one["feature"] for one in calm} >= {"noise"}
    assert [one["feature"] for one in calm if one["alarm"]] == []
    here = evidence.shift.here
    noise = np.array(here["image.noise"].to_pylist(), float)
    moved = np.where(np.arange(n) > n // 2, noise + 2 * noise.std(), noise)
    place = here.column_names.index("image.noise")
    tables = replace(evidence.shift, here=here.set_column(place, "image.noise", [pa.array(moved)]))
    found = finding(replace(evidence, cases=cases, shift=tables))
    assert {one["feature"]: one["alarm"] for one in found.data["further_charts"] if one["alarm"]}.keys() == {"noise"}
    assert found.data["chart"]["alarm"] is None and "further charts: Noise at 2026-0" in found.statement


def several(evidence: Evidence, *, moved: bool) -> Evidence:
    """The same with a second finding, whose scores have moved since or not."""
    rng = np.random.default_rng(4)
    units, reference = evidence.every, evidence.shift.reference
    scores = rng.uniform(0.2, 0.8, units.num_rows) * (0.5 if moved else 1.0)
    second = units.set_column(
        units.column_names.index("score"), units.schema.field("score"), [pa.array(scores)]
    ).set_column(
        units.column_names.index("target"), units.schema.field("target"), [pa.array(["effusion"] * units.num_rows)]
    )
    first = str(units["target"][0])
    names = [f"score.candidate:{first}" if n == "score.candidate" else n for n in reference.column_names]
    before = pa.array(rng.uniform(0.2, 0.8, reference.num_rows))
    table = reference.rename_columns(names).append_column("score.candidate:effusion", before)
    both = pa.concat_tables([units, second])
    return replace(evidence, every=both, units=both, shift=replace(evidence.shift, reference=table))


def test_each_of_several_outputs_is_looked_at_and_each_group_of_features_together(build: SimpleNamespace) -> None:
    calm, moved = (finding(several(study(build), moved=moved)).data for moved in (False, True))
    for data, expected in ((calm, set()), (moved, {"output:effusion"})):
        outputs = {one["feature"] for one in data["features"] if one["group"] == "outputs"}
        assert "output:effusion" in outputs and len(outputs) == 2
        assert {one["feature"] for one in data["features"] if one["shifted"]} == expected
    groups = {one["group"]: one["adjusted"] for one in moved["together"]["groups"]}
    assert groups["outputs"] <= 0.015 and min(groups["images"], groups["metadata"]) > 0.05


def test_a_month_orders_the_chart_and_is_no_feature(build: SimpleNamespace) -> None:
    evidence = study(build, order_by="month", metadata=[])
    reference = evidence.shift.reference
    tables = replace(
        evidence.shift, reference=reference.append_column("month", pa.array(["2025-01"] * reference.num_rows))
    )
    cases = evidence.cases.append_column("month", pa.array(["2026-01"] * evidence.cases.num_rows))
    found = finding(replace(evidence, cases=cases, shift=tables))
    assert "month" not in {one["feature"] for one in found.data["features"]} and len(found.data["chart"]["points"]) == 1


def test_a_chart_counts_patients_and_not_their_images(build: SimpleNamespace) -> None:
    evidence = study(build, order_by="month")
    cases = evidence.cases.append_column("month", pa.array(["2026-01"] * evidence.cases.num_rows))
    (point,) = finding(replace(evidence, cases=cases)).data["chart"]["points"]
    assert point["patients"] == 160 < point["cases"] == evidence.cases.num_rows


def test_without_a_reference_it_says_so(build: SimpleNamespace) -> None:
    found = finding(replace(study(build), shift=None))
    assert found.status == "not_available"


def test_numbered_months_stand_in_the_order_of_time(build: SimpleNamespace) -> None:
    evidence = study(build, order_by="month")
    n = evidence.cases.num_rows
    cases = evidence.cases.append_column("month", pa.array([float(1 + place * 12 // n) for place in range(n)]))
    points = finding(replace(evidence, cases=cases)).data["chart"]["points"]
    assert [point["when"] for point in points] == [str(month) for month in range(1, 13)]


def test_a_word_that_one_cohort_never_says_is_no_shift(build: SimpleNamespace) -> None:
    evidence = study(build, metadata=[])
    rows, n = evidence.shift.reference.num_rows, evidence.cases.num_rows
    reference = evidence.shift.reference.append_column("kernel", pa.array([None] * rows, pa.string()))
    cases = evidence.cases.append_column("kernel", pa.array(["sharp", "soft"] * (n // 2) + ["soft"] * (n % 2)))
    found = finding(replace(evidence, cases=cases, shift=replace(evidence.shift, reference=reference))).data
    assert "kernel" not in {one["feature"] for one in found["features"]}
    assert {"Kernel": "fewer than 5 values: 0 in the reference"}.items() <= {
        one["label"]: one["reason"] for one in found["left_out"]
    }.items()
