"""Metamorphic checks and the input guard: shares of cases, found where a change was put and not where none was."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from validate.analyses.analysis import Evidence
from validate.analyses.input_guard import ANALYSIS as GUARD
from validate.analyses.input_guard import passes as guard_passes
from validate.analyses.metamorphic import ANALYSIS as METAMORPHIC
from validate.analyses.metamorphic import passes as metamorphic_passes
from validate.analyses.run import run_analyses
from validate.estimation.compared import compare
from validate.protocol.compared import CHECKS, KINDS, InputGuardOptions, MetamorphicOptions
from validate.registry import load
from validate.verdict.decide import decide

MOVED = 0.2


def study(
    build: SimpleNamespace, *, share: float = 0.1, refused: float = 0.0, acceptance: Any = (), **more: Any
) -> Evidence:
    """repeat : the same; padding : moved in a share of the cases; a photograph : refused in a share of them."""
    protocol = build.protocol(
        analyses=[
            {"name": "metamorphic", "options": {"checks": ["repeat", "padding"], **more}},
            {"name": "input_guard", "options": {"kinds": ["photograph", "noise"]}},
        ],
        acceptance=list(acceptance),
    )
    clean = build.simulate(study=protocol, weak=None, failures=0)
    rng = np.random.default_rng(5)
    scores = np.array([np.nan if s is None else s for s in clean.units["score"].to_pylist()])
    n = len(scores)
    disturbed = np.where(rng.random(n) < share, np.abs(scores - MOVED), scores)
    evidence: Evidence = build.passes(
        clean,
        {
            "metamorphic.repeat": scores, "metamorphic.padding": disturbed,
            "input_guard.photograph": np.full(n, 0.97), "input_guard.noise": np.full(n, 0.5),
        },
        {"input_guard.photograph": rng.random(n) < refused},
    )  # fmt: skip
    return build.estimated(evidence)  # type: ignore[no-any-return]


def found(evidence: Evidence, name: str) -> Any:
    return next(one for one in run_analyses(evidence) if one.analysis == name)


def test_what_moved_is_counted_and_what_did_not_is_not(build: SimpleNamespace) -> None:
    evidence = study(build)
    repeat, padding = found(evidence, "metamorphic").data["checks"]
    assert (repeat["conclusion"], repeat["moved"], repeat["largest"]) == ("held", 0, 0.0)
    assert padding["conclusion"] == "broken" and 0.05 < padding["moved"] / padding["compared"] < 0.15
    assert padding["largest"] == pytest.approx(MOVED, abs=1e-9)
    known = {e.id: e for e in evidence.estimates}
    share = known["metamorphic/candidate/metamorphic.repeat"]
    assert share.value == 0 and share.interval is not None and share.interval.high > 0  # nought of so many is no proof
    assert not any(
        e.endpoint in {"auroc", "sensitivity"} and e.pass_id.startswith("metamorphic.") for e in evidence.estimates
    )


def test_a_tolerance_of_the_protocol_is_heeded(build: SimpleNamespace) -> None:
    _, padding = found(study(build, tolerances={"padding": 0.3}), "metamorphic").data["checks"]
    assert padding["conclusion"] == "held" and padding["tolerance"] == 0.3


def test_a_mirror_swaps_left_and_right_and_nothing_else() -> None:
    rows = []
    for name, scores in (("clean", (0.9, 0.2, 0.4)), ("metamorphic.flip", (0.2, 0.9, 0.4))):
        for target, score in zip(("left", "right", "heart"), scores, strict=True):
            rows.append({"unit": "u", "model": "m", "pass": name, "target": target, "score": score, "status": "ok",
                         "failure": None, "cluster": "p", "patient": "p"})  # fmt: skip
    table = pa.Table.from_pylist(rows)
    options = MetamorphicOptions(laterality={"left": "right"})
    assert compare(table, "m", "metamorphic.flip", options).moved.tolist() == [0.0]
    assert compare(table, "m", "metamorphic.flip").moved.tolist() == pytest.approx([0.7])


def test_who_answers_a_photograph_with_confidence_is_named(build: SimpleNamespace) -> None:
    photograph, noise = found(study(build), "input_guard").data["kinds"]
    assert (
        photograph["confident"] == photograph["answered"] and photograph["refused"] == 0 and photograph["flagged"] > 0
    )
    assert noise["confident"] == 0 and noise["middle"] == 0.5
    statement = found(study(build), "input_guard").statement
    assert "None of the kinds was ever rejected" in statement
    some = found(study(build, refused=0.5), "input_guard").data["kinds"][0]
    assert 0.4 < some["refused"] / some["given"] < 0.6


@pytest.mark.parametrize(
    ("criterion", "outcome"),
    [
        ({"analysis": "metamorphic", "limit": "upper", "at_most": 0.2}, "PASS"),
        ({"analysis": "metamorphic", "limit": "upper", "at_most": 0.01}, "FAIL"),
        ({"analysis": "metamorphic", "limit": "upper", "at_most": 0.1}, "INCONCLUSIVE"),
        ({"analysis": "input_guard", "limit": "lower", "at_least": 0.9}, "FAIL"),
    ],
)
def test_shares_decide_by_their_limits(build: SimpleNamespace, criterion: dict[str, Any], outcome: str) -> None:
    evidence = study(build, acceptance=[{**criterion, "rationale": "r"}])
    (result,) = decide(evidence.protocol, evidence.estimates, locked=True).criteria
    assert result.outcome == outcome, result.sentence
    assert result.analysis == criterion["analysis"]


def test_every_pass_names_transforms_that_are_there() -> None:
    for pass_ in (*metamorphic_passes(MetamorphicOptions()), *guard_passes(InputGuardOptions())):
        for kind, said in (("perturbations", pass_.volume_transform), ("rewritings", pass_.file_transform)):
            if said is not None:
                load(kind, said["name"]).OPTIONS.model_validate(said["options"])
    assert len(metamorphic_passes(MetamorphicOptions())) == len(CHECKS) + 1
    assert len(guard_passes(InputGuardOptions())) == len(KINDS)
    assert METAMORPHIC.passes is metamorphic_passes and GUARD.passes is guard_passes


@pytest.mark.parametrize(
    ("criterion", "words"),
    [
        ({"analysis": "metamorphic", "limit": "lower", "at_least": 0.5}, "expected at_most and limit: upper"),
        ({"analysis": "shift", "limit": "upper", "at_most": 0.6}, "needs analyses: shift"),
        (
            {"analysis": "metamorphic", "endpoint": "auroc", "limit": "upper", "at_most": 0.1},
            "has a measure of its own",
        ),
    ],
)
def test_a_criterion_that_makes_no_sense_is_refused(
    build: SimpleNamespace, criterion: dict[str, Any], words: str
) -> None:
    from validate.catalog import shipped_catalog
    from validate.protocol.lint import lint

    protocol = build.protocol(
        analyses=[{"name": "metamorphic", "options": {}}], acceptance=[{**criterion, "rationale": "r"}]
    )
    assert any(words in problem.message for problem in lint(protocol, shipped_catalog()))
