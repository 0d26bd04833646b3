"""What moved when the same cases went through the model again: counted by hand, and said beside the intervals."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from validate.analyses.analysis import Evidence
from validate.analyses.determinism import ANALYSIS, FIRST, Options, passes
from validate.analyses.run import required_passes
from validate.estimation.run import estimate_all


def test_every_pass_goes_over_the_same_sample() -> None:
    found = passes(Options(sample=7, checks=("again", "single", "half"), devices=("cpu",)))
    assert [one.id for one in found] == [
        "determinism.first", "determinism.again", "determinism.single", "determinism.half", "determinism.device-cpu",
    ]  # fmt: skip
    assert {one.sample for one in found} == {7}
    assert [dict(one.engine_overrides) for one in found[2:]] == [
        {"batch_size": 1}, {"precision": "float16"}, {"device": "cpu"},
    ]  # fmt: skip


def test_the_passes_are_asked_for_before_the_lock(build: SimpleNamespace) -> None:
    protocol = build.protocol(analyses=[{"name": "determinism", "options": {"sample": 5}}])
    assert [one.id for one in required_passes(protocol)] == ["clean", FIRST, "determinism.again", "determinism.single"]


@pytest.fixture
def moved(build: SimpleNamespace) -> Evidence:
    """40 cases again: all equal once more; one a batch, three moved by 0.01, one of them across the threshold of 0.5."""
    study = build.protocol(analyses=[{"name": "determinism", "options": {"sample": 40}}])
    evidence = build.simulate(study=study, patients=60)
    clean = evidence.units.slice(0, 40)
    scores = [0.2 if score is None else score for score in clean["score"].to_pylist()]
    scores[0], scores[1], scores[2] = 0.495, 0.1, 0.9

    def again(name: str, values: list[float]) -> pa.Table:
        table = clean
        for column, content in (
            ("pass", [name] * 40), ("score", values), ("status", ["ok"] * 40), ("failure", [None] * 40),
        ):  # fmt: skip
            place = table.column_names.index(column)
            field = table.schema.field(place)
            table = table.set_column(place, field, [pa.array(content, field.type)])
        return table

    shifted = [value + (0.01 if place < 3 else 0) for place, value in enumerate(scores)]
    units = pa.concat_tables(
        [evidence.units, again(FIRST, scores), again("determinism.again", scores), again("determinism.single", shifted)]
    )
    estimates = estimate_all(study, units, cohort_digest=evidence.cohort_digest, workers=1)
    return replace(evidence, units=units, every=units, estimates=estimates)


def test_what_moved_is_counted_and_held_beside_the_interval(moved: Evidence) -> None:
    (finding,) = ANALYSIS.findings(moved, Options(sample=40))
    again, single = finding.data["checks"]
    assert (again["compared"], again["identical"], again["largest"], again["answers_changed"]) == (40, 40, 0.0, 0)
    assert (single["compared"], single["identical"], single["answers_changed"]) == (40, 37, 1)
    assert single["largest"] == pytest.approx(0.01)
    assert all(entry["change"] == 0 for entry in again["endpoints"])
    sensitivity = next(entry for entry in single["endpoints"] if entry["endpoint"] == "auroc")
    assert sensitivity["width"] is not None and sensitivity["width"] > 0
    assert finding.statement == (
        "The same once more: all 40 outputs equal to the bit and one case a batch: 3 of 40 outputs moved, by at most 0.01; "
        "1 answer changed."
    )


def test_a_model_that_was_not_run_again_says_so(build: SimpleNamespace) -> None:
    evidence: Any = build.simulate(study=build.protocol(), patients=40)
    (finding,) = ANALYSIS.findings(replace(evidence, every=evidence.units), Options())
    assert finding.status == "not_available" and finding.data["checks"] == []
