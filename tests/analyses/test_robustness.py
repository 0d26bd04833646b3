"""Degradation by severity: paired drops, what holds and what breaks, whose answer flips; found where it was put and not elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from validate.analyses.analysis import Evidence
from validate.analyses.robustness import ANALYSIS, passes, steps
from validate.errors import ProtocolError
from validate.estimation.estimate import Estimate
from validate.protocol.robustness import RobustnessOptions
from validate.registry import load, names
from validate.verdict.decide import decide

Study = Callable[..., Evidence]
OPTIONS: dict[str, Any] = {
    "suite": "radiography", "perturbations": ["detector_blur", "scatter"], "endpoints": ["auroc", "sensitivity"],
    "tolerance": 0.08, "rationale": "r",
}  # fmt: skip


def disturbed(
    build: SimpleNamespace, *, patients: int = 280, loss: float = 0.0, seed: int = 1, **changes: Any
) -> Evidence:
    """Scores clean; under scatter the classes come closer by `loss` a severity, under blur by nothing but noise."""
    criteria = changes.pop("acceptance", [])
    options = {**OPTIONS, **changes}
    study = build.protocol(analyses=[{"name": "robustness", "options": options}], acceptance=criteria)
    clean = build.simulate(study=study, patients=patients, seed=seed, weak=None)
    rng = np.random.default_rng(seed + 99)
    raw = np.array([np.nan if s is None else s for s in clean.units["score"].to_pylist()])
    latent = np.log(raw / (1 - raw))
    positive = np.array([label == 1.0 for label in clean.units["label"].to_pylist()])
    scores = {}
    for severity in options.get("severities", (1, 2, 3, 4, 5)):
        small = rng.normal(0, 0.05, len(raw))
        scores[f"detector_blur-{severity}"] = 1 / (1 + np.exp(-(latent + small)))
        moved = latent + small - positive * loss * severity
        scores[f"scatter-{severity}"] = 1 / (1 + np.exp(-moved))
    evidence: Evidence = build.estimated(build.passes(clean, scores))
    return evidence


def finding(evidence: Evidence) -> Any:
    options = RobustnessOptions.model_validate(dict(evidence.protocol.analyses[0].options))
    (found,) = ANALYSIS.findings(evidence, options)
    return found


def drop(evidence: Evidence, name: str) -> Estimate:
    return next(e for e in evidence.estimates if e.id == name)


def test_a_suite_has_a_pass_for_each_cause_and_severity_and_one_noise_for_all_of_a_cause() -> None:
    found = passes(RobustnessOptions(suite=("ct", "any"), severities=(1, 5), endpoints=("auroc",)))
    wanted = [name for name in names("perturbations") if load("perturbations", name).suites & {"ct", "any"}]
    assert [one.id for one in found] == [f"{name}-{severity}" for name in wanted for severity in (1, 5)]
    assert {one.volume_transform["stream"] for one in found if one.volume_transform} == set(wanted)
    own = RobustnessOptions(
        suite="ct", perturbations=("ct_dose",), endpoints=("auroc",), custom={"ct_dose": ({"fraction": 0.4},)}
    )
    (only,) = passes(own)
    assert only.volume_transform is not None and only.volume_transform["options"] == {"fraction": 0.4}


def test_every_suite_of_the_issue_has_causes() -> None:
    for suite in ("radiography", "mammography", "ct", "mr", "ultrasound", "fundus", "dermoscopy", "any"):
        assert len(passes(RobustnessOptions(suite=suite, severities=(1,), endpoints=("auroc",)))) >= 4, suite


def test_a_drop_is_clean_less_disturbed_and_its_limits_are_paired(build: SimpleNamespace) -> None:
    evidence = disturbed(build, loss=0.6)
    known = {e.id: e for e in evidence.estimates}
    one = known["sensitivity/candidate/scatter-5/drop"]
    clean, other = known["sensitivity/candidate/clean"], known["sensitivity/candidate/scatter-5"]
    assert clean.value is not None and other.value is not None
    assert one.value == pytest.approx(clean.value - other.value, abs=1e-12) and one.value > 0.2
    small = known["auroc/candidate/detector_blur-3/drop"].interval
    alone = known["auroc/candidate/clean"].interval
    assert small is not None and alone is not None
    assert small.high - small.low < 0.3 * (alone.high - alone.low)


def test_what_was_put_in_is_found_and_what_was_not_is_not(build: SimpleNamespace) -> None:
    found = finding(disturbed(build, loss=0.6))
    causes = {entry["cause"]: entry["endpoints"][0] for entry in found.data["causes"]}
    assert causes["detector_blur"]["holds_up_to"] == 5 and causes["detector_blur"]["breaks_at"] is None
    assert causes["scatter"]["holds_up_to"] < 5 and causes["scatter"]["breaks_at"] in (3, 4, 5)
    assert "breaks under scatter at severity" in found.statement
    steps = found.data["causes"][1]["steps"]
    assert steps[4]["flips"]["to_negative"] > steps[0]["flips"]["to_negative"]
    assert found.data["never_flipped"] < found.data["answered"]
    assert found.data["most_flipped"][0]["passes"] >= 4


def test_a_small_sample_never_looks_robust(build: SimpleNamespace) -> None:
    evidence = disturbed(build, patients=24, loss=0.0, perturbations=["detector_blur"])
    same = drop(evidence, "sensitivity/candidate/detector_blur-1/drop")
    assert same.interval is not None and same.interval.high > 0.08  # not one answer differs, and that says little
    entry = finding(evidence).data["causes"][0]["endpoints"][1]
    assert entry["holds_up_to"] == 0 and entry["breaks_at"] is None


def test_the_area_is_the_mean_over_the_severities(build: SimpleNamespace) -> None:
    evidence = disturbed(build, loss=0.4)
    known = {e.id: e for e in evidence.estimates}
    values = [known[f"auroc/candidate/{name}"].value for name in ("clean", *(f"scatter-{s}" for s in range(1, 6)))]
    area = known["auroc/candidate/scatter/area"]
    assert area.value == pytest.approx(np.trapezoid(np.array(values, float)) / 5, abs=1e-9)
    assert area.interval is not None and area.interval.low < area.value < area.interval.high


def test_levels_have_curves_of_their_own(build: SimpleNamespace) -> None:
    found = finding(disturbed(build, loss=0.3, by="sex"))
    strata = found.data["causes"][1]["endpoints"][0]["strata"]
    assert [one["level"] for one in strata] == ["F", "M", "missing"]
    assert all(point["drop"] for point in strata[0]["points"])


@pytest.mark.parametrize(
    ("loss", "cause", "severity", "outcome", "words"),
    [
        (0.6, "detector_blur", 5, "PASS", "holds up to severity 5 under detector blur"),
        (0.6, "scatter", 5, "FAIL", "wholly beyond the tolerance"),
        (0.6, "every", 5, "FAIL", "under scatter at severity 5"),
        (0.0, "every", 5, "PASS", "under every cause"),
    ],
)
def test_a_criterion_holds_up_to_a_severity(
    build: SimpleNamespace, loss: float, cause: str, severity: int, outcome: str, words: str
) -> None:
    criterion = {"endpoint": "auroc", "perturbation": cause, "holds_up_to": severity, "rationale": "r"}
    evidence = disturbed(build, loss=loss, acceptance=[criterion])
    (result,) = decide(evidence.protocol, evidence.estimates, locked=True).criteria
    assert result.outcome == outcome
    assert words in result.sentence


def test_without_a_tolerance_nothing_is_called_robust(build: SimpleNamespace) -> None:
    found = finding(disturbed(build, tolerance=None, rationale=None, severities=[1]))
    assert "nothing here is called robust" in found.statement
    assert found.data["causes"][0]["endpoints"][0]["holds_up_to"] is None


@pytest.mark.parametrize(
    ("changes", "criterion", "words"),
    [
        ({"suite": "xray"}, None, "no suite 'xray'"),
        ({"perturbations": ["blurr"]}, None, "no perturbation 'blurr'"),
        ({"endpoints": ["auc"]}, None, "no endpoint 'auc'"),
        ({"severities": [3, 1]}, None, "expected rising numbers"),
        ({"rationale": ""}, None, "a tolerance needs a reason"),
        ({"by": "hospital"}, None, "not among the strata"),
        ({"tolerance": None}, {}, "needs a tolerance"),
        ({}, {"perturbation": "gibbs"}, "no perturbation 'gibbs'"),
        ({}, {"perturbation": None}, "expected both"),
        ({"severities": [1, 3]}, {}, "the severities are 1, 3"),
        ({}, {"at_least": 0.5}, "does not go with holds_up_to"),
    ],
)
def test_a_protocol_that_makes_no_sense_is_refused(
    build: SimpleNamespace, changes: dict[str, Any], criterion: dict[str, Any] | None, words: str
) -> None:
    from validate.catalog import shipped_catalog
    from validate.protocol.robustness import robustness_problems

    asked = {"endpoint": "auroc", "perturbation": "scatter", "holds_up_to": 5, "rationale": "r", **(criterion or {})}
    study = build.protocol(
        analyses=[{"name": "robustness", "options": {**OPTIONS, **changes}}],
        acceptance=[] if criterion is None else [asked],
    )
    found = list(robustness_problems(study, shipped_catalog()))
    assert any(words in problem.message for problem in found), found


def test_more_severities_than_a_range_of_its_own_has_can_not_be_asked_for(build: SimpleNamespace) -> None:
    from validate.catalog import shipped_catalog
    from validate.protocol.robustness import robustness_problems

    options = {**OPTIONS, "custom": {"scatter": [{"fraction": 0.2}, {"fraction": 0.4}]}}
    for asked, holds_up_to, refused in (
        ("scatter", 3, True),
        ("every", 3, True),
        ("scatter", 2, False),
        ("detector_blur", 3, False),
    ):
        study = build.protocol(
            analyses=[{"name": "robustness", "options": options}],
            acceptance=[{"endpoint": "auroc", "perturbation": asked, "holds_up_to": holds_up_to, "rationale": "r"}],
        )
        found = [problem.message for problem in robustness_problems(study, shipped_catalog())]
        assert any("its severities end at 2" in message for message in found) == refused, (asked, found)


@pytest.mark.parametrize(
    ("cause", "strengths", "words"),
    [
        ("scatter", [{"fraction": 0.4}, {"fraction": 0.2}], "from 0.4 to 0.2, which is milder; expected mild to severe, so rising"),
        ("ct_dose", [{"fraction": 0.2}, {"fraction": 0.4}], "so falling numbers"),
        ("tube_voltage", [{"kvp": 80}, {"kvp": 100}], "so falling numbers"),
    ],
)  # fmt: skip
def test_strengths_that_get_milder_are_refused(cause: str, strengths: list[dict[str, float]], words: str) -> None:
    with pytest.raises(ProtocolError, match=words):
        passes(
            RobustnessOptions(
                suite="any", perturbations=(cause,), endpoints=("auroc",), custom={cause: tuple(strengths)}
            )
        )


@pytest.mark.parametrize(
    ("cause", "strengths"),
    [
        ("tone_curve", [{"gamma": 0.9}, {"gamma": 0.7}]),  # brighter and brighter
        ("contrast_shift", [{"ratio": 0.9}, {"ratio": 0.7}]),
        ("scatter", [{"fraction": 0.05}, {"fraction": 0.4}]),
    ],
)
def test_strengths_that_disturb_the_other_way_are_the_protocols_own(
    cause: str, strengths: list[dict[str, float]]
) -> None:
    options = RobustnessOptions(suite="any", endpoints=("auroc",), custom={cause: tuple(strengths)})
    assert [severity for severity, _ in steps(options, cause)] == [1, 2]


def test_strengths_without_an_order_are_taken_as_they_come() -> None:
    ways = ({"way": "transposed"}, {"way": "left_right"})
    found = passes(
        RobustnessOptions(
            suite="any", perturbations=("orientation",), endpoints=("auroc",), custom={"orientation": ways}
        )
    )
    assert [one.id for one in found] == ["orientation-1", "orientation-2"]


def test_no_such_option_is_an_error(build: SimpleNamespace) -> None:
    from validate.analyses.run import planned_analyses

    study = build.protocol(analyses=[{"name": "robustness", "options": {**OPTIONS, "severity": 3}}])
    with pytest.raises(ProtocolError, match="severity"):
        planned_analyses(study)
