"""Random tables run through the whole program to their report: from a study of one patient to forty strata and five models.

test_hostile.py makes up evidence that no run would write; here every number is computed, so every analysis is in it.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from readable import unreadable

import validate

LONG = "Gesellschaft für Bildgebende Verfahren und Diagnostik mit sehr langem Namen GmbH & Co. KG"
ANALYSES = [
    {"calibration": {}},
    {"decision_curve": {}},
    {"survival": {"time": "days", "event": "died", "occurred": "yes", "of": "death", "unit": "days", "at": [100, 300]}},
]


def written_study(
    folder: Path, *, seed: int, rows: int, models: int, levels: int, attributes: int, share: float
) -> Path:
    """A protocol and its tables. share : of positives; 0 and 1 leave one class"""
    random = np.random.default_rng(seed)
    patient = np.sort(random.integers(0, max(1, rows * 2 // 3), rows))
    positive = random.random(rows) < share
    names = [f"level {k} {LONG if k == 0 else ''}".strip() for k in range(max(1, levels))]
    groups = {f"attribute_{k}": [names[i] for i in random.integers(0, len(names), rows)] for k in range(attributes)}
    days = {
        p: (random.integers(1, 700), "yes" if p == patient[0] or random.random() < 0.4 else "no")
        for p in set(patient.tolist())
    }
    _write(folder / "cases.csv", ["case", "patient", "label", "days", "died", *groups], (
        [f"C{i}", f"P{patient[i]}", int(positive[i]), *days[int(patient[i])], *(column[i] for column in groups.values())]
        for i in range(rows)
    ))  # fmt: skip
    for m in range(models):
        score = np.clip(random.normal(0.35 + 0.3 * positive, 0.05 + 0.15 * m), 0, 1)
        lost = random.random(rows) < 0.03
        _write(
            folder / f"scores{m}.csv",
            ["case", "score"],
            ([f"C{i}", "" if lost[i] else f"{score[i]:.4f}"] for i in range(rows)),
        )
    endpoints = [f"classification.{name}" for name in ("auroc", "sensitivity", "specificity", "ppv", "brier", "f1")]
    document: dict[str, Any] = {
        "schema_version": "1", "id": "random", "version": "1.0.0", "title": "Random", "intended_use": "Tests.",
        "profile": "comparison" if models > 1 else "acceptance", "task": "classification", "seed": seed + 1, "data_are_synthetic": True,
        "cohort": {"sources": [{"table": "cases.csv", "key": "case", "patient": "patient"}], "unit": "image", "sampling": "consecutive",
                   "prevalence": {"values": [0.1], "source": "audit"}},
        "reference": {"table": "cases.csv", "key": "case", "level": "image", "label": "label", "positive": 1, "negative": 0,
                      "standard": "Drawn"},
        "models": [{"id": f"m{m}", "name": f"Model {m} {LONG if m == 0 else ''}".strip(), "version": "1.0", "format": "predictions",
                    "path": f"scores{m}.csv", "key": "case", "score": "score", "output": {"activation": "none", "kind": "probability"},
                    "operating_point": {"threshold": 0.5, "rule": ">=", "source": "labelling"}} for m in range(models)],
        "endpoints": [{"id": name.split(".")[1], "metric": name, "role": "primary"} for name in endpoints],
        "strata": list(groups), "analyses": ANALYSES, "resampling": {"replicates": 200},
        "acceptance": [{"endpoint": "sensitivity", "limit": "lower", "at_least": 0.8, "rationale": "A goal."}],
        "report": {"formats": ["html"]},
    }  # fmt: skip
    (folder / "study.yaml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return folder / "study.yaml"


def _write(path: Path, head: list[str], rows: Any) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([head, *rows])


def faults(folder: Path, **fields: Any) -> list[str]:
    """What no reader may see, of the report of such a study."""
    folder.mkdir(parents=True)
    run = validate.run(written_study(folder, **fields), out=folder / "run")
    estimates = json.loads((run.folder / "estimates.json").read_text(encoding="utf-8"))["estimates"]
    html = (run.folder / "report/report.html").read_text(encoding="utf-8")
    return unreadable(html, [one["unit"] for one in estimates])


USUAL = {"seed": 3, "rows": 120, "models": 1, "levels": 2, "attributes": 1, "share": 0.4}
ODD: dict[str, dict[str, Any]] = {
    "one case": {"rows": 1},
    "three cases": {"rows": 3},
    "only positives": {"share": 1.0},
    "only negatives": {"share": 0.0},
    "no strata": {"attributes": 0},
    "forty strata": {"attributes": 4, "levels": 10},
    "five models": {"models": 5},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD)
def test_an_odd_study_is_told_in_numbers_and_words_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("VALIDATE_HOME", str(tmp_path / "home"))
    assert faults(tmp_path / "study", **{**USUAL, **ODD[name]}) == []


@pytest.mark.slow
@settings(
    max_examples=4, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 10**6), rows=st.integers(1, 400), models=st.integers(1, 5), levels=st.integers(1, 10),
    attributes=st.integers(0, 4), share=st.floats(0, 1),
)  # fmt: skip
def test_a_random_study_is_too(tmp_path_factory: pytest.TempPathFactory, **fields: Any) -> None:
    folder = tmp_path_factory.mktemp("random")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VALIDATE_HOME", str(folder / "home"))
        assert faults(folder / "study", **fields) == []
