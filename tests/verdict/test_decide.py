from __future__ import annotations

import json
from itertools import product
from types import SimpleNamespace
from typing import Any, cast

import pytest

from validate.canonical import pretty_json
from validate.errors import EvidenceError, ProtocolError
from validate.verdict.decide import decide, overall
from validate.verdict.document import from_document, to_document
from validate.verdict.verdict import Outcome

OUTCOMES = ("PASS", "FAIL", "INCONCLUSIVE")
LIMITS = {"PASS": (0.85, 0.95), "FAIL": (0.5, 0.6), "INCONCLUSIVE": (0.7, 0.9)}


@pytest.mark.parametrize("outcomes", [c for n in (1, 2, 3) for c in product(OUTCOMES, repeat=n)])
def test_any_fail_is_fail_else_any_inconclusive_is_inconclusive_else_pass(
    build: SimpleNamespace, outcomes: tuple[str, ...]
) -> None:
    models = [f"m{index}" for index in range(len(outcomes))]
    protocol = build.protocol(build.at_least(0.8), models=[build.model(name) for name in models])
    estimates = [build.estimate(*LIMITS[outcome], model=name) for name, outcome in zip(models, outcomes, strict=True)]
    verdict = decide(protocol, estimates, locked=True)
    assert [result.outcome for result in verdict.criteria] == list(outcomes)
    assert verdict.outcome == overall(cast(list[Outcome], list(outcomes)))
    assert verdict.outcome == ("FAIL" if "FAIL" in outcomes else max(outcomes, key=("PASS", "INCONCLUSIVE").index))


def test_without_a_criterion_there_is_no_verdict(build: SimpleNamespace) -> None:
    verdict = decide(build.protocol(), [build.estimate()], locked=True)
    assert verdict.outcome is None
    assert verdict.sentence == "The protocol states no criterion, so there is no verdict."


def test_what_ran_unlocked_is_exploratory_and_never_a_pass(build: SimpleNamespace) -> None:
    verdict = decide(build.protocol(build.at_least(0.8)), [build.estimate(0.85, 0.95)], locked=False)
    assert verdict.exploratory
    assert verdict.outcome is None
    assert verdict.criteria[0].locked is False
    assert "Exploratory: nothing was locked before the first look" in verdict.sentence


def test_an_estimate_that_was_not_prespecified_counts_for_nothing(build: SimpleNamespace) -> None:
    verdict = decide(build.protocol(build.at_least(0.8)), [build.estimate(0.85, 0.95, prespecified=False)], locked=True)
    assert verdict.outcome is None
    assert verdict.criteria[0].locked is False


def test_a_criterion_for_one_model_leaves_the_others_alone(build: SimpleNamespace) -> None:
    protocol = build.protocol(build.at_least(0.8, model="b"), models=[build.model("a"), build.model("b")])
    estimates = [build.estimate(0.5, 0.6, model="a"), build.estimate(0.85, 0.95, model="b")]
    verdict = decide(protocol, estimates, locked=True)
    assert [result.model for result in verdict.criteria] == ["b"]
    assert verdict.outcome == "PASS"
    assert verdict.criteria[0].sentence.startswith("B: Sensitivity: ")


def test_only_the_locked_estimate_over_all_cases_decides(build: SimpleNamespace) -> None:
    good = build.estimate(0.85, 0.95)
    others = [
        build.estimate(0.1, 0.2, id="sensitivity/candidate/clean/missing=excluded", missing_rule="excluded"),
        build.estimate(0.1, 0.2, stratum={"sex": "F"}),
        build.estimate(0.1, 0.2, pass_id="noise-3", id="sensitivity/candidate/noise-3"),
        build.estimate(0.1, 0.2, contrast={"kind": "difference", "against": "b"}, id="x"),
        build.estimate(0.1, 0.2, condition={"prevalence": 0.02}, id="y"),
    ]
    verdict = decide(build.protocol(build.at_least(0.8)), [*others, good], locked=True)
    assert verdict.criteria[0].estimates == ("sensitivity/candidate/clean",)
    assert verdict.outcome == "PASS"


def test_an_endpoint_that_was_not_estimated_decides_nothing(build: SimpleNamespace) -> None:
    verdict = decide(build.protocol(build.at_least(0.8)), [], locked=True)
    assert (verdict.outcome, verdict.criteria[0].reason) == ("INCONCLUSIVE", "undefined")
    assert "was not estimated" in verdict.sentence


