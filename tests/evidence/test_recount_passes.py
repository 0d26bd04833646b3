"""Drops, areas and shares counted a second way: as by hand, with the sign of a drop, the rules of failure and the mirror."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from validate.evidence import recount_moved
from validate.evidence.recount_moved import USUAL
from validate.evidence.recount_parts import LESS_IS_BETTER, Parts, less_is_better, parts_of
from validate.evidence.recount_table import Table
from validate.evidence.recount_yes_no import Found
from validate.protocol.compared import TOLERANCES
from validate.registry import load as load_plugin
from validate.registry import names

# A measure's value by pass and stratum, as if it had been counted.
VALUES = {("clean", ""): 0.90, ("noise-1", ""): 0.88, ("noise-3", ""): 0.70, ("clean", "F"): 0.8, ("noise-3", "F"): 0.5}


def summed(parts: Parts | None) -> float:
    assert parts is not None
    for _, one in parts.plain:
        assert one["contrast"] is None
        assert set(one["condition"]) <= {"threshold"}
    found = (weight * VALUES[one["pass"], one["stratum"].get("sex", "")] for weight, one in parts.plain)
    return math.fsum(found) + parts.constant


def estimate(kind: str, **more: Any) -> dict[str, Any]:
    base = {
        "metric": "classification.auroc", "endpoint": "auroc", "model": "a", "pass": "noise-3", "target": "x", "stratum": {},
        "status": "ok",
        "condition": {"threshold": 0.5, "severity": 3.0}, "contrast": {"kind": kind, "against": "clean", "cause": "noise"},
    }  # fmt: skip
    return {**base, **more}


def row(unit: str, pass_: str, score: float | None, failure: str | None = None, target: str = "x") -> dict[str, Any]:
    status = "failed" if failure else "ok"
    return {"unit": unit, "model": "a", "pass": pass_, "target": target, "score": score, "status": status, "failure": failure}  # fmt: skip


PASSES = [row("U-1", name, 0.5) for name in ("clean", "noise-1", "noise-3", "noise-10-other", "blur-2")]


def table(rows: Any = PASSES, **protocol: Any) -> Table:
    accepted = {("auroc", "a", "classification.auroc"): 0.95}
    return Table(Path(), (), rows, protocol, 0, {}, accepted=accepted)


@pytest.mark.parametrize(
    ("more", "value"),
    [({}, 0.2), ({"stratum": {"sex": "F"}}, 0.3), ({"metric": "classification.brier"}, -0.2), ({"metric": "segmentation.mean.hd95"}, -0.2)],
)  # fmt: skip
def test_a_drop_is_positive_where_the_model_gets_worse(more: dict[str, Any], value: float) -> None:
    assert math.isclose(summed(parts_of(table(), estimate("drop", **more))), value, rel_tol=1e-9)


def test_an_area_is_that_of_trapezoids_over_the_severities_that_were_run() -> None:
    found = summed(parts_of(table(), estimate("area", condition={"severities": 2.0})))
    # by hand: from 0 to 1 the mean of .90 and .88, from 1 to 3 twice that of .88 and .70, over 3
    assert math.isclose(found, (0.89 + 2 * 0.79) / 3, rel_tol=1e-12)


def test_a_change_since_an_accepted_run_is_now_less_then() -> None:
    one = estimate("since_accepted", condition={}, contrast={"kind": "since_accepted", "against": "accepted run"})
    assert math.isclose(summed(parts_of(table(), one)), 0.90 - 0.95, rel_tol=1e-12)
    assert parts_of(table(), {**one, "endpoint": "another"}) is None


def counted(one: dict[str, Any], *, rows: Any, **protocol: Any) -> Found:
    check = recount_moved.check_of(one, protocol)
    assert check is not None
    return recount_moved.share(one, rows, check)


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
    assert counted(share("padding"), rows=rows) == Found(2 / 4, 2, 4)
    analyses = [{"name": "metamorphic", "options": {"tolerances": {"padding": 0.2}}}]
    assert counted(share("padding"), rows=rows, analyses=analyses) == Found(1 / 4, 1, 4)
    assert counted(share("padding"), rows=rows, analyses=[{"metamorphic": {"tolerances": {"padding": 0.01}}}]) == Found(
        2 / 4 + 1 / 4, 3, 4
    )


def test_a_finding_of_the_left_is_held_against_that_of_the_right_in_the_mirror() -> None:
    name, options = "metamorphic.flip", [{"metamorphic": {"laterality": {"left": "right"}}}]
    rows = [
        row("U-1", "clean", 0.9, target="left"), row("U-1", "clean", 0.1, target="right"),
        row("U-1", name, 0.1, target="left"), row("U-1", name, 0.9, target="right"),
    ]  # fmt: skip
    assert counted(share("flip"), rows=rows, analyses=options) == Found(0.0, 0, 1)
    assert counted(share("flip"), rows=rows) == Found(1.0, 1, 1)


def test_a_foreign_image_is_refused_where_no_answer_is_given() -> None:
    name = "input_guard.hand"
    rows = [row("U-1", name, 0.9), row("U-2", name, None, "preprocess:shape"), row("U-3", name, None, "decode:torn")]
    assert counted(share("hand", "input_guard"), rows=rows) == Found(1 / 2, 1, 2)


@pytest.mark.parametrize("name", [name for name in names("metrics") if not name.startswith("contract")])
def test_what_is_said_to_be_better_when_less_is(name: str) -> None:
    assert less_is_better(name) == (load_plugin("metrics", name).better == "lower")


def test_each_that_is_named_is_there() -> None:
    assert set(names("metrics")) >= LESS_IS_BETTER


def test_the_usual_tolerances_are_those_of_the_protocol() -> None:
    assert USUAL == TOLERANCES
