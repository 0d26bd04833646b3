"""Estimates and protocols as the verdict reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from validate.estimation.estimate import Estimate, Interval
from validate.protocol.schema import StudyProtocol

METRICS = {
    "sensitivity": "classification.sensitivity",
    "auroc": "classification.auroc",
    "brier": "classification.brier",
}


def protocol(*criteria: Mapping[str, Any], **changes: Any) -> StudyProtocol:
    document: dict[str, Any] = {
        "schema_version": "1",
        "id": "tiny",
        "version": "1.0.0",
        "title": "Tiny",
        "profile": "acceptance",
        "intended_use": "Tests.",
        "task": "classification",
        "seed": 7,
        "cohort": {"sources": [{"dicom": "cxr"}], "unit": "image", "sampling": "consecutive"},
        "reference": {
            "table": "reference.csv",
            "key": "accession_number",
            "level": "study",
            "label": "opacity",
            "positive": 1,
            "standard": "Readers",
        },
        "models": [model("candidate")],
        "endpoints": [{"id": name, "metric": metric, "role": "primary"} for name, metric in METRICS.items()],
        "acceptance": [{"rationale": "Because.", **criterion} for criterion in criteria],
    }
    return StudyProtocol.model_validate({**document, **changes})


def model(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "name": name.title(),
        "version": "1.0.0",
        "format": "constant",
        "output": {"activation": "none", "kind": "probability"},
    }


def at_least(goal: float, **more: Any) -> dict[str, Any]:
    return {"endpoint": "sensitivity", "limit": "lower", "at_least": goal, **more}


def at_most(goal: float, **more: Any) -> dict[str, Any]:
    return {"endpoint": "sensitivity", "limit": "upper", "at_most": goal, **more}


def estimate(
    low: float | None = 0.7,
    high: float | None = 0.9,
    *,
    endpoint: str = "sensitivity",
    model: str = "candidate",
    stratum: Mapping[str, str] | None = None,
    simultaneous: Sequence[float] | None = None,
    **changes: Any,
) -> Estimate:
    stratum = stratum or {}
    interval = None
    if low is not None and high is not None:
        interval = Interval(low, high, 0.95, "wilson")
        if simultaneous is not None:
            lower, upper = simultaneous
            interval = Interval(low, high, 0.95, "wilson", simultaneous_low=lower, simultaneous_high=upper)
    group = "".join(f"/{attribute}={level}" for attribute, level in stratum.items())
    plain: dict[str, Any] = {
        "id": f"{endpoint}/{model}/clean{group}",
        "endpoint": endpoint,
        "metric": METRICS[endpoint],
        "model": model,
        "pass_id": "clean",
        "target": "opacity",
        "stratum": stratum,
        "value": (low + high) / 2 if low is not None and high is not None else 0.8,
        "interval": interval,
        "n_cases": 120,
        "n_patients": 100,
        "n_events": 58,
        "unit": "proportion" if endpoint == "sensitivity" else "index",
        "role": "primary",
        "status": "ok" if interval is not None else "too_few",
    }
    return Estimate(**{**plain, **changes})


def undefined(**changes: Any) -> Estimate:
    reason = "Sensitivity needs at least one positive case: there is none"
    return estimate(None, None, **{"value": None, "status": "undefined", "reason": reason, **changes})


@pytest.fixture(scope="session")
def build() -> SimpleNamespace:
    """Makers of protocols, criteria and estimates."""
    return SimpleNamespace(
        protocol=protocol, model=model, at_least=at_least, at_most=at_most, estimate=estimate, undefined=undefined
    )