def test_a_goal_is_met_by_the_number_and_not_by_its_print(build: SimpleNamespace) -> None:
    verdict = decide(build.protocol(build.at_least(0.8)), [build.estimate(0.79999, 0.95)], locked=True)
    assert verdict.outcome == "INCONCLUSIVE"
    assert "79.999" in verdict.sentence  # 80.0% would contradict the verdict


def sentences(build: SimpleNamespace, *estimates: Any, **criterion: Any) -> str:
    protocol = build.protocol(build.at_least(0.65, **criterion))
    return decide(protocol, list(estimates), locked=True).criteria[0].sentence


def by_maker(build: SimpleNamespace, **limits: tuple[float, float] | dict[str, Any]) -> list[Any]:
    return [
        build.estimate(
            **(kind if isinstance(kind, dict) else {"low": kind[0], "high": kind[1]}), stratum={"manufacturer": name}
        )
        for name, kind in limits.items()
    ]


def test_the_sentences_of_a_criterion_over_all_cases(build: SimpleNamespace) -> None:
    assert sentences(build, build.estimate(0.852, 0.912, value=0.885)) == (
        "Sensitivity: 88.5% (85.2–91.2%); the lower limit is at or above the goal of 65%."
    )
    assert sentences(build, build.estimate(0.5, 0.64)) == (
        "Sensitivity: 57.0% (50.0–64.0%); even the upper limit lies below the goal of 65%."
    )
    assert sentences(build, build.estimate(0.609, 0.84, value=0.741)) == (
        "Sensitivity: 74.1% (60.9–84.0%); the goal of 65% lies inside the limits, and 58 positive images are too few "
        "to decide."
    )
    assert sentences(build, build.estimate(0.609, 0.84, n_events=1)).endswith("1 positive image is too few to decide.")
    assert "not defined (Sensitivity needs at least one positive case" in sentences(build, build.undefined())
    assert sentences(build, build.estimate(0.7, 0.9), min_events=60).endswith(
        "it rests on 58 positive images, and the protocol asks for at least 60."
    )
    assert "limits without width decide nothing" in sentences(build, build.estimate(1.0, 1.0))


def test_an_inconclusive_level_is_named_and_a_new_study_planned_from_the_lock(build: SimpleNamespace) -> None:
    estimates = by_maker(build, GE=(0.7, 0.9), Fujifilm={"low": 0.609, "high": 0.84, "value": 0.741})
    protocol = build.protocol(build.at_least(0.65, worst_of="manufacturer", min_events=20, assumed=0.78))
    (result,) = decide(protocol, estimates, locked=True).criteria
    assert result.worst_level == "Fujifilm"
    assert result.estimate == "sensitivity/candidate/clean/manufacturer=Fujifilm"
    assert result.new_study_n is not None
    assert result.sentence == (
        "Sensitivity on Fujifilm scanners: 74.1% (60.9–84.0%); the goal of 65% lies inside the limits, and 58 positive "
        f"images are too few to decide. A new study with about {result.new_study_n} positive images on Fujifilm "
        "scanners, each of another patient, would meet the goal with 80% power if the true value is 78%, as assumed in "
        "the lock. Adding cases to this study would be exploratory."
    )


def test_the_new_study_is_that_of_published_power(build: SimpleNamespace) -> None:
    # exact power of Wilson's limit: .90 against .80 needs 100, .92 against .85 167, .90 against .85 347
    for assumed, goal, events in ((0.90, 0.80, 100), (0.92, 0.85, 167), (0.95, 0.90, 217), (0.90, 0.85, 347)):
        protocol = build.protocol(build.at_least(goal, assumed=assumed))
        (result,) = decide(protocol, [build.estimate(goal - 0.1, goal + 0.1)], locked=True).criteria
        assert result.new_study_n == events
        mirrored = build.protocol(build.at_most(1 - goal, assumed=1 - assumed))
        (mirror,) = decide(mirrored, [build.estimate(0.9 - goal, 1.1 - goal)], locked=True).criteria
        assert mirror.new_study_n == events


def test_a_new_study_for_an_auroc_counts_both_classes(build: SimpleNamespace) -> None:
    protocol = build.protocol({"endpoint": "auroc", "limit": "lower", "at_least": 0.8, "assumed": 0.9})
    (result,) = decide(protocol, [build.estimate(0.75, 0.9, endpoint="auroc")], locked=True).criteria
    assert result.new_study_n is not None
    assert (
        f"A new study with about {result.new_study_n} positive images and as many negative ones, each"
        in result.sentence
    )


