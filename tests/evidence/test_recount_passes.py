"""Drops, areas and shares counted a second way: as by hand, with the sign of a drop, the rules of failure and the mirror."""

from __future__ import annotations

import math
from typing import Any

import pytest

from validate.evidence.recount_passes import LESS_IS_BETTER, USUAL, of_passes
from validate.evidence.recount_yes_no import Found
from validate.metrics.metric import Metric
from validate.protocol.compared import TOLERANCES
from validate.registry import load as load_plugin

# A measure's value by pass and stratum, as if it had been counted.
VALUES = {("clean", ""): 0.90, ("noise-1", ""): 0.88, ("noise-3", ""): 0.70, ("clean", "F"): 0.8, ("noise-3", "F"): 0.5}


def count(one: Any) -> Found | None:
    value = VALUES.get((one["pass"], one["stratum"].get("sex", "")))
    assert set(one["condition"]) <= {"threshold"}
    return None if value is None else Found(value)


def estimate(kind: str, **more: Any) -> dict[str, Any]:
    base = {
        "metric": "classification.auroc", "endpoint": "auroc", "model": "a", "pass": "noise-3", "stratum": {}, "status": "ok",
        "condition": {"threshold": 0.5, "severity": 3.0}, "contrast": {"kind": kind, "against": "clean", "cause": "noise"},
    }  # fmt: skip
    return {**base, **more}


def row(unit: str, pass_: str, score: float | None, failure: str | None = None, target: str = "x") -> dict[str, Any]:
    status = "failed" if failure else "ok"
    return {"unit": unit, "model": "a", "pass": pass_, "target": target, "score": score, "status": status, "failure": failure}  # fmt: skip


PASSES = [row("U-1", name, 0.5) for name in ("clean", "noise-1", "noise-3", "noise-10-other", "blur-2")]


def counted(*estimates: dict[str, Any], rows: Any = PASSES, **protocol: Any) -> dict[int, Found]:
    accepted = [{"endpoint": "auroc", "model": "a", "metric": "classification.auroc", "value": 0.95}]
    return dict(
        of_passes(
            estimates, rows, protocol, count=count, less_is_better=lambda name: name == "lower", accepted=accepted
        )
    )


def test_a_drop_is_positive_where_the_model_gets_worse() -> None:
    found = counted(
        estimate("drop"),
        estimate("drop", stratum={"sex": "F"}),
        estimate("drop", metric="classification.brier"),
        estimate("drop", metric="lower"),
        estimate("drop", **{"pass": "noise-9"}),  # nobody ran it
        estimate("drop", status="too_few"),
        {**estimate("drop"), "contrast": None},
    )
    assert {at: round(one.value, 9) for at, one in found.items()} == {0: 0.2, 1: 0.3, 2: -0.2, 3: -0.2}


def test_an_area_is_that_of_trapezoids_over_the_severities_that_were_run() -> None:
    (found,) = counted(estimate("area", condition={"severities": 2.0})).values()
    # by hand: from 0 to 1 the mean of .90 and .88, from 1 to 3 twice that of .88 and .70, over 3
    assert math.isclose(found.value, (0.89 + 2 * 0.79) / 3, rel_tol=1e-12)


def test_a_change_since_an_accepted_run_is_now_less_then() -> None:
    (found,) = counted(estimate("since_accepted", condition={})).values()
    assert math.isclose(found.value, 0.90 - 0.95, rel_tol=1e-12)


def share(check: str, kind: str = "metamorphic") -> dict[str, Any]:
    return estimate(kind, **{"pass": f"{kind}.{check}"}, contrast={"kind": kind, "against": "clean", "check": check})


def test_outputs_that_moved_are_counted_of_those_that_could_be_made() -> None:
    name = "metamorphic.padding"
    rows = [
        row("U-1", "clean", 0.5), row("U-1", name, 0.54),  # within 0.05
        row("U-2", "clean", 0.5), row("U-2", name, 0.56),  # beyond it
        row("U-3", "clean", 0.5), row("U-3", name, None, "model_crashed"),  # an output in one only
        row("U-4", "clean", None, "model_crashed"), row("U-4", name, None, "model_crashed"),  # none in both
        row("U-5", "clean", 0.5), row("U-5", name, None, "rewrite:pixels"),  # could not be made
    ]  # fmt: skip
    assert counted(share("padding"), rows=rows) == {0: Found(2 / 4, 2, 4)}
    analyses = [{"name": "metamorphic", "options": {"tolerances": {"padding": 0.2}}}]
    assert counted(share("padding"), rows=rows, analyses=analyses) == {0: Found(1 / 4, 1, 4)}
    assert counted(share("padding"), rows=rows, analyses=[{"metamorphic": {"tolerances": {"padding": 0.01}}}]) == {
        0: Found(2 / 4 + 1 / 4, 3, 4)
    }


def test_a_finding_of_the_left_is_held_against_that_of_the_right_in_the_mirror() -> None:
    name, options = "metamorphic.flip", [{"metamorphic": {"laterality": {"left": "right"}}}]
    rows = [
        row("U-1", "clean", 0.9, target="left"), row("U-1", "clean", 0.1, target="right"),
        row("U-1", name, 0.1, target="left"), row("U-1", name, 0.9, target="right"),
    ]  # fmt: skip
    assert counted(share("flip"), rows=rows, analyses=options) == {0: Found(0.0, 0, 1)}
    assert counted(share("flip"), rows=rows) == {0: Found(1.0, 1, 1)}


def test_a_foreign_image_is_refused_where_no_answer_is_given() -> None:
    name = "input_guard.hand"
    rows = [row("U-1", name, 0.9), row("U-2", name, None, "preprocess:shape"), row("U-3", name, None, "decode:torn")]
    assert counted(share("hand", "input_guard"), rows=rows) == {0: Found(1 / 2, 1, 2)}


@pytest.mark.parametrize("name", sorted(LESS_IS_BETTER))
def test_what_is_said_to_be_better_when_less_is(name: str) -> None:
    metric: Metric = load_plugin("metrics", name)
    assert metric.better == "lower"


def test_the_usual_tolerances_are_those_of_the_protocol() -> None:
    assert USUAL == TOLERANCES
