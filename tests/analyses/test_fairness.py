"""Gaps between groups in words and data; the names people know against Fairlearn; standardised gaps by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from validate.analyses.analysis import Evidence
from validate.analyses.fairness import ANALYSIS
from validate.analyses.samples import model_samples
from validate.protocol.fairness import FairnessOptions
from validate.protocol.schema import StudyProtocol

Study = Callable[..., Evidence]
OPTIONS: dict[str, Any] = {"attributes": ["sex"], "endpoints": ["sensitivity", "auroc"]}


def fair(build: SimpleNamespace, **changes: Any) -> StudyProtocol:
    protocol: StudyProtocol = build.protocol(analyses=[{"name": "fairness", "options": {**OPTIONS, **changes}}])
    return protocol


def finding(evidence: Evidence) -> Any:
    options = FairnessOptions.model_validate(dict(evidence.protocol.analyses[0].options))
    (found,) = ANALYSIS.findings(evidence, options)
    return found


def test_every_group_is_held_against_the_largest_and_rests_on_sealed_estimates(
    build: SimpleNamespace, estimated_study: Study
) -> None:
    evidence = estimated_study(study=fair(build))
    found = finding(evidence)
    known = {estimate.id: estimate for estimate in evidence.estimates}
    (entry, _) = found.data["endpoints"]
    (group,) = entry["groups"]
    difference = known[group["difference"]]
    one, other = known[group["estimate"]], known[group["reference_estimate"]]
    assert one.value is not None and other.value is not None
    assert difference.value == pytest.approx(one.value - other.value, abs=1e-12)
    assert known[group["ratio"]].value == pytest.approx(one.value / other.value, abs=1e-12)
    assert other.n_patients > one.n_patients
    assert "No margin was fixed beforehand, so nothing here is called equal" in found.statement
    assert "fair" not in found.statement.lower().replace("fairness", "")


def test_only_limits_within_the_margin_say_that_no_group_differs(
    build: SimpleNamespace, estimated_study: Study
) -> None:
    wide = finding(estimated_study(study=fair(build, endpoints=["auroc"], margin=0.5, rationale="r")))
    assert wide.data["endpoints"][0]["groups"][0]["conclusion"] == "within"
    assert "no group differs from its reference by more than" in wide.statement
    narrow = finding(estimated_study(study=fair(build, endpoints=["auroc"], margin=0.001, rationale="r")))
    assert narrow.data["endpoints"][0]["groups"][0]["conclusion"] == "open"
    assert "neither shown nor ruled out" in narrow.statement


def test_a_weak_maker_is_a_gap_that_is_found_and_named(build: SimpleNamespace, estimated_study: Study) -> None:
    study = fair(build, attributes=["manufacturer"], endpoints=["sensitivity"], margin=0.1, rationale="r",
                 reference={"manufacturer": "GE"})  # fmt: skip
    found = finding(estimated_study(study=study, patients=600))
    conclusion = {group["level"]: group["conclusion"] for group in found.data["endpoints"][0]["groups"]}
    assert conclusion["Fujifilm"] == "beyond"
    assert {value for level, value in conclusion.items() if level != "Fujifilm"} <= {"open", "within"}
    assert "shows a gap larger than the margin on Fujifilm scanners" in found.statement
    (under,) = found.data["under_diagnosis"]
    assert under["worst"] == "Fujifilm"
    worst = next(level for level in under["levels"] if level["level"] == "Fujifilm")
    named = f"most are missed on Fujifilm scanners ({worst['missed']:,} of {worst['positives']:,})"
    assert f"Under-diagnosis: of those with the finding {named}" in found.statement
    comparator = study.model_copy(update={"reference": study.reference.model_copy(update={"kind": "comparator"})})
    told = finding(estimated_study(study=comparator, patients=600)).statement
    assert f"Of those that the comparator calls positive {named.replace('missed', 'not flagged')}" in told
    assert "the finding" not in told


def test_the_names_people_know_are_fairlearns(build: SimpleNamespace, estimated_study: Study) -> None:
    fairlearn = pytest.importorskip("fairlearn.metrics")
    evidence = estimated_study(study=fair(build, attributes=["manufacturer"]))
    (named,) = finding(evidence).data["names"]
    rows = model_samples(evidence, evidence.protocol.models[0]).locked()
    places = rows.groups.of("manufacturer")
    group = np.array([rows.groups.levels[places[at]] for at in np.argmax(rows.groups.members[places], axis=0)])
    truth, said = rows.rows["positive"].astype(int), rows.rows["flagged"].astype(int)
    for name in (
        "demographic_parity_difference",
        "demographic_parity_ratio",
        "equalized_odds_difference",
        "equal_opportunity_difference",
    ):
        expected = getattr(fairlearn, name)(truth, said, sensitive_features=group)
        assert named[name] == pytest.approx(expected, abs=1e-12), name


def confounded(build: SimpleNamespace, endpoints: Sequence[str] = ("sensitivity",)) -> Evidence:
    """One sex is imaged mostly on the weak scanner; on each scanner both sexes are served alike, 90% and 50%."""
    cells = {("F", "good"): (20, 18), ("F", "weak"): (180, 90), ("M", "good"): (180, 162), ("M", "weak"): (20, 10)}
    sex, maker, score = [], [], []
    for (who, where), (count, found) in cells.items():
        sex += [who] * count
        maker += [where] * count
        score += [0.9] * found + [0.1] * (count - found)
    n = len(sex)
    study = build.protocol(
        analyses=[{"name": "fairness", "options": {**OPTIONS, "endpoints": list(endpoints), "adjust_for": ["manufacturer"],
                                                   "intersections": [["sex", "manufacturer"]], "attributes": ["sex", "manufacturer"],
                                                   "reference": {"sex": "M", "manufacturer": "good"}}}],
        strata=["sex", "manufacturer"],
    )  # fmt: skip
    plain = build.evidence(
        study, patient=np.arange(n + 40), positive=np.r_[np.ones(n, bool), np.zeros(40, bool)],
        score=np.r_[score, np.full(40, 0.2)],
        attributes={"sex": [*sex, *(["F", "M"] * 20)], "manufacturer": [*maker, *(["good"] * 40)], "site": ["A"] * (n + 40)},
    )  # fmt: skip
    return build.estimated(plain)


def test_a_gap_that_comes_from_the_scanner_goes_away_when_the_mix_is_the_same(build: SimpleNamespace) -> None:
    found = finding(confounded(build))
    (sex, _) = found.data["adjusted"]
    assert sex["raw"] == pytest.approx((18 + 90) / 200 - (162 + 10) / 200)
    assert sex["value"] == pytest.approx(0.0, abs=1e-12)
    assert sex["low"] < 0 < sex["high"]
    assert (sex["covered"], sex["cells"]) == (1.0, 2)


def test_a_gap_is_weighted_to_the_mix_of_both_groups_and_of_an_area_too(build: SimpleNamespace) -> None:
    found = finding(confounded(build, endpoints=["sensitivity", "auroc"])).data["weighted"]
    assert {one["reason"] for one in found if one["attribute"] == "manufacturer"} == {
        "manufacturer can't be held constant while it is compared"
    }
    sensitivity, area = (next(one for one in found if one["endpoint"] == name) for name in ("sensitivity", "auroc"))
    assert sensitivity["raw"] == pytest.approx((18 + 90) / 200 - (162 + 10) / 200)
    assert sensitivity["value"] == pytest.approx(0.0, abs=5e-3)  # one covariate of two levels: nought but for the ridge
    assert sensitivity["low"] < 0 < sensitivity["high"] and sensitivity["against"] in {"F", "M"}
    assert abs(area["value"]) < abs(area["raw"]) / 5 and area["low"] < 0 < area["high"]


def test_crossings_are_drawn_towards_their_mean_and_no_further(build: SimpleNamespace) -> None:
    (crossing,) = finding(confounded(build)).data["intersections"]
    values = [cell["value"] for cell in crossing["cells"]]
    for cell in crossing["cells"]:
        assert min(values) <= cell["shrunken"] <= max(values)
    small = next(cell for cell in crossing["cells"] if cell["levels"] == ["M", "weak"])
    large = next(cell for cell in crossing["cells"] if cell["levels"] == ["F", "weak"])
    assert small["value"] == large["value"] == 0.5
    assert small["shrunken"] > large["shrunken"] > 0.5


def test_those_of_unknown_group_move_the_difference_between_its_bounds(
    build: SimpleNamespace, estimated_study: Study
) -> None:
    evidence = estimated_study(study=fair(build, endpoints=["sensitivity"]))
    (bound,) = finding(evidence).data["endpoints"][0]["missing"]
    sample = model_samples(evidence, evidence.protocol.models[0]).locked()
    places = dict(zip((sample.groups.levels[p] for p in sample.groups.of("sex")), sample.groups.of("sex"), strict=True))
    positive, flagged = sample.rows["positive"], sample.rows["flagged"]

    def counts(level: str) -> tuple[int, int]:
        rows = sample.groups.members[places[level]] & positive
        return int(flagged[rows].sum()), int((~flagged[rows]).sum())

    level, reference = bound["level"], "F" if bound["level"] == "M" else "M"
    (hits, misses), (others, other_misses), (found, lost) = (counts(one) for one in (level, reference, "missing"))

    def rate(one: int, other: int) -> float:
        return one / (one + other)

    every = [  # by trying each way in which the unknown can be dealt out
        rate(hits + one, misses + two) - rate(others + found - one, other_misses + lost - two)
        for one in range(found + 1)
        for two in range(lost + 1)
    ]
    assert bound["sharp"] is True
    assert bound["difference"] == pytest.approx(rate(hits, misses) - rate(others, other_misses))
    assert (bound["low"], bound["high"]) == pytest.approx((min(every), max(every)))


def test_of_an_area_those_of_unknown_group_are_on_the_one_side_or_the_other(
    build: SimpleNamespace, estimated_study: Study
) -> None:
    (bound,) = finding(estimated_study(study=fair(build, endpoints=["auroc"]))).data["endpoints"][0]["missing"]
    assert bound["sharp"] is False and bound["low"] <= bound["difference"] <= bound["high"]


def test_without_an_operating_point_rates_of_flags_are_left_out(build: SimpleNamespace, estimated_study: Study) -> None:
    study = fair(build, endpoints=["auroc"])
    model = study.models[0].model_copy(update={"operating_point": None})
    endpoints = tuple(endpoint for endpoint in study.endpoints if endpoint.id == "auroc")
    found = finding(estimated_study(study=study.model_copy(update={"models": (model,), "endpoints": endpoints})))
    assert found.data["names"] == [] and found.data["under_diagnosis"] == []
    assert replace(found).data["adjusted"] == []
