"""Whose answer flips and how often, worked by hand: a table of five cases and three severities at a threshold of 0.5."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from validate.analyses.analysis import Evidence
from validate.analyses.flips import flips, outputs_of
from validate.analyses.robustness import ANALYSIS
from validate.estimation.threshold import Threshold
from validate.protocol.robustness import RobustnessOptions

PASSES = ("clean", "scatter-1", "scatter-2", "scatter-3")
SCORES: dict[str, tuple[float | None, ...]] = {
    "a": (0.9, 0.6, 0.4, 0.3),  # yes, yes, no, no: two passes change it
    "b": (0.2, 0.7, 0.2, 0.8),  # no, yes, no, yes: two, there and back
    "c": (0.5, 0.5, 0.49, 0.5),  # at the threshold is yes: one
    "d": (0.1, 0.2, 0.3, 0.4),  # never
    "e": (None, 0.9, 0.1, 0.9),  # without a clean answer there is nothing to change
    "f": (0.8, None, 0.1, None),  # fails twice, which is no flip: one
}


def table() -> pa.Table:
    return pa.Table.from_pylist(
        [
            {"unit": unit, "model": "m", "pass": name, "target": "y", "score": score,
             "status": "failed" if score is None else "ok", "failure": "x" if score is None else None}
            for place, name in enumerate(PASSES) for unit, scores in SCORES.items() for score in scores[place : place + 1]
        ]
    )  # fmt: skip


def test_each_case_flips_in_the_passes_where_its_answer_is_another_than_the_clean_one() -> None:
    found = flips(outputs_of(table(), "m"), Threshold(0.5), PASSES[1:])
    assert found.tolist() == [
        # a, b, c, d, e, f
        [False, True, False, False, False, False],
        [True, False, True, False, False, True],
        [True, True, False, False, False, False],
    ]
    assert found.sum(axis=0).tolist() == [2, 2, 1, 0, 0, 1]


def test_a_rule_above_the_threshold_says_no_at_it() -> None:
    # c is at 0.5: no when clean, no at 0.49: never flipped now
    found = flips(outputs_of(table(), "m"), Threshold(0.5, inclusive=False), PASSES[1:])
    assert found.sum(axis=0).tolist() == [2, 2, 0, 0, 0, 1]


def study(build: SimpleNamespace, **changes: Any) -> Evidence:
    """Eight patients of one image; under scatter two of the positives fall below the threshold, and one comes back."""
    options = {"suite": "radiography", "perturbations": ["scatter"], "severities": [1, 2, 3], "endpoints": ["auroc"]}
    made = build.evidence(
        build.protocol(analyses=[{"name": "robustness", "options": options}], **changes),
        patient=np.arange(8), positive=np.arange(8) < 4, score=np.array([0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2, 0.1]),
        attributes={"sex": ["F"] * 8, "manufacturer": ["GE"] * 8, "site": ["A"] * 8, "age": [50.0] * 8, "model": ["x"] * 8},
    )  # fmt: skip
    scores = {
        "scatter-1": np.array([0.9, 0.8, 0.7, 0.4, 0.4, 0.3, 0.2, 0.1]),  # the fourth
        "scatter-2": np.array([0.9, 0.8, 0.3, 0.4, 0.4, 0.3, 0.2, 0.1]),  # the third and the fourth
        "scatter-3": np.array(
            [0.9, 0.8, 0.3, 0.6, 0.6, 0.3, 0.2, 0.1]
        ),  # the third; the fourth is back; the fifth says yes
    }
    found: Evidence = build.estimated(build.passes(made, scores))
    return found


def test_the_finding_counts_flips_of_each_severity_and_of_each_case(build: SimpleNamespace) -> None:
    evidence = study(build)
    options = RobustnessOptions.model_validate(dict(evidence.protocol.analyses[0].options))
    (found,) = ANALYSIS.findings(evidence, options)
    (cause,) = found.data["causes"]
    assert [one["flips"] for one in cause["steps"]] == [
        {"to_positive": 0, "to_negative": 1, "rows": 8},
        {"to_positive": 0, "to_negative": 2, "rows": 8},
        {"to_positive": 1, "to_negative": 1, "rows": 8},
    ]
    units = dict.fromkeys(evidence.units["unit"].to_pylist())
    third, fourth, fifth = list(units)[2:5]
    assert (found.data["never_flipped"], found.data["answered"]) == (5, 8)
    counted: list[dict[str, Any]] = found.data["most_flipped"]
    assert {one["case"]: one["passes"] for one in counted} == {third: 2, fourth: 2, fifth: 1}
    assert [one["passes"] for one in counted] == [2, 2, 1], "those that flip most often come first"


def test_without_a_threshold_no_answer_can_flip(build: SimpleNamespace) -> None:
    only = [{"id": "auroc", "metric": "classification.auroc", "role": "primary"}]
    evidence = study(build, models=[build.model(operating_point=None)], endpoints=only)
    (found,) = ANALYSIS.findings(
        evidence, RobustnessOptions.model_validate(dict(evidence.protocol.analyses[0].options))
    )
    assert [one["flips"] for one in found.data["causes"][0]["steps"]] == [None] * 3
    assert (found.data["never_flipped"], found.data["most_flipped"]) == (None, [])
