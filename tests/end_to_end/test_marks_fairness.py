"""Groups and makers of a study of marks: where fewer lesions are found is named, and who is served alike is not."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import validate

BLOCKS: dict[str, Any] = {
    "endpoints": [
        {"id": "cpm", "metric": "detection.mean_sensitivity", "role": "primary", "rationale": "As published"},
        {"id": "at_one", "metric": "detection.sensitivity_at_rate", "role": "secondary", "options": {"rate": 1}},
    ],
    "strata": ["manufacturer"],
    "analyses": [
        {"scanner_shift": {"by": "manufacturer", "endpoints": ["at_one"]}},
        {"fairness": {"attributes": ["manufacturer"], "endpoints": ["cpm", "at_one"], "reference": {"manufacturer": "GE"}, "margin": 0.2,
                      "rationale": "As agreed"}},
    ],
    "acceptance": [{"endpoint": "at_one", "gap_of": "manufacturer", "rationale": "As agreed"}],
}  # fmt: skip


def write(folder: Path, name: str, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with (folder / name).open("w", newline="") as handle:
        csv.writer(handle).writerows([header, *rows])


def study(folder: Path) -> None:
    """240 patients, a lesion in two of three; 85 of 100 are found on every maker but Philips, where 40 are."""
    rng = np.random.default_rng(8)
    cases, lesions, marks = [], [], []
    for patient in range(240):
        case, maker = f"C{patient:03d}", ("GE", "Siemens", "Philips")[patient % 3]
        cases.append((case, f"P{patient:03d}", maker))
        own = []
        for _ in range(int(rng.integers(1, 3)) if rng.random() < 2 / 3 else 0):
            at = rng.uniform(-100, 100, 3).round(2)
            lesions.append((case, *at, 10.0))
            if rng.random() < (0.40 if maker == "Philips" else 0.85):
                own.append((case, *(at + rng.normal(0, 0.5, 3)).round(2), 10.0, round(float(rng.beta(6, 2)), 3)))
        own += [
            (case, *rng.uniform(-100, 100, 3).round(2), 6.0, round(float(rng.beta(2, 4)), 3))
            for _ in range(rng.poisson(0.4))
        ]
        marks += own or [(case, "", "", "", "", "")]
    write(folder, "cases.csv", ("case_id", "patient_id", "manufacturer"), cases)
    write(folder, "lesions.csv", ("case_id", "x", "y", "z", "diameter"), lesions)
    write(folder, "a.csv", ("case_id", "x", "y", "z", "diameter", "score"), marks)


@pytest.mark.slow
def test_a_maker_on_which_lesions_are_missed_is_named_and_no_other(
    tmp_path: Path, marked_protocol: Callable[..., dict[str, Any]]
) -> None:
    study(tmp_path)
    (tmp_path / "protocol.yaml").write_text(yaml.safe_dump(marked_protocol("a", **BLOCKS)))
    run = validate.run(tmp_path / "protocol.yaml", out=tmp_path / "run")
    known = {e["id"]: e for e in json.loads((run.folder / "estimates.json").read_text())["estimates"]}
    for endpoint in ("cpm", "at_one"):
        gap = known[f"{endpoint}/a/clean/manufacturer=Philips/minus=GE"]
        of = {maker: known[f"{endpoint}/a/clean/manufacturer={maker}"]["value"] for maker in ("GE", "Philips")}
        assert gap["value"] == pytest.approx(of["Philips"] - of["GE"], abs=1e-12)
        assert gap["interval"]["low"] < gap["value"] < gap["interval"]["high"] < -0.2
        other = known[f"{endpoint}/a/clean/manufacturer=Siemens/minus=GE"]["interval"]
        assert other["low"] < 0 < other["high"]
    findings = json.loads((run.folder / "findings.json").read_text())["findings"]
    (fair,) = (one for one in findings if one["analysis"] == "fairness")
    for entry in fair["data"]["endpoints"]:
        found = {group["level"]: group["conclusion"] for group in entry["groups"] if group.get("conclusion")}
        assert found["Philips"] == "beyond" and found["Siemens"] != "beyond"
    (scanner,) = (one for one in findings if one["analysis"] == "scanner_shift")
    (endpoint,) = scanner["data"]["attributes"][0]["endpoints"]
    moved = {level["level"]: level for level in endpoint["levels"]}
    assert moved["Philips"]["simultaneous_high"] < 0 < moved["GE"]["low"]
    assert scanner["data"]["attributes"][0]["scores"] == []
    (criterion,) = json.loads((run.folder / "verdict.json").read_text())["criteria"]
    assert criterion["outcome"] == "FAIL"
