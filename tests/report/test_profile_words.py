"""What a report is called: only what accepts is an acceptance test, only what compares a comparison, only accuracy is accuracy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from validate.report.profile_words import SETTLES, SIZED, kind, meaning, work
from validate.report.sealed import read_sealed
from validate.report.section import PROFILES, Profile
from validate.report.sections import title_page
from validate.report.study import Study
from validate.verdict.verdict import Reason


@pytest.mark.parametrize(
    ("profile", "fields", "expected"),
    [
        ("acceptance", {}, "Acceptance test"),
        ("acceptance", {"criteria": False}, "Study without criteria"),
        ("acceptance", {"exploratory": True}, "Exploratory study"),
        ("submission", {"criteria": False}, "Validation report"),
        ("comparison", {}, "Study of one model"),
        ("comparison", {"models": ("a", "b"), "model_names": ("A", "B")}, "Comparison of models"),
    ],
)
def test_a_report_is_called_what_it_is(
    build: Callable[..., Path], profile: Profile, fields: dict[str, Any], expected: str
) -> None:
    assert kind(Study(read_sealed(build(**fields)), profile)) == expected


def test_one_model_is_not_compared_in_words_either(build: Callable[..., Path]) -> None:
    assert "R20" not in meaning(Study(read_sealed(build()), "comparison"))
    assert "R20" in meaning(Study(read_sealed(build(models=("a", "b"), model_names=("A", "B"))), "comparison"))


def test_the_title_names_the_work_and_its_measures_as_they_are_written(build: Callable[..., Path]) -> None:
    said = _kind_of_work(build())
    assert said == "AI diagnostic-accuracy validation (acceptance test): Area under the ROC curve; Sensitivity"


def test_against_a_comparator_no_accuracy_is_claimed(build: Callable[..., Path]) -> None:
    study = Study(read_sealed(build(kind="comparator")), "acceptance")
    assert work(study) == "AI validation by agreement with a comparator"
    assert "Positive percent agreement" in _kind_of_work(build(kind="comparator"))


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    "reason", sorted(set(get_args(Reason)) - {"limit_meets_goal", "limit_misses_goal", "no_criteria"})
)
@pytest.mark.parametrize("sized", [140, None])
def test_what_is_undecided_is_told_with_what_would_settle_it(
    build: Callable[..., Path], profile: Profile, reason: str, sized: int | None
) -> None:
    sealed = read_sealed(build())
    last = sealed.verdict.value["criteria"][-1]
    assert last["outcome"] == "INCONCLUSIVE"
    last.update(reason=reason, new_study_n=sized)
    said = meaning(Study(sealed, profile))
    assert said.endswith(f"What would settle it: {SIZED if sized else SETTLES[reason]}.")


def test_what_is_decided_or_exploratory_needs_nothing_to_settle_it(build: Callable[..., Path]) -> None:
    sealed = read_sealed(build())
    sealed.verdict.value["outcome"] = "PASS"
    assert "settle" not in meaning(Study(sealed, "acceptance"))
    assert "settle" not in meaning(Study(read_sealed(build(exploratory=True)), "acceptance"))


def _kind_of_work(folder: Path) -> str:
    facts = title_page.content(Study(read_sealed(folder), "acceptance"))["facts"]
    return str(facts.rows[0].cells[1])
