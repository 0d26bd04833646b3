"""What is estimated of a study, by hand: rules for failures side by side, refusals, edges, ids."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from validate.errors import DataError
from validate.estimation.document import from_document, to_document
from validate.estimation.estimate import Estimate
from validate.estimation.run import estimate_all
from validate.protocol.load import from_resolved
from validate.protocol.schema import StudyProtocol
from validate.results.units import UNITS
from validate.stats.proportion import wilson


def protocol(**changes: object) -> StudyProtocol:
    metrics = ("auroc", "sensitivity", "specificity", "ppv", "npv", "brier")
    document: dict = {
        "schema_version": "1", "id": "p", "version": "1", "title": "t", "profile": "acceptance", "intended_use": "u",
        "task": "classification", "seed": 1,
        "cohort": {"sources": [{"table": "c.csv", "key": "k", "patient": "p"}], "unit": "image", "cluster": "patient",
                   "sampling": "enriched", "prevalence": {"values": [0.1], "source": "s"}},
        "reference": {"table": "c.csv", "key": "k", "level": "image", "label": "y", "positive": 1, "standard": "s"},
        "models": [{"id": "m", "name": "M", "version": "1", "format": "predictions", "path": "p.csv",
                    "output": {"activation": "none", "kind": "probability"},
                    "operating_point": {"threshold": 0.5, "source": "s"}}],
        "endpoints": [{"id": m, "metric": f"classification.{m}", "role": "secondary"} for m in metrics],
        "strata": ["sex"], "resampling": {"replicates": 400},
    }  # fmt: skip
    return from_resolved({**document, **changes})


def units(
    scores: list[float | None],
    labels: list[int | None],
    sex: list[str] | None = None,
    failure: str = "decode:truncated",
) -> pa.Table:
    n = len(scores)
    patients = [f"P{i // 2}" for i in range(n)]
    columns = {
        "unit": [f"U{i}" for i in range(n)], "model": ["m"] * n, "pass": ["clean"] * n, "target": ["y"] * n,
        "cluster": patients, "patient": patients, "study": patients,
        "label_status": ["missing" if y is None else "present" for y in labels], "label": labels,
        "status": ["failed" if s is None else "ok" for s in scores],
        "failure": ["decode:truncated" if s is None else None for s in scores], "score": scores,
    }  # fmt: skip
    table = pa.table([pa.array(columns[f.name], f.type) for f in UNITS], schema=UNITS)
    return table.append_column("by.sex", pa.array(sex or ["F", "M"] * (n // 2) + ["F"] * (n % 2)))


SCORES = [0.9, 0.8, 0.7, 0.2, None, 0.6, 0.1, 0.2, 0.7, 0.3, None, 0.4, 0.95, 0.05]
LABELS = [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, None, None]


def by_id(estimates: tuple[Estimate, ...]) -> dict[str, Estimate]:
    found = {e.id: e for e in estimates}
    assert len(found) == len(estimates)
    return found


def test_failures_are_counted_by_every_rule_side_by_side() -> None:
    found = by_id(estimate_all(protocol(), units(SCORES, LABELS), cohort_digest="x"))
    # by hand: positives .9 .8 .7 .2 – .6 → 4 of 5 with an output are flagged; negatives .1 .2 .7 .3 – .4 → 4 of 5 are not
    fractions = {
        rule: (found[f"sensitivity/m/clean{rule}"].numerator, found[f"sensitivity/m/clean{rule}"].denominator)
        for rule in ("", "/missing=excluded", "/missing=best_case")
    }
    assert fractions == {"": (4, 6), "/missing=excluded": (4, 5), "/missing=best_case": (5, 6)}
    assert found["specificity/m/clean"].value == pytest.approx(4 / 6)
    assert found["sensitivity/m/clean"].missing_rule == "worst_case"
    assert found["sensitivity/m/clean"].n_failed == 2
    # the failed positive ranks below all, the failed negative above all: 20 of 36 pairs in order instead of 20 of 25
    pairs = sum((p > n) + 0.5 * (p == n) for p in (0.9, 0.8, 0.7, 0.2, 0.6) for n in (0.1, 0.2, 0.7, 0.3, 0.4))
    assert found["auroc/m/clean"].value == pytest.approx(pairs / 36)
    assert found["auroc/m/clean/missing=excluded"].value == pytest.approx(pairs / 25)
    assert found["brier/m/clean"].n_cases == 10  # calibration is on outputs only, the count printed


def test_rows_without_a_label_enter_nothing() -> None:
    found = by_id(estimate_all(protocol(), units(SCORES, LABELS), cohort_digest="x"))
    assert found["auroc/m/clean"].n_cases == 12


def test_predictive_values_are_flagged_under_enrichment_and_restated() -> None:
    found = by_id(estimate_all(protocol(), units(SCORES, LABELS), cohort_digest="x"))
    assert found["ppv/m/clean"].flags == ("enriched_prevalence",)
    restated = found["ppv/m/clean/prevalence=0.1"]
    se, sp = 4 / 6, 4 / 6
    assert restated.value == pytest.approx(0.1 * se / (0.1 * se + 0.9 * (1 - sp)))
    assert restated.condition["prevalence"] == 0.1
    assert restated.interval is not None
    assert restated.flags == ()


def test_a_naive_interval_on_clustered_rows_is_refused() -> None:
    endpoint = {"id": "auroc", "metric": "classification.auroc", "role": "primary", "interval": {"method": "delong"}}
    with pytest.raises(DataError, match=r"14 rows belong to 7 clusters|12 rows belong to 6 clusters"):
        estimate_all(protocol(endpoints=[endpoint]), units(SCORES, LABELS), cohort_digest="x")


def test_all_hits_are_judged_by_wilson_with_the_number_of_patients() -> None:
    scores = [0.9] * 20 + [0.1] * 20
    found = by_id(estimate_all(protocol(), units(scores, [1] * 20 + [0] * 20), cohort_digest="x"))  # type: ignore[arg-type]
    interval = found["sensitivity/m/clean"].interval
    assert interval is not None
    assert interval.low == pytest.approx(float(wilson(10, 10).low), abs=1e-12)  # 20 images of 10 patients
    assert interval.high == 1.0


def test_one_class_is_undefined_and_says_so() -> None:
    found = by_id(estimate_all(protocol(), units([0.2, 0.7, 0.4, 0.1], [0, 0, 0, 0]), cohort_digest="x"))
    for name in ("auroc", "sensitivity"):
        estimate = found[f"{name}/m/clean"]
        assert (estimate.value, estimate.status) == (None, "undefined")
        assert estimate.reason


def test_more_than_one_in_a_hundred_undefined_replicates_leave_no_interval() -> None:
    endpoint = {
        "id": "auroc",
        "metric": "classification.auroc",
        "role": "secondary",
        "interval": {"method": "bootstrap"},
    }
    scores = [float(s) for s in np.linspace(0.05, 0.95, 40)]
    labels = [1, 1] + [0] * 38  # one patient has both positives: a third of the replicates miss him
    found = by_id(estimate_all(protocol(endpoints=[endpoint]), units(scores, labels), cohort_digest="x"))  # type: ignore[arg-type]
    estimate = found["auroc/m/clean"]
    assert (estimate.status, estimate.interval) == ("too_few", None)
    assert estimate.value is not None


def test_limits_for_all_levels_at_once_are_wider_than_for_one() -> None:
    rng = np.random.default_rng(4)
    labels = [int(v) for v in rng.random(200) < 0.5]
    scores = [float(np.clip(0.3 + 0.3 * y + 0.2 * rng.normal(), 0, 1)) for y in labels]
    found = by_id(estimate_all(protocol(), units(scores, labels), cohort_digest="x"))  # type: ignore[arg-type]
    interval = found["sensitivity/m/clean/sex=F"].interval
    assert interval is not None
    assert interval.simultaneous_low is not None
    assert interval.simultaneous_low < interval.low < interval.high < interval.simultaneous_high


def test_the_seed_and_the_cohort_fix_every_bit_and_the_title_none() -> None:
    table = units(SCORES, LABELS)
    first = estimate_all(protocol(), table, cohort_digest="x", workers=1)
    assert first == estimate_all(protocol(title="another", intended_use="other"), table, cohort_digest="x", workers=2)


def test_the_document_has_the_promised_keys_and_reads_back() -> None:
    estimates = estimate_all(protocol(), units(SCORES, LABELS), cohort_digest="x")
    document = to_document(estimates)
    assert document["schema_version"] == "1"
    promised = {
        "id", "endpoint", "metric", "model", "pass", "target", "stratum", "contrast", "condition", "missing_rule", "value",
        "interval", "numerator", "denominator", "n_cases", "n_patients", "n_events", "unit", "role", "prespecified",
        "status", "reason",
    }  # fmt: skip
    assert all(promised <= entry.keys() for entry in document["estimates"])
    assert from_document(json.loads(json.dumps(document, allow_nan=False))) == estimates


def goal_study(goal: float, **resampling: object) -> StudyProtocol:
    endpoint = {"id": "brier", "metric": "classification.brier", "role": "primary"}
    criterion = {"endpoint": "brier", "limit": "upper", "at_most": goal, "rationale": "r"}
    return protocol(
        endpoints=[endpoint], acceptance=[criterion], resampling={"replicates": 400, "settle": 3.0, **resampling}
    )


def brier(study: StudyProtocol, table: pa.Table) -> Estimate:
    return by_id(estimate_all(study, table, cohort_digest="d"))["brier/m/clean"]


def many_rows() -> pa.Table:
    generator = np.random.default_rng(4)
    labels = [int(x) for x in generator.random(240) < 0.5]
    scores = [
        float(np.clip(0.25 + 0.5 * y + e, 0, 1)) for y, e in zip(labels, generator.normal(0, 0.2, 240), strict=True)
    ]
    return units(scores, labels)


def test_replicates_are_added_where_a_limit_lies_too_near_to_its_goal_and_the_first_stay() -> None:
    table = many_rows()
    plain = brier(goal_study(0.9), table).interval
    assert plain is not None
    assert plain.replicates == 400  # far from the goal: nothing is added
    near = brier(goal_study(plain.high, at_most=1600), table).interval
    assert near is not None
    assert near.replicates == 1600
    once = brier(goal_study(plain.high, at_most=400), table).interval
    assert once is not None
    assert (once.replicates, once.high) == (400, plain.high)
    again = brier(goal_study(plain.high, at_most=1600), table).interval
    assert again == near


def test_classes_are_drawn_apart_only_where_the_protocol_says_so() -> None:
    table = many_rows()
    together, apart = (brier(goal_study(0.9, **more), table).interval for more in ({}, {"stratify_by": "class"}))
    assert together is not None
    assert apart is not None
    assert together != apart


def test_patients_with_both_classes_are_a_stratum_of_their_own() -> None:
    from validate.estimation.cases import class_strata

    table = units([0.1, 0.9, 0.2, 0.3, 0.8, 0.7, 0.5, 0.5], [0, 1, 0, 0, 1, 1, None, None])
    assert class_strata(table).tolist() == [3, 1, 2, 0]


def test_a_further_pass_is_estimated_under_the_locked_rule_by_endpoint_and_level() -> None:
    clean = units(SCORES, LABELS)
    blurred = units([None if s is None else 1 - s for s in SCORES], LABELS)
    place = blurred.column_names.index("pass")
    blurred = blurred.set_column(place, UNITS.field("pass"), [pa.array(["blur-3"] * len(SCORES))])
    found = estimate_all(protocol(), pa.concat_tables([clean, blurred]), cohort_digest="c", workers=1)
    alone = estimate_all(protocol(), clean, cohort_digest="c", workers=1)
    assert tuple(one for one in found if one.pass_id == "clean") == alone
    further = {one.id: one for one in found if one.pass_id == "blur-3"}
    assert {one.endpoint for one in further.values()} == {endpoint.id for endpoint in protocol().endpoints}
    assert {"auroc/m/blur-3", "auroc/m/blur-3/sex=F", "brier/m/blur-3"} <= set(further)
    assert not any("missing=" in name or "prevalence=" in name for name in further)
    # by hand: positives 0.1 0.2 0.3 0.8 fail 0.4; none of them at or above 0.5 but one
    assert further["sensitivity/m/blur-3"].numerator == 1


def test_likelihood_ratios_that_nobody_made_endpoints_are_estimated_once_over_all_cases() -> None:
    found = [e for e in estimate_all(protocol(), units(SCORES, LABELS), cohort_digest="c") if "likelihood" in e.metric]
    assert [(e.id, e.role) for e in found] == [
        ("positive_likelihood_ratio/m/clean", "supporting"),
        ("negative_likelihood_ratio/m/clean", "supporting"),
    ]
    # by hand, failures counted as wrong: 4 of 6 found; of 6 negative ones 0.7 and the failed one are flagged
    assert found[0].value == pytest.approx((4 / 6) / (2 / 6))
    assert found[1].value == pytest.approx((2 / 6) / (4 / 6))


def test_against_a_comparator_nobody_computes_likelihood_ratios() -> None:
    reference = {**protocol().reference.model_dump(), "kind": "comparator"}
    found = estimate_all(protocol(reference=reference), units(SCORES, LABELS), cohort_digest="c")
    assert not [e for e in found if "likelihood" in e.metric]
    assert [e for e in found if e.metric == "classification.sensitivity"]


def test_what_is_too_few_is_named_by_what_is_resampled() -> None:
    """Of 24 patients on four sites there are four sites, and not four patients."""
    table = units([0.9, 0.2, 0.7, 0.1] * 6, [1, 0, 1, 0] * 6)
    sites = pa.array([f"S{i // 6}" for i in range(24)], pa.string())
    table = table.set_column(table.column_names.index("cluster"), UNITS.field("cluster"), sites)
    found = []
    for cluster in ("patient", "site"):
        cohort = {**protocol().model_dump(mode="json", by_alias=True)["cohort"], "cluster": cluster}
        found.append(by_id(estimate_all(protocol(cohort=cohort), table, cohort_digest="d"))["brier/m/clean"].reason)
    assert found == [f"4 {noun}: an interval by resampling needs at least 10." for noun in ("patients", "sites")]
