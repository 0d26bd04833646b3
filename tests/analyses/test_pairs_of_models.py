"""Two models held against each other case by case: pairs are of one case, whatever each model left out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from validate.analyses.comparison import _side_by_side, _tables
from validate.analyses.samples import model_samples


def tables(build: SimpleNamespace, failed: dict[str, list[int]], rule: str) -> list[Any] | None:
    """Twenty patients, every other one with the finding; model "a" flags all with it, "b" the second half of them."""
    models = {name: build.model(id=name) for name in ("a", "b")}
    study = build.protocol(models=list(models.values()), inference={"on_failure": rule}, strata=[])
    positive = np.arange(20) % 2 == 0
    score = {"a": np.where(positive, 0.9, 0.1), "b": np.where(positive & (np.arange(20) >= 10), 0.9, 0.1)}
    parts = []
    for name in ("a", "b"):
        one = build.evidence(
            build.protocol(models=[models[name]], strata=[]), patient=np.arange(20), positive=positive, score=score[name],
            failed=np.isin(np.arange(20), failed[name]), attributes={"sex": ["F", "M"] * 10},
        )  # fmt: skip
        parts.append(one.units)
    evidence = SimpleNamespace(
        units=pa.concat_tables(parts), every=None, marked=None, protocol=study, cohort_digest=one.cohort_digest
    )
    samples = _side_by_side(*(model_samples(evidence, model).locked() for model in study.models))  # type: ignore[arg-type]
    return None if samples is None else list(_tables(evidence, samples))  # type: ignore[arg-type]


@pytest.mark.parametrize("failed", [{"a": [0], "b": [0]}, {"a": [], "b": []}])
def test_a_table_of_pairs_is_of_the_same_cases(build: SimpleNamespace, failed: dict[str, list[int]]) -> None:
    found = tables(build, failed, "exclude_and_report")
    assert found is not None
    of = 10 - len(failed["a"])
    assert [found[0][name] for name in ("rows", "both", "first_only", "second_only", "neither")] == [
        of,
        5,
        of - 5,
        0,
        0,
    ]


def test_as_many_failures_of_other_cases_are_no_pairs(build: SimpleNamespace) -> None:
    """One left out on each side, but not the same: row by row the tables would be of different patients."""
    assert tables(build, {"a": [0], "b": [19]}, "exclude_and_report") is None
    assert tables(build, {"a": [0], "b": [19]}, "worst_case") is not None  # where failures count, nobody is left out