@pytest.mark.parametrize("assumed", [None, 0.5, 0.65 + 1e-9])
def test_no_new_study_is_planned_from_nothing_or_from_what_would_not_do(
    build: SimpleNamespace, assumed: float | None
) -> None:
    protocol = build.protocol(build.at_least(0.65, assumed=assumed))
    (result,) = decide(protocol, [build.estimate(0.6, 0.7)], locked=True).criteria
    assert result.new_study_n is None
    assert "new study" not in result.sentence


def test_the_sentences_of_a_criterion_on_every_level(build: SimpleNamespace) -> None:
    worst = {"worst_of": "manufacturer"}
    good = by_maker(build, GE=(0.8, 0.9), Philips={"low": 0.7, "high": 0.9, "value": 0.8})
    assert sentences(build, *good, **worst) == (
        "Both levels of manufacturer meet the goal of 65%; the worst: Sensitivity on Philips scanners: 80.0% "
        "(70.0–90.0%)."
    )
    failing = by_maker(build, GE=(0.8, 0.9), Fujifilm={"low": 0.4, "high": 0.6, "simultaneous": (0.35, 0.64)})
    assert sentences(build, *failing, **worst) == (
        "Sensitivity on Fujifilm scanners: 50.0% (40.0–60.0%); even the upper limit lies below the goal of 65%. "
        "Limits that allow for looking at two groups (35.0–64.0%) say the same."
    )
    chance = by_maker(build, GE=(0.8, 0.9), Fujifilm={"low": 0.4, "high": 0.6, "simultaneous": (0.35, 0.7)})
    assert "as the worst of two groups it can be so by chance, so nothing is decided" in sentences(
        build, *chance, **worst
    )
    unknown = by_maker(build, GE=(0.8, 0.9), missing=(0.8, 0.9))
    assert "where manufacturer is not known" in sentences(build, *unknown, **worst)
    several = by_maker(build, GE=(0.6, 0.9), Fujifilm=(0.5, 0.9), missing=(0.8, 0.9))
    assert sentences(build, *several, **worst).endswith(
        "Nothing is decided on GE scanners and where manufacturer is not known either."
    )
    assert "was not estimated by manufacturer" in sentences(build, **worst)


def test_the_verdict_counts_what_is_met(build: SimpleNamespace) -> None:
    protocol = build.protocol(
        {"endpoint": "auroc", "limit": "lower", "at_least": 0.8}, build.at_least(0.8), build.at_least(0.65)
    )
    estimates = [build.estimate(0.909, 0.942, endpoint="auroc"), build.estimate(0.7, 0.9)]
    verdict = decide(protocol, estimates, locked=True)
    assert verdict.sentence.startswith("Two of three criteria are met, one is undecided. Sensitivity: 80.0%")
    assert verdict.criteria[0].sentence.startswith("Area under the ROC curve: 0.925 (0.909–0.942); the lower limit")


def test_two_met_criteria_are_both_met(build: SimpleNamespace) -> None:
    protocol = build.protocol(build.at_least(0.6), build.at_least(0.65))
    assert decide(protocol, [build.estimate(0.7, 0.9)], locked=True).sentence == "Both criteria are met."


def test_against_a_comparator_the_words_are_agreement(build: SimpleNamespace) -> None:
    plain = build.protocol(build.at_least(0.65))
    reference = plain.reference.model_copy(update={"kind": "comparator"})
    protocol = plain.model_copy(update={"reference": reference})
    (result,) = decide(protocol, [build.estimate(0.8, 0.9)], locked=True).criteria
    assert result.sentence.startswith("Positive percent agreement: ")


def test_a_goal_without_a_direction_is_refused(build: SimpleNamespace) -> None:
    protocol = build.protocol({"endpoint": "sensitivity", "limit": "lower"})
    with pytest.raises(ProtocolError, match="exactly one of at_least and at_most"):
        decide(protocol, [build.estimate()], locked=True)


def test_a_verdict_comes_back_as_it_was_written(build: SimpleNamespace) -> None:
    protocol = build.protocol(build.at_least(0.65, worst_of="manufacturer", assumed=0.8), build.at_least(0.8))
    verdict = decide(protocol, [*by_maker(build, GE=(0.6, 0.9)), build.estimate(0.5, 0.9)], locked=True)
    assert from_document(json.loads(pretty_json(to_document(verdict)))) == verdict


@pytest.mark.parametrize("document", [{}, {"schema_version": "2"}, {"schema_version": "1", "criteria": [{}]}])
def test_what_is_no_verdict_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(EvidenceError, match=r"verdict\.json"):
        from_document(document)
