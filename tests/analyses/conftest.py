"""A simulated study: images of patients on several makers of scanner, one of them weaker where the test says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from validate.analyses.analysis import Evidence
from validate.estimation.run import estimate_all
from validate.protocol.schema import StudyProtocol
from validate.results.join import join_units

MAKERS = ("GE", "Siemens", "Philips", "Fujifilm")


def protocol(**changes: Any) -> StudyProtocol:
    document: dict[str, Any] = {
        "schema_version": "1",
        "id": "simulated",
        "version": "1.0.0",
        "title": "Simulated",
        "profile": "acceptance",
        "intended_use": "Tests.",
        "task": "classification",
        "seed": 20261122,
        "cohort": {
            "sources": [{"dicom": "cxr"}],
            "unit": "image",
            "sampling": "enriched",
            "prevalence": {"values": [0.02, 0.08, 0.15], "source": "local audit 2025"},
        },
        "reference": {
            "table": "reference.csv",
            "key": "accession_number",
            "level": "study",
            "label": "opacity",
            "positive": 1,
            "standard": "Readers",
        },
        "models": [model()],
        "endpoints": [
            {"id": "auroc", "metric": "classification.auroc", "role": "primary"},
            {"id": "sensitivity", "metric": "classification.sensitivity", "role": "primary"},
            {"id": "specificity", "metric": "classification.specificity", "role": "secondary"},
        ],
        "strata": ["sex", "manufacturer", "site"],
        "resampling": {"replicates": 400},
    }
    return StudyProtocol.model_validate({**document, **changes})


def model(**changes: Any) -> dict[str, Any]:
    plain = {
        "id": "candidate",
        "name": "OpacityNet",
        "version": "1.0.0",
        "format": "constant",
        "output": {"activation": "none", "kind": "probability"},
        "operating_point": {"threshold": 0.5, "rule": ">=", "source": "labelling"},
    }
    return {**plain, **changes}


def simulate(
    *,
    patients: int = 280,
    weak: str | None = "Fujifilm",
    seed: int = 1,
    failures: int = 5,
    unlabelled: int = 3,
    positives: float = 0.5,
    study: StudyProtocol | None = None,
) -> Evidence:
    """Scores separate the classes by two standard deviations, by a half on the weak maker."""
    rng = np.random.default_rng(seed)
    images = rng.integers(1, 4, patients)
    patient = np.repeat(np.arange(patients), images)
    n = len(patient)
    positive = (rng.random(patients) < positives)[patient]
    maker = np.array(MAKERS)[rng.integers(0, 4, patients)][patient]
    shift = np.where(maker == weak, 0.5, 2.0) * positive
    latent = rng.normal(0, 0.6, patients)[patient] + rng.normal(0, 0.8, n) + shift - 1.0
    score = 1 / (1 + np.exp(-2 * latent))
    return evidence(
        study or protocol(),
        patient=patient,
        positive=positive,
        score=score,
        failed=rng.permutation(n) < failures,
        labelled=rng.permutation(n) >= unlabelled,
        attributes={
            "age": [float(a) if a > 20 else None for a in rng.integers(18, 97, patients)[patient]],
            "sex": [("F", "M", None)[i] for i in rng.choice(3, patients, p=[0.5, 0.45, 0.05])[patient]],
            "manufacturer": maker.tolist(),
            "model": [f"{m} {i}" for m, i in zip(maker, rng.integers(1, 3, patients)[patient], strict=True)],
            "site": [("A", "B", "C")[i] for i in rng.integers(0, 3, patients)[patient]],
        },
    )


def evidence(
    study: StudyProtocol,
    *,
    patient: Any,
    positive: Any,
    score: Any,
    failed: Any = None,
    labelled: Any = None,
    attributes: dict[str, list[Any]],
    estimates: tuple[Any, ...] = (),
) -> Evidence:
    n = len(score)
    failed = np.zeros(n, bool) if failed is None else failed
    labelled = np.ones(n, bool) if labelled is None else labelled
    unit = [f"u{i:05d}" for i in range(n)]
    cases = pa.table(
        {
            "unit": unit,
            "patient": [f"p{p:05d}" for p in patient],
            "study": [f"s{p:05d}" for p in patient],
            "series": [f"r{i:05d}" for i in range(n)],
            "digest": [f"d{i:05d}" for i in range(n)],
            "has_label": [bool(x) for x in labelled],
            **attributes,
        }
    )
    reference = pa.table(
        {
            "unit": unit,
            "status": ["present" if x else "missing" for x in labelled],
            "label": pa.array([float(p) if x else None for p, x in zip(positive, labelled, strict=True)], pa.float64()),
        }
    )
    models = [block.id for block in study.models]
    inference = pa.table(
        {
            "unit": unit * len(models),
            "model": [name for name in models for _ in unit],
            "pass": ["clean"] * n * len(models),
            "target": ["opacity"] * n * len(models),
            "status": ["failed" if f else "ok" for f in failed] * len(models),
            "failure": pa.array(["truncated" if f else None for f in failed] * len(models), pa.string()),
            "score": pa.array(
                [None if f else float(s) for s, f in zip(score, failed, strict=True)] * len(models), pa.float64()
            ),
        }
    )
    units = join_units(study, cases, reference, inference)
    return Evidence(study, estimates, units, cases, "0" * 64)


def with_passes(found: Evidence, scores: dict[str, Any], failed: dict[str, Any] | None = None) -> Evidence:
    """Further passes over the same rows: {pass: (n,) scores}; failed : {pass: (n,) bool}, without an output there."""
    parts = [found.units]
    for name, values in scores.items():
        lost = np.zeros(len(values), bool) if failed is None or name not in failed else np.asarray(failed[name])
        lost = lost | np.array([status == "failed" for status in found.units["status"].to_pylist()])
        columns = {
            "pass": pa.array([name] * len(values), found.units.schema.field("pass").type),
            "score": pa.array([None if f else float(v) for v, f in zip(values, lost, strict=True)], pa.float64()),
            "status": pa.array(["failed" if f else "ok" for f in lost], found.units.schema.field("status").type),
            "failure": pa.array(["model_error" if f else None for f in lost], found.units.schema.field("failure").type),
        }
        table = found.units
        for column, array in columns.items():
            table = table.set_column(table.column_names.index(column), table.schema.field(column), array)
        parts.append(table)
    return replace(found, units=pa.concat_tables(parts))


def estimated(**choices: Any) -> Evidence:
    """The same, with every estimate of the run."""
    return with_estimates(simulate(**choices))


def with_estimates(found: Evidence) -> Evidence:
    estimates = estimate_all(found.protocol, found.units, cohort_digest=found.cohort_digest)
    return replace(found, estimates=estimates)


@pytest.fixture(scope="session")
def simulated() -> Callable[..., Evidence]:
    """A study simulated from a seed, before anything is estimated."""
    return simulate


@pytest.fixture(scope="session")
def estimated_study() -> Callable[..., Evidence]:
    """A study simulated from a seed, estimated."""
    return estimated


@pytest.fixture(scope="session")
def build() -> SimpleNamespace:
    """Makers of protocols, models and studies from columns."""
    return SimpleNamespace(
        protocol=protocol,
        model=model,
        evidence=evidence,
        estimated=with_estimates,
        passes=with_passes,
        simulate=simulate,
    )


@pytest.fixture(scope="session")
def estimate() -> Callable[[Evidence], Evidence]:
    """Adds every estimate of the run."""
    return with_estimates
