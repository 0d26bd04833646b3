"""The second way of counting: right by hand, in agreement with the first, and in R too."""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from validate.canonical import pretty_json
from validate.errors import EvidenceError
from validate.evidence.recount import MEASURES, Row, recount
from validate.evidence.recount_tables import recount_files

# By hand: scores of positives .9 .6 .2, of negatives .7 .2 .1, flagged from .5 on. TP 2, FN 1, FP 1, TN 2.
ROWS = [Row(positive=True, score=s) for s in (0.9, 0.6, 0.2)] + [Row(positive=False, score=s) for s in (0.7, 0.2, 0.1)]
BY_HAND = {
    "sensitivity": (2 / 3, 2, 3),
    "specificity": (2 / 3, 2, 3),
    "ppv": (2 / 3, 2, 3),
    "npv": (2 / 3, 2, 3),
    "accuracy": (4 / 6, 4, 6),
    "f1": (2 / 3, None, None),
    # pairs: .9 beats all three; .6 beats two; .2 beats one and ties one: 3 + 2 + 1.5 of 9
    "auroc": (6.5 / 9, None, None),
    "brier": ((0.01 + 0.16 + 0.64 + 0.49 + 0.04 + 0.01) / 6, None, None),
}


def flagged(row: Row) -> bool:
    return row.score >= 0.5


def test_each_measure_is_as_by_hand() -> None:
    assert set(BY_HAND) == set(MEASURES)
    for name, (value, numerator, denominator) in BY_HAND.items():
        found = MEASURES[name](ROWS, flagged)
        assert math.isclose(found[0], value, rel_tol=1e-12), name
        assert found[1:] == (numerator, denominator)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=2, max_size=30))
def test_the_sorted_way_of_counting_pairs_equals_the_plain_one(drawn: list[tuple[bool, int]]) -> None:
    rows = [Row(positive=p, score=float(s)) for p, s in drawn]
    pairs = [
        (a.score > b.score) + (a.score == b.score) / 2 for a in rows for b in rows if a.positive and not b.positive
    ]
    found = MEASURES["auroc"](rows, flagged)[0]
    assert math.isnan(found) if not pairs else math.isclose(found, sum(pairs) / len(pairs), rel_tol=1e-12)


def estimate(metric: str, value: float, **more: Any) -> dict[str, Any]:
    base = {
        "metric": f"classification.{metric}", "model": "a", "pass": "clean", "target": "finding", "stratum": {}, "contrast": None,
        "condition": {"threshold": 0.5}, "missing_rule": "worst_case", "value": value, "numerator": None, "denominator": None,
        "status": "ok",
    }  # fmt: skip
    return {**base, **more}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Four positives, one of which failed; three negatives, one of which failed; one case without a label."""
    cases = [
        (1.0, "ok", 0.9, "F"), (1.0, "ok", 0.6, "M"), (1.0, "ok", 0.2, "F"), (1.0, "failed", None, "M"),
        (0.0, "ok", 0.7, "F"), (0.0, "ok", 0.1, "M"), (0.0, "failed", None, "F"), (None, "ok", 0.9, "F"),
    ]  # fmt: skip
    table = {
        "model": ["a"] * 8,
        "pass": ["clean"] * 8,
        "target": ["finding"] * 8,
        "label_status": ["present"] * 7 + ["missing"],
        "label": [c[0] for c in cases],
        "status": [c[1] for c in cases],
        "score": [c[2] for c in cases],
        "by.sex": [c[3] for c in cases],
    }
    (tmp_path / "results").mkdir()
    pq.write_table(pa.table(table), tmp_path / "results/units.parquet")
    models = [{"id": "a", "operating_point": {"threshold": 0.5, "rule": ">="}}]
    (tmp_path / "protocol.yaml").write_text(yaml.safe_dump({"models": models}))
    found = [
        estimate("sensitivity", 2 / 4, numerator=2, denominator=4),
        estimate("sensitivity", 2 / 3, numerator=2, denominator=3, missing_rule="excluded"),
        estimate("sensitivity", 3 / 4, numerator=3, denominator=4, missing_rule="best_case"),
        estimate("specificity", 1 / 3, numerator=1, denominator=3),
        estimate("sensitivity", 1 / 2, numerator=1, denominator=2, stratum={"sex": "F"}),
        estimate("auroc", 5 / 6, condition={}, missing_rule="excluded"),
        estimate("ppv", 0.3, condition={"threshold": 0.5, "prevalence": 0.02}),  # restated: not counted from cases
        estimate("ece", 0.1),  # has no textbook count
    ]
    (tmp_path / "estimates.json").write_bytes(pretty_json({"estimates": found}))
    return tmp_path


def test_failures_and_missing_labels_count_as_the_rule_says(run: Path) -> None:
    document = json.loads((run / "estimates.json").read_text())
    # positives .9 .6 .2 against .7 .1: .9 beats two, .6 one, .2 one: 4 of 6
    document["estimates"][5]["value"] = 4 / 6
    (run / "estimates.json").write_bytes(pretty_json(document))
    assert recount(run).differences == ()
    assert recount(run).checked == 6


def test_a_value_or_count_that_differs_is_named_by_its_address(run: Path) -> None:
    document = json.loads((run / "estimates.json").read_text())
    document["estimates"][0] |= {"value": 0.6, "numerator": 3}
    document["estimates"][5]["value"] = 4 / 6
    (run / "estimates.json").write_bytes(pretty_json(document))
    assert recount(run).differences == (
        "estimates.json#/estimates/0/value: stored 0.6, counted 0.5",
        "estimates.json#/estimates/0/numerator: stored 3, counted 2",
    )


def test_tables_that_cannot_be_read_are_an_error(run: Path) -> None:
    (run / "results/units.parquet").write_bytes(b"nothing")
    with pytest.raises(EvidenceError, match="can't be read to count again"):
        recount(run)


@pytest.mark.services
def test_the_exported_script_counts_the_same_in_r_and_finds_the_same_difference(run: Path, tmp_path: Path) -> None:
    for name, content in recount_files(run):
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_bytes(content)
    place = run / "evidence/recount"
    done = subprocess.run(["Rscript", "recount.R"], cwd=place, capture_output=True, text=True, timeout=120, check=False)
    # the AUROC of the fixture is wrong on purpose: 5/6 where 4/6 is right
    assert done.returncode == 1, done.stderr
    assert "estimates.json#/estimates/5 : stored 0.833333333333333 counted 0.666666666666667" in done.stdout
    assert "6 estimates counted again, 1 differ" in done.stdout
