"""Two models on the same cases, from the units table to the paired difference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from validate.errors import DataError
from validate.estimation.contrasts import NI_WORST
from validate.estimation.document import from_document, to_document
from validate.estimation.estimate import Estimate
from validate.estimation.run import estimate_all
from validate.protocol.load import from_resolved
from validate.protocol.schema import StudyProtocol
from validate.results.units import UNITS
from validate.stats.delong import paired_test
from validate.stats.obuchowski import clustered_difference
from validate.stats.paired_proportions import PairedTable, tango

METRICS = ("auroc", "sensitivity", "specificity", "ppv", "brier")


def protocol(comparisons: tuple[dict[str, Any], ...] = (), unit: str = "patient", **changes: Any) -> StudyProtocol:
    models = [
        {"id": name, "name": name.upper(), "version": "1", "format": "predictions", "path": f"{name}.csv",
         "output": {"activation": "none", "kind": "probability"}, "operating_point": {"threshold": 0.5, "source": "s"}}
        for name in ("old", "new")
    ]  # fmt: skip
    document: dict[str, Any] = {
        "schema_version": "1", "id": "p", "version": "1", "title": "t", "profile": "comparison", "intended_use": "u",
        "task": "classification", "seed": 1,
        "cohort": {"sources": [{"table": "c.csv", "key": "k", "patient": "p"}], "unit": unit, "cluster": "patient",
                   "sampling": "consecutive"},
        "reference": {"table": "c.csv", "key": "k", "level": unit, "label": "y", "positive": 1, "standard": "s"},
        "models": models, "strata": ["sex"], "resampling": {"replicates": 400},
        "endpoints": [{"id": m, "metric": f"classification.{m}", "role": "primary"} for m in METRICS],
        "comparisons": [{"test": "new", "reference": "old", "rationale": "r", **one} for one in comparisons],
    }  # fmt: skip
    return from_resolved({**document, **changes})


def study(n: int = 160, *, per_patient: int = 1, seed: int = 3, fail: tuple[int, ...] = ()) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    positive = generator.random(n) < 0.5
    shared = generator.normal(size=n) + 1.2 * positive
    old, new = (1 / (1 + np.exp(-(shared + generator.normal(scale=0.6, size=n) - 0.6))) for _ in range(2))
    failed = np.zeros(n, bool)
    failed[list(fail)] = True
    return {"positive": positive, "old": old, "new": new, "failed": failed, "patient": np.arange(n) // per_patient}


def units(data: dict[str, np.ndarray]) -> pa.Table:
    n = len(data["positive"])
    parts = []
    for model in ("old", "new"):
        failed = data["failed"] if model == "new" else np.zeros(n, bool)
        patients = [f"P{i}" for i in data["patient"]]
        columns = {
            "unit": [f"U{i}" for i in range(n)], "model": [model] * n, "pass": ["clean"] * n, "target": ["y"] * n,
            "cluster": patients, "patient": patients, "study": patients, "label_status": ["present"] * n,
            "label": data["positive"].astype(float), "status": ["failed" if f else "ok" for f in failed],
            "failure": ["model:error" if f else None for f in failed],
            "score": [None if f else s for f, s in zip(failed, data[model], strict=True)],
        }  # fmt: skip
        table = pa.table([pa.array(columns[field.name], field.type) for field in UNITS], schema=UNITS)
        parts.append(table.append_column("by.sex", pa.array(["F" if i % 3 else "M" for i in range(n)])))
    return pa.concat_tables(parts)


def differences(protocol: StudyProtocol, table: pa.Table) -> dict[str, Estimate]:
    return {e.id: e for e in estimate_all(protocol, table, cohort_digest="d") if e.contrast is not None}


def test_every_endpoint_of_two_models_is_compared_pair_by_pair() -> None:
    data = study()
    found = differences(protocol(), units(data))
    assert {f"{m}/new/clean/minus=old" for m in METRICS} <= set(found)
    one = found["sensitivity/new/clean/minus=old"]
    positive = data["positive"]
    expected = (data["new"][positive] >= 0.5).mean() - (data["old"][positive] >= 0.5).mean()
    assert one.value == pytest.approx(expected, rel=1e-12)
    assert one.contrast == {"kind": "difference", "against": "old"}
    assert one.interval is not None
    assert one.interval.method == "bootstrap_paired"
    assert one.unit == "proportion_difference"
    assert found["sensitivity/new/clean/minus=old/sex=F"].interval is not None


def test_the_paired_bootstrap_is_narrower_than_two_models_apart_would_be() -> None:
    data = study(400)
    every = {e.id: e for e in estimate_all(protocol(), units(data), cohort_digest="d")}
    apart = [every[f"brier/{m}/clean"].interval for m in ("old", "new")]
    together = every["brier/new/clean/minus=old"].interval
    assert together is not None
    assert all(interval is not None for interval in apart)
    width = np.hypot(*(i.high - i.low for i in apart if i is not None))
    assert together.high - together.low < 0.8 * width


def test_an_auroc_difference_is_delongs_of_independent_rows_and_obuchowskis_of_clustered_ones() -> None:
    data = study()
    one = {"endpoint": "auroc", "hypothesis": "superiority", "interval": "delong"}
    found = differences(protocol((one,)), units(data))["auroc/new/clean/minus=old"]
    theirs = paired_test(data["new"], data["old"], data["positive"])
    assert found.interval is not None
    assert found.test is not None
    assert (found.interval.low, found.interval.high) == pytest.approx(
        (float(theirs.limits.low), float(theirs.limits.high))
    )
    assert found.test.p == pytest.approx(theirs.p / 2 if theirs.difference > 0 else 1 - theirs.p / 2)
    clustered = clustered_difference(data["new"], data["old"], data["positive"], data["patient"])
    assert clustered.variance == pytest.approx(theirs.error**2, rel=1e-9)


def test_a_naive_difference_of_clustered_rows_is_refused() -> None:
    table = units(study(per_patient=2))
    for endpoint, interval in (("auroc", "delong"), ("sensitivity", "tango"), ("sensitivity", "newcombe")):
        one = {"endpoint": endpoint, "hypothesis": "superiority", "interval": interval}
        with pytest.raises(DataError, match="takes rows for independent"):
            estimate_all(protocol((one,), unit="image"), table, cohort_digest="d")


def test_a_declared_score_interval_is_tangos_at_the_declared_alpha() -> None:
    data = study()
    one = {
        "endpoint": "sensitivity",
        "hypothesis": "noninferiority",
        "margin": 0.1,
        "interval": "tango",
        "alpha_one_sided": 0.05,
    }
    found = differences(protocol((one,)), units(data))["sensitivity/new/clean/minus=old"]
    positive = data["positive"]
    new, old = data["new"][positive] >= 0.5, data["old"][positive] >= 0.5
    table = PairedTable(*(int(c.sum()) for c in (new & old, new & ~old, ~new & old, ~new & ~old)))
    limits = tango(table, level=0.90)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((float(limits.low), float(limits.high)))
    assert found.interval.level == pytest.approx(0.90)


def test_failures_are_counted_by_every_rule_and_by_the_harshest_of_all() -> None:
    data = study(fail=(0, 1, 2, 3, 4))
    found = differences(protocol(), units(data))
    base = "sensitivity/new/clean/minus=old"
    failed_positives, positives = int(data["positive"][:5].sum()), int(data["positive"].sum())
    assert failed_positives
    worst, best = found[f"{base}/missing={NI_WORST}"].value, found[f"{base}/missing=best_case"].value
    assert worst is not None
    assert best is not None
    new, old = data["new"] >= 0.5, data["old"] >= 0.5
    kept = data["positive"] & ~data["failed"]
    by_hand = (new[kept].sum() - old[data["positive"]].sum()) / positives
    assert worst == pytest.approx(by_hand)
    assert best == pytest.approx(by_hand + failed_positives / positives)
    excluded = found[f"{base}/missing=excluded"]
    assert excluded.value == pytest.approx(new[kept].mean() - old[kept].mean())
    assert excluded.n_cases == 155


def test_two_models_that_agree_in_everything_have_no_interval_and_say_why() -> None:
    data = study()
    data["new"] = data["old"]
    found = differences(protocol(), units(data))
    for metric in ("auroc", "sensitivity", "brier"):
        one = found[f"{metric}/new/clean/minus=old"]
        assert one.value == 0.0
        assert one.interval is None
        assert one.status == "too_few"
        assert one.reason is not None


def test_swapping_the_models_turns_every_difference_round() -> None:
    data = study()
    swapped = {**data, "old": data["new"], "new": data["old"]}
    here, there = differences(protocol(), units(data)), differences(protocol(), units(swapped))
    for name, one in here.items():
        if one.interval is not None and "missing=" not in name:
            other = there[name]
            assert one.value == pytest.approx(-(other.value or 0.0), abs=1e-12)
            assert other.interval is not None
            assert one.interval.low == pytest.approx(-other.interval.high, abs=1e-9)


def test_what_no_hypothesis_names_goes_the_way_of_the_one_that_is_declared() -> None:
    declared = {"test": "old", "reference": "new", "endpoint": "auroc", "hypothesis": "superiority"}
    data = study()
    found = differences(protocol(comparisons=(declared,)), units(data))
    plain = differences(protocol(), units(data))
    assert {(one.model, (one.contrast or {})["against"]) for one in found.values()} == {("old", "new")}
    turned, one = found["brier/old/clean/minus=new"], plain["brier/new/clean/minus=old"]
    assert turned.value == pytest.approx(-(one.value or 0.0), abs=1e-12)


def test_models_on_other_cases_are_not_compared() -> None:
    table = units(study())
    with pytest.raises(DataError, match="were not given the same cases"):
        estimate_all(protocol(), table.slice(0, 300), cohort_digest="d")


def test_limits_for_all_groups_at_once_are_wider() -> None:
    one = differences(protocol(), units(study(400)))["brier/new/clean/minus=old/sex=F"].interval
    assert one is not None
    assert one.simultaneous_low is not None
    assert one.simultaneous_high is not None
    assert one.simultaneous_low < one.low < one.high < one.simultaneous_high


def test_the_document_reads_back_with_its_tests() -> None:
    one = {"endpoint": "auroc", "hypothesis": "equivalence", "margin": 0.1}
    found = tuple(estimate_all(protocol((one,)), units(study()), cohort_digest="d"))
    assert from_document(to_document(found)) == found
    assert any(e.test is not None for e in found)


def test_a_failure_that_counts_is_its_own_models_alone_where_unreadable_files_are_left_out() -> None:
    data = study(fail=(0, 1, 2, 3, 4))
    changed = protocol()
    cohort = changed.cohort.model_copy(update={"on_unreadable": "exclude_and_report"})
    found = differences(changed.model_copy(update={"cohort": cohort}), units(data))["sensitivity/new/clean/minus=old"]
    positive, kept = data["positive"], data["positive"] & ~data["failed"]
    new, old = data["new"] >= 0.5, data["old"] >= 0.5
    assert found.value == pytest.approx((new[kept].sum() - old[positive].sum()) / positive.sum())
    assert found.n_cases == 160


def test_what_is_compared_together_gives_what_each_comparison_gives_alone() -> None:
    data = study()
    every = differences(protocol(), units(data))
    alone = protocol(endpoints=[{"id": "ppv", "metric": "classification.ppv", "role": "primary"}])
    for name, one in differences(alone, units(data)).items():
        assert every[name].interval == one.interval


def test_replicates_are_added_where_a_limit_lies_too_near_to_the_margin() -> None:
    table = units(study(60, seed=5))
    declared = {"endpoint": "brier", "hypothesis": "noninferiority", "interval": "bootstrap"}
    far = differences(protocol(comparisons=({**declared, "margin": 0.5},)), table)["brier/new/clean/minus=old"]
    assert far.interval is not None and far.interval.replicates == 400
    near = differences(protocol(comparisons=({**declared, "margin": far.interval.high},)), table)[
        "brier/new/clean/minus=old"
    ]
    assert near.interval is not None and near.interval.replicates == 3200
    held = differences(
        protocol(
            comparisons=({**declared, "margin": far.interval.high},), resampling={"replicates": 400, "at_most": 400}
        ),
        table,
    )["brier/new/clean/minus=old"]
    assert held.interval == far.interval


def test_measures_of_outputs_alone_stand_beside_others_where_both_leave_out_what_failed() -> None:
    cohort = {**protocol().model_dump(mode="json", by_alias=True)["cohort"], "on_unreadable": "exclude_and_report"}
    asked = protocol(cohort=cohort, inference={"on_failure": "exclude_and_report"}, resampling={"replicates": 200})
    found = differences(asked, units(study(fail=(3, 5, 8))))
    both = [found[name] for name in found if name in {"ppv/new/clean/minus=old", "brier/new/clean/minus=old"}]
    assert len(both) == 2 and all(one.status == "ok" for one in both), [*found][:9]
