"""With the truth at the goal, a verdict may pass in at most 2.5% of studies, plus what chance allows a simulation.

The interval and the rule that says too_few are those of a run: `evaluate`'s machinery with a goal. A study passes when its
status is ok and its lower limit reaches the goal.
"""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from validate.estimation.run import estimate_all
from validate.protocol.load import from_resolved, resolved
from validate.protocol.schema import StudyProtocol
from validate.results.units import UNITS

NOMINAL = 0.025


def protocol(metric: str, goal: float, *, cluster: str, method: str) -> StudyProtocol:
    document = {
        "schema_version": "1", "id": "p", "version": "1", "title": "t", "profile": "acceptance", "intended_use": "u",
        "task": "classification", "seed": 1,
        "cohort": {"sources": [{"table": "c.csv", "key": "k", "patient": "p"}], "unit": "image", "cluster": cluster,
                   "sampling": "consecutive"},
        "reference": {"table": "c.csv", "key": "k", "level": "image", "label": "y", "positive": 1, "standard": "s"},
        "models": [{"id": "m", "name": "M", "version": "1", "format": "predictions", "path": "p.csv",
                    "output": {"activation": "none", "kind": "score"},
                    "operating_point": {"threshold": 0.5, "source": "s"}}],
        "endpoints": [{"id": "e", "metric": f"classification.{metric}", "role": "primary",
                       "interval": {"method": method}}],
        "acceptance": [{"endpoint": "e", "limit": "lower", "at_least": goal, "rationale": "r"}],
        "resampling": {"replicates": 200},
    }  # fmt: skip
    return from_resolved(document)


def units(score: np.ndarray, positive: np.ndarray, patient: np.ndarray) -> pa.Table:
    n = len(score)
    names = [f"P{p}" for p in patient]
    constant = {"model": "m", "pass": "clean", "target": "y", "label_status": "present", "status": "ok"}
    columns = {
        "unit": [f"U{i}" for i in range(n)], "cluster": names, "patient": names, "study": names,
        "label": positive.astype(float), "failure": [None] * n, "score": score,
        **{name: [value] * n for name, value in constant.items()},
    }  # fmt: skip
    return pa.table([pa.array(columns[f.name], f.type) for f in UNITS], schema=UNITS)


def passes(study: StudyProtocol, goal: float, score: np.ndarray, positive: np.ndarray, patient: np.ndarray) -> bool:
    found = next(
        e
        for e in estimate_all(study, units(score, positive, patient), cohort_digest="x", workers=1)
        if e.endpoint == "e"
    )
    interval = found.interval
    return found.status == "ok" and interval is not None and interval.high > interval.low and interval.low >= goal


def allowed(simulations: int) -> float:
    """2.5% and three standard errors of a simulated rate."""
    return NOMINAL + 3 * math.sqrt(NOMINAL * (1 - NOMINAL) / simulations)


def patients_of(rng: np.random.Generator, n: int, *, clustered: bool) -> np.ndarray:
    return np.repeat(np.arange(n), rng.integers(1, 4, n))[:n] if clustered else np.arange(n)


def sensitivity_rate(n: int, goal: float, simulations: int, *, clustered: bool, correlation: float = 0.4) -> float:
    """n positive images; hits of one patient's images are correlated (beta-binomial)."""
    study = protocol("sensitivity", goal, cluster="patient", method="wilson_effective_n")
    rng = np.random.default_rng(n * 1000 + int(goal * 100) + clustered)
    count = 0
    strength = (1 - correlation) / correlation
    for _ in range(simulations):
        patient = patients_of(rng, n, clustered=clustered)
        own = rng.beta(goal * strength, (1 - goal) * strength, n) if clustered else np.full(n, goal)
        hit = rng.random(n) < own[patient]
        score = np.concatenate((np.where(hit, 0.9, 0.1), [0.1, 0.2]))
        positive = np.concatenate((np.ones(n, bool), np.zeros(2, bool)))
        count += passes(study, goal, score, positive, np.concatenate((patient, [n, n + 1])))
    return count / simulations


def auroc_rate(n: int, goal: float, simulations: int, *, clustered: bool) -> float:
    """n images, half positive, binormal scores with the AUROC at the goal; images of a patient share half their noise."""
    from scipy.stats import norm

    study = protocol("auroc", goal, cluster="patient", method="obuchowski")
    rng = np.random.default_rng(n * 1000 + int(goal * 100) + clustered + 7)
    distance = norm.ppf(goal) * math.sqrt(2)
    count = 0
    for _ in range(simulations):
        patient = patients_of(rng, n, clustered=clustered)
        diseased = rng.permutation(np.arange(n) % 2 == 0)[patient]
        noise = math.sqrt(0.5) * (rng.normal(size=n)[patient] + rng.normal(size=n)) if clustered else rng.normal(size=n)
        count += passes(study, goal, noise + distance * diseased, diseased, patient)
    return count / simulations


# The others are of the same kind, and take minutes.
QUICK = (30, 0.9)
CELLS = [
    pytest.param(n, goal, marks=() if (n, goal) == QUICK else pytest.mark.slow)
    for n in (20, 30, 100)
    for goal in (0.8, 0.9)
]


@pytest.mark.parametrize("clustered", [pytest.param(False, marks=pytest.mark.slow), True])
@pytest.mark.parametrize(("n", "goal"), CELLS)
def test_sensitivity_at_its_goal_passes_in_at_most_one_of_forty_studies(n: int, goal: float, clustered: bool) -> None:
    assert sensitivity_rate(n, goal, 300, clustered=clustered) <= allowed(300)


@pytest.mark.parametrize("clustered", [pytest.param(False, marks=pytest.mark.slow), True])
@pytest.mark.parametrize(("n", "goal"), CELLS)
def test_auroc_at_its_goal_passes_in_at_most_one_of_forty_studies(n: int, goal: float, clustered: bool) -> None:
    assert auroc_rate(n, goal, 300, clustered=clustered) <= allowed(300)


@pytest.mark.slow
@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize(("n", "goal"), [(30, 0.8), (100, 0.8), (100, 0.9), (100, 0.95)])
def test_more_simulations_do_not_find_what_few_overlooked(n: int, goal: float, clustered: bool) -> None:
    assert sensitivity_rate(n, goal, 3000, clustered=clustered) <= allowed(3000)
    assert auroc_rate(n, goal, 3000, clustered=clustered) <= allowed(3000)


def test_a_method_that_can_not_hold_the_rate_at_a_size_answers_too_few() -> None:
    rng = np.random.default_rng(1)
    study = protocol("auroc", 0.9, cluster="patient", method="bootstrap")
    positive = np.arange(60) % 2 == 0
    found = estimate_all(
        study, units(rng.normal(size=60) + 2.5 * positive, positive, np.arange(60)), cohort_digest="x"
    )[0]
    assert found.status == "too_few"
    assert found.interval is None
    assert "2.5%" in str(found.reason)


def test_the_protocol_of_this_test_is_one_of_ours() -> None:
    study = protocol("auroc", 0.8, cluster="patient", method="obuchowski")
    assert from_resolved(resolved(study)) == study
