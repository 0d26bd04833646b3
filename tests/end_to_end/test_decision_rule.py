"""The same outputs by a threshold and by the highest score: two devices, and the protocol says which one is tested."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import validate
from validate.errors import ProtocolError
from validate.evidence.verify import verify
from validate.numbers import recomputation

PROTOCOL = """
schema_version: "1"
id: rules
version: 1.0.0
title: One output, three rules
profile: acceptance
intended_use: Triage.
task: classification
seed: 7
data_are_synthetic: true
cohort:
  sources: [{table: cases.csv, key: case_id, patient: patient_id}]
  unit: image
  sampling: consecutive
reference: {table: cases.csv, key: case_id, level: image, label: pneumonia, positive: 1, standard: by hand}
models:
MODELS
endpoints:
  - {id: sensitivity, metric: classification.sensitivity, role: primary}
  - {id: specificity, metric: classification.specificity, role: secondary}
acceptance:
  - {endpoint: sensitivity, model: by_threshold, limit: lower, at_least: 0.5, rationale: Half of them.}
report: {formats: [html]}
"""
MODEL = """  - id: NAME
    name: Net
    version: "1"
    format: predictions
    path: scores.csv
    key: case_id
    scores: {normal: p0, pneumonia: p1, effusion: p2}
    output: {activation: none, kind: probability, index: 1}
    operating_point: {RULE, source: labelling}
"""
RULES = {"by_threshold": "threshold: 0.3", "by_argmax": "rule: argmax", "by_rank": "rule: top_k, k: 2"}


def _protocol(folder: Path, rules: dict[str, str]) -> Path:
    models = "".join(MODEL.replace("NAME", name).replace("RULE", rule) for name, rule in rules.items())
    (folder / "rules.yaml").write_text(PROTOCOL.replace("MODELS\n", models))
    return folder / "rules.yaml"


def _study(folder: Path) -> np.ndarray:
    """60 patients; of the 30 with pneumonia, its probability is over 0.3 mostly, and the highest of three seldom."""
    draw = np.random.default_rng(11)
    label = np.repeat([1, 0], 30)
    middle = np.where(label == 1, draw.uniform(0.25, 0.48, 60), draw.uniform(0.0, 0.33, 60)).round(4)
    first = ((1 - middle) * draw.uniform(0.5, 0.9, 60)).round(4)
    scores = np.stack([first, middle, 1 - first - middle], axis=1).round(4)
    rows = "".join(f"c{n},p{n},{truth}\n" for n, truth in enumerate(label))
    (folder / "cases.csv").write_text("case_id,patient_id,pneumonia\n" + rows)
    lines = "".join(f"c{n},{','.join(f'{one:.4f}' for one in row)}\n" for n, row in enumerate(scores))
    (folder / "scores.csv").write_text("case_id,p0,p1,p2\n" + lines)
    return np.column_stack([scores, label])


def test_the_rule_is_part_of_the_protocol_and_decides_the_sensitivity(tmp_path: Path) -> None:
    table = _study(tmp_path)
    run = validate.run(_protocol(tmp_path, RULES), out=tmp_path / "run")
    found = {
        (one["model"], one["endpoint"]): one["value"]
        for one in json.loads((run.folder / "estimates.json").read_text())["estimates"]
        if not one["stratum"] and one["contrast"] is None and "missing=" not in one["id"]
    }
    scores, label = table[:, :3], table[:, 3] == 1
    rank = (scores > scores[:, [1]]).sum(axis=1)
    # by hand: the same 30 cases, flagged by three rules
    flagged = {"by_threshold": scores[:, 1] >= 0.3, "by_argmax": rank == 0, "by_rank": rank < 2}
    for name, flags in flagged.items():
        assert found[name, "sensitivity"] == pytest.approx(flags[label].mean())
        assert found[name, "specificity"] == pytest.approx((~flags[~label]).mean())
    assert found["by_threshold", "sensitivity"] > 2 * found["by_argmax", "sensitivity"]
    assert verify(run.folder, recompute=recomputation).status == "VERIFIED"
    units = pq.read_table(run.folder / "results/units.parquet").to_pylist()
    assert {row["answer"] for row in units if row["model"] == "by_threshold"} == {None}
    page = re.sub(r"<[^>]+>", "", (run.folder / "report/report.html").read_text())
    assert "the class with the highest score" in page
    assert "what is among the 2 highest scores" in page


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("rule: top_k", "k: belongs to rule top_k, which needs it"),
        ("threshold: 0.5, k: 2", "k: belongs to rule top_k"),
        ("rule: argmax, threshold: 0.5", "got argmax and threshold, expected"),
    ],
)
def test_a_rule_that_is_two_or_half_a_one_is_refused(rule: str, says: str, tmp_path: Path) -> None:
    _study(tmp_path)
    with pytest.raises(ProtocolError, match=says):
        validate.run(_protocol(tmp_path, {"by_threshold": rule}), out=tmp_path / "run")


def test_the_highest_of_one_number_is_refused(tmp_path: Path) -> None:
    _study(tmp_path)
    path = _protocol(tmp_path, {"by_threshold": "rule: argmax"})
    path.write_text(path.read_text().replace(", index: 1", ""))
    with pytest.raises(ProtocolError, match="argmax of one number is always that one"):
        validate.run(path, out=tmp_path / "run")
