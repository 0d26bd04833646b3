"""On what both makers claim, and on what either claims, the values are those of just these cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
from sklearn.metrics import roc_auc_score

from validate.analyses.analysis import Evidence
from validate.analyses.claimed_scope import claimed_scope

Study = Callable[..., Evidence]
CLAIMS = {
    "a": [{"attribute": "manufacturer", "one_of": ["GE", "Siemens"]}],
    "b": [{"attribute": "manufacturer", "none_of": ["GE"]}],
}


def study(build: SimpleNamespace, **claims: object) -> object:
    return build.protocol(models=[build.model(id=name, claimed_input=claims.get(name, ())) for name in ("a", "b")])


def test_the_parts_add_up_and_hold_only_what_is_claimed(estimated_study: Study, build: SimpleNamespace) -> None:
    evidence = estimated_study(study=study(build, **CLAIMS), failures=0)
    found = claimed_scope(evidence, *evidence.protocol.models)
    assert found is not None
    rows = {one["where"]: one["rows"] for one in found["counts"]}
    labelled = [r for r in evidence.units.to_pylist() if r["model"] == "a" and r["label_status"] == "present"]
    makers = [r["by.manufacturer"] for r in labelled]
    assert rows["both"] == makers.count("Siemens")
    assert rows["test"] == makers.count("Siemens") + makers.count("GE")
    assert rows["either"] + rows["neither"] == len(labelled)
    assert rows["either"] == rows["test"] + rows["reference"] - rows["both"]
    both = next(w for w in found["endpoints"][0]["where"] if w["where"] == "both")
    mine = [r for r in labelled if r["by.manufacturer"] == "Siemens"]
    oracle = roc_auc_score([r["label"] for r in mine], [r["score"] for r in mine])
    assert both["first"] == pytest.approx(oracle, abs=1e-12)
    assert both["value"] == pytest.approx(both["first"] - both["second"])
    assert both["low"] is None and both["reason"]  # the same scores twice: nothing varies, so there are no limits
    assert found["claims"] == {"a": ["manufacturer GE or Siemens"], "b": ["manufacturer not GE"]}


def test_so_few_patients_that_the_protocol_tells_nothing_of_them_are_not_told_of(
    estimated_study: Study, build: SimpleNamespace
) -> None:
    asked = study(build, **CLAIMS)
    plain = estimated_study(study=asked, failures=0)
    told = claimed_scope(plain, *plain.protocol.models)
    assert told is not None
    patients = {one["where"]: one["patients"] for one in told["counts"]}
    few = plain.protocol.model_copy(
        update={"cohort": plain.protocol.cohort.model_copy(update={"suppress_below": patients["both"] + 1})}
    )
    assert patients["either"] > patients["both"]
    found = claimed_scope(replace(plain, protocol=few), *few.models)
    assert found is not None
    both, either = found["endpoints"][0]["where"]
    assert [both[name] for name in ("first", "second", "value", "low", "high")] == [None] * 5
    assert both["reason"].startswith(f"suppressed: {patients['both']} patients, fewer than the {patients['both'] + 1}")
    assert either == told["endpoints"][0]["where"][1] and either["first"] is not None


def test_nobody_claims_anything_and_nothing_is_said(estimated_study: Study, build: SimpleNamespace) -> None:
    evidence = estimated_study(study=study(build))
    assert claimed_scope(evidence, *evidence.protocol.models) is None


def test_a_header_that_says_nothing_is_not_claimed(estimated_study: Study, build: SimpleNamespace) -> None:
    evidence = estimated_study(study=study(build, a=[{"attribute": "age", "at_least": 18.0}]))
    labelled = {r["unit"] for r in evidence.units.to_pylist() if r["model"] == "a" and r["label_status"] == "present"}
    known = sum(r["age"] is not None and r["unit"] in labelled for r in evidence.cases.to_pylist())
    found = claimed_scope(evidence, *evidence.protocol.models)
    assert found is not None
    assert next(one["rows"] for one in found["counts"] if one["where"] == "test") == known < len(labelled)
