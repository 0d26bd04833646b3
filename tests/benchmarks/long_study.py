"""A study whose report is long: 100 groups of patients, several models, many endpoints; from its cases to sealed evidence.

Cases and scores are drawn from a seed; everything after that is the program's own run, as for any table of predictions.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

import yaml

LEVELS = {"site": 32, "scanner": 32, "ward": 33}  # with three heads of groups: tables of 100 rows
SECONDARY = (
    "sensitivity", "specificity", "ppv", "npv", "accuracy", "balanced_accuracy", "f1", "brier", "average_precision",
    "positive_likelihood_ratio", "negative_likelihood_ratio", "mcc", "diagnostic_odds_ratio", "ece", "scaled_brier",
    "alert_rate",
)  # fmt: skip
GOALS = {
    "brier": {"limit": "upper", "at_most": 0.25},
    "sensitivity": {"limit": "lower", "at_least": 0.6},
    "specificity": {"limit": "lower", "at_least": 0.6},
}


def write_inputs(folder: Path, *, models: int, cases: int, levels: int | None = None, seed: int = 20261122) -> Path:
    """cases.csv, a table of scores for each model and the protocol, which is returned."""
    drawn = random.Random(seed)
    names = [f"model_{number + 1}" for number in range(models)]
    counts = {attribute: levels or count for attribute, count in LEVELS.items()}
    rows, scores = [], []
    for number in range(cases):
        ill = int(drawn.random() < 0.4)
        rows.append({
            "case_id": f"C{number:06}", "patient_id": f"P{number * 4 // 5:06}", "sex": drawn.choice("FM"),
            "age": drawn.randint(18, 95),
            **{attribute: f"{attribute} {drawn.randrange(count) + 1:02}" for attribute, count in counts.items()},
            "opacity": ill,
        })  # fmt: skip
        hardness = drawn.gauss(0, 0.7)
        scores.append([_score(ill, hardness, drawn, sharpness=1 + place / 10) for place in range(models)])
    folder.mkdir(parents=True, exist_ok=True)
    _write_table(folder / "cases.csv", rows)
    for place, name in enumerate(names):
        found = [
            {"case_id": row["case_id"], "score": f"{score[place]:.6f}"} for row, score in zip(rows, scores, strict=True)
        ]
        _write_table(folder / f"{name}.csv", found)
    path = folder / "long-report.yaml"
    path.write_text(yaml.safe_dump(_protocol(names, list(counts)), sort_keys=False), encoding="utf-8")
    return path


def _score(ill: int, hardness: float, drawn: random.Random, *, sharpness: float) -> float:
    """A probability: higher where there is something, and wrong together with other models on hard cases."""
    logit = sharpness * (1.2 if ill else -1.2) + hardness + drawn.gauss(0, 0.9)
    return float(1 / (1 + 2.718281828459045 ** (-logit)))


def _write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _protocol(models: list[str], strata: list[str]) -> dict[str, Any]:
    return {
        "schema_version": "1", "id": "long-report", "version": "1.0.0", "profile": "acceptance",
        "title": "Review of several opacity classifiers on a hundred groups of patients",
        "intended_use": "Second reader of adult frontal chest radiographs in an emergency department.",
        "task": "classification", "seed": 20261122, "data_are_synthetic": True,
        "cohort": {
            "sources": [{"table": "cases.csv", "key": "case_id", "patient": "patient_id"}], "unit": "image",
            "cluster": "patient", "sampling": "consecutive", "include": [{"attribute": "age", "at_least": 18}],
            "prevalence": {"values": [0.05, 0.10], "source": "local audit 2025"},
        },
        "reference": {
            "table": "cases.csv", "key": "case_id", "level": "image", "label": "opacity", "positive": 1, "negative": 0,
            "standard": "Drawn together with the scores",
        },
        "models": [
            {
                "id": name, "name": f"TableNet {place + 1}", "version": "1.0.0", "format": "predictions",
                "path": f"{name}.csv", "key": "case_id", "score": "score",
                "output": {"activation": "none", "kind": "probability"},
                "operating_point": {"threshold": 0.5, "rule": ">=", "source": "manufacturer labelling"},
            }
            for place, name in enumerate(models)
        ],
        "endpoints": [
            {"id": "auroc", "metric": "classification.auroc", "role": "primary"},
            *({"id": name, "metric": f"classification.{name}", "role": "secondary"} for name in SECONDARY),
        ],
        "strata": strata,
        "analyses": [{"calibration": {}}, {"decision_curve": {"low": 0.05, "high": 0.5}}],
        "acceptance": [
            {"endpoint": "auroc", "limit": "lower", "at_least": 0.8, "assumed": 0.9, "rationale": "Below the readers' average."},
            *({"endpoint": name, **goal, "rationale": "Agreed with the department."} for name, goal in GOALS.items()),
        ],
        "report": {"formats": ["pdf", "html", "card", "tables"], "question": "Which of these may be a second reader here?",
                   "site": "St. Example"},
    }  # fmt: skip
