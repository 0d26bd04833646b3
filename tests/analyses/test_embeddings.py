"""Embeddings of two cohorts: a shift along one direction is found, none is called where there is none, and what is missing is said."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from validate.analyses.analysis import Evidence
from validate.analyses.embeddings import components, embeddings_of_reference
from validate.analyses.shift import ANALYSIS, shift_estimates
from validate.analyses.shift_tables import ShiftTables
from validate.protocol.model import Model
from validate.protocol.shift import ShiftOptions
from validate.results.units import EMBEDDING

SIZE = 12
OPTIONS: dict[str, Any] = {"reference": "accepted", "permutations": 199, "metadata": ["sex"], "images": False}


def vectors(n: int, seed: int, moved: float = 0.0) -> list[list[float]]:
    """Of twelve numbers that are mixtures of three and some noise; `moved` standard deviations along the first."""
    mixture = np.random.default_rng(99).normal(size=(3, SIZE))
    rng = np.random.default_rng(seed)
    inner = rng.normal(size=(n, 3)) + np.array([moved, 0.0, 0.0])
    found: list[list[float]] = (inner @ mixture + rng.normal(0, 0.1, (n, SIZE))).tolist()
    return found


def study(build: SimpleNamespace, *, moved: float = 0.0, size: int = SIZE, there: bool = True) -> Evidence:
    declared = build.model(
        output={"activation": "none", "kind": "probability", "embedding": {"name": "inner", "size": SIZE}}
    )
    protocol = build.protocol(models=[declared], analyses=[{"name": "shift", "options": OPTIONS}])
    now = build.estimated(build.simulate(study=protocol, seed=1, patients=120, failures=4))
    n = now.units.num_rows
    known = [
        v if status == "ok" else None
        for v, status in zip(vectors(n, 5, moved), now.units["status"].to_pylist(), strict=True)
    ]
    units = now.units.append_column(EMBEDDING, [pa.array(known, EMBEDDING.type)])
    reference: dict[str, Any] = {"patient": [f"old {place}" for place in range(150)], "sex": ["F", "M"] * 75}
    if there:
        reference["embedding.candidate"] = [vector[:size] for vector in vectors(150, 6)]
    facts = {"kind": "run", "sha256": "0" * 64, "cases": 150, "outcome": "PASS", "estimates": []}
    tables = ShiftTables(pa.table({"unit": now.cases["unit"]}), pa.table(reference), facts)
    extra = tuple(shift_estimates(protocol, now.estimates, units, now.cases, tables))
    return replace(now, units=units, every=units, shift=tables, estimates=(*now.estimates, *extra))


def finding(evidence: Evidence) -> Any:
    return ANALYSIS.findings(evidence, ShiftOptions.model_validate(OPTIONS))[0]


def test_a_shift_of_inner_numbers_is_found_and_the_same_population_is_not_called_one(build: SimpleNamespace) -> None:
    for moved in (0.0, 1.0):
        evidence = study(build, moved=moved)
        found = finding(evidence)
        inner = [one for one in found.data["features"] if one["group"] == "embedding"]
        assert [one["label"] for one in inner] == [f"Embedding, component {number}" for number in range(1, 9)]
        assert {one["test"] for one in inner} == {"ks"}
        assert any(one["shifted"] for one in inner) == (moved > 0)
        group = next(one for one in found.data["together"]["groups"] if one["group"] == "embedding")
        assert (group["adjusted"] <= 0.05) == (moved > 0)
        classifier = next(e for e in evidence.estimates if e.id == "shift/candidate/domain_classifier")
        assert classifier.interval is not None and (classifier.interval.low > 0.6) == (moved > 0)
        about = found.data["embedding"]
        assert (about["size"], about["components"], about["reference_cases"]) == (12, 8, 150) and about["share"] > 0.99
        assert about["cases"] == evidence.units.num_rows - 4
        assert "Of the 12 numbers of an embedding 8 leading components" in found.statement
        assert "4 cases here and 0 of the reference have none" in found.statement


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"there": False}, "Embeddings were not compared: the reference holds none of this model."),
        ({"size": 7}, "Embeddings were not compared: those of the reference have 7 numbers and those of this cohort 12: they are not"),
    ],
)  # fmt: skip
def test_what_can_not_be_compared_is_said_and_nothing_else_is_lost(
    build: SimpleNamespace, more: dict[str, Any], said: str
) -> None:
    found = finding(study(build, **more))
    assert said in found.statement and "reason" in found.data["embedding"]
    assert {one["group"] for one in found.data["features"]} == {"metadata"}


def test_components_are_those_of_an_eigenvalue_problem_and_do_not_look_at_the_cohort() -> None:
    before, now = vectors(80, 1), vectors(60, 2, 1.5)
    found = components(before, [*now, None], at_most=3)
    both = np.array([*before, *now])
    values, axes = np.linalg.eigh(np.cov(both.T))
    wanted = (both - both.mean(axis=0)) @ axes[:, ::-1][:, :3]
    assert np.abs(np.abs(found.scores[:-1]) - np.abs(wanted)).max() < 1e-9
    assert np.isnan(found.scores[-1]).all()
    assert found.share == pytest.approx(values[::-1][:3].sum() / values.sum())
    again = components(now, before, at_most=3)
    assert np.abs(again.scores[:60] - found.scores[80:140]).max() < 1e-9  # and the sign of an axis is its own


def test_a_reference_table_calls_them_as_the_protocol_does_or_by_number() -> None:
    block = {"id": "m", "name": "m", "version": "1", "format": "predictions"}
    output = {"activation": "none", "kind": "probability", "embedding": {"columns": ["a", "b"]}}
    model = Model.model_validate({**block, "output": output})
    assert embeddings_of_reference(pa.table({"a": [1, 2], "b": [3.0, None]}), model) == [[1.0, 3.0], None]
    assert embeddings_of_reference(pa.table({"embedding.0": [1.0], "embedding.1": [2.0]}), model) == [[1.0, 2.0]]
    assert embeddings_of_reference(pa.table({"a": [1.0]}), model) is None


def test_where_no_vector_of_a_side_is_finite_that_is_the_reason() -> None:
    whole = vectors(30, 1)
    broken = [[*one[:-1], float("nan")] for one in vectors(30, 2)]
    with pytest.raises(ValueError, match="each of the cohort holds a number that is not finite"):
        components(whole, broken, at_most=5)
    with pytest.raises(ValueError, match="each of the reference holds a number that is not finite"):
        components(broken, whole, at_most=5)
    assert components(whole, [*broken, *whole], at_most=5).scores.shape[0] == 90
