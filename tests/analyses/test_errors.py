"""The worst errors are the surest ones, each counted once, and a cause is named only where the protocol holds it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from validate.analyses.analysis import Evidence
from validate.analyses.errors import Options, findings

Simulated = Callable[..., Evidence]


def test_each_side_is_counted_as_in_the_table_of_outputs_only(simulated: Simulated) -> None:
    evidence = simulated()
    (finding,) = findings(evidence, Options())
    rows = [r for r in evidence.units.to_pylist() if r["status"] == "ok" and r["label_status"] == "present"]
    kinds: tuple[tuple[str, float, Callable[[float], bool]], ...] = (
        ("missed", 1.0, lambda score: score < 0.5), ("false_alarm", 0.0, lambda score: score >= 0.5)
    )  # fmt: skip
    for side, label, wrong in kinds:
        mine: dict[str, Any] = next(one for one in finding.data["sides"] if one["side"] == side)
        assert mine["of"] == sum(r["label"] == label for r in rows)
        assert mine["wrong"] == sum(r["label"] == label and wrong(r["score"]) for r in rows)
        scores = [one["score"] for one in mine["worst"]]
        assert scores == sorted(scores, reverse=side == "false_alarm")
        assert all(wrong(score) for score in scores)
    assert "no attribute" in finding.statement.lower()


def test_a_cause_is_that_of_the_attribute_and_adds_up(simulated: Simulated, build: SimpleNamespace) -> None:
    (finding,) = findings(simulated(study=build.protocol(report={"gallery": {"cause": "manufacturer"}})), Options())
    for side in finding.data["sides"]:
        assert sum(one["rows"] for one in side["causes"]) == side["wrong"]
        assert [one["rows"] for one in side["causes"]] == sorted((one["rows"] for one in side["causes"]), reverse=True)


def test_scores_that_are_no_probabilities_are_called_neither_near_nor_far(
    simulated: Simulated, build: SimpleNamespace
) -> None:
    study = build.protocol(models=[build.model(output={"activation": "none", "kind": "score"})])
    (finding,) = findings(simulated(study=study), Options())
    assert all(side["confident"] is None for side in finding.data["sides"])


def test_without_an_operating_point_nothing_is_wrong_or_right(simulated: Simulated, build: SimpleNamespace) -> None:
    study = build.protocol(
        models=[build.model(operating_point=None)],
        endpoints=[{"id": "auroc", "metric": "classification.auroc", "role": "primary"}],
    )
    assert findings(simulated(study=study), Options()) == ()


def test_against_a_comparator_an_answer_is_flagged_or_not_and_nothing_is_missed(
    simulated: Simulated, build: SimpleNamespace
) -> None:
    study = build.protocol()
    comparator = study.model_copy(update={"reference": study.reference.model_copy(update={"kind": "comparator"})})
    (finding,), (usual,) = (findings(simulated(study=one), Options()) for one in (comparator, study))
    assert "missed" in usual.statement and "without the finding" in usual.statement
    assert "not flagged" in finding.statement
    assert not any(words in finding.statement for words in ("missed", "the finding"))
    assert finding.data == usual.data
