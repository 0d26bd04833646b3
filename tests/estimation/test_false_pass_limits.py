"""The same promise as in test_false_pass_rate.py, held to its last digit: exact sums and many thousands of studies at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, norm

from validate.estimation.adequacy import AUROC, proportion_holds
from validate.stats.limits import logit_limits, student_quantile
from validate.stats.proportion import clopper_pearson, clustered_proportion, wilson

STUDIES = 20_000
ALLOWED = 0.025 + 3 * math.sqrt(0.025 * 0.975 / STUDIES)


@pytest.mark.parametrize("events", [20, 30, 100])
def test_independent_proportions_never_pass_more_than_one_in_forty_at_any_goal(events: int) -> None:
    counts = np.arange(events + 1)
    for goal in np.linspace(0.02, 0.99, 195):
        method = (
            wilson if proportion_holds(wilson, events, goal=float(goal), at_least=True, level=0.95) else clopper_pearson
        )
        passing = method(counts, events).low >= goal
        assert binom.pmf(counts[passing], events, goal).sum() <= 0.025 + 1e-12, goal


@pytest.mark.parametrize("correlation", [0.2, 0.6, 0.9])
@pytest.mark.parametrize("goal", [0.7, 0.8, 0.9])
@pytest.mark.parametrize("patients", [20, 30, 100])
def test_clustered_proportions_hold_the_rate_whatever_the_correlation(
    patients: int, goal: float, correlation: float
) -> None:
    rng = np.random.default_rng([patients, int(100 * goal), int(100 * correlation)])
    strength = (1 - correlation) / correlation
    images = rng.integers(1, 4, (STUDIES, patients))
    hits = rng.binomial(images, rng.beta(goal * strength, (1 - goal) * strength, images.shape))
    found = clustered_proportion(hits, images)
    low = wilson(np.minimum(found.value * found.effective_n, found.effective_n), found.effective_n).low
    assert (low >= goal).mean() <= ALLOWED


@pytest.mark.parametrize(("goal", "patients"), [(0.6, 25), (0.7, 25), (0.8, 25), (0.8, 50)])
def test_obuchowskis_limits_hold_the_rate_from_their_smallest_size_on(goal: float, patients: int) -> None:
    assert patients >= AUROC["obuchowski"].patients(goal)
    rng = np.random.default_rng([patients, int(100 * goal)])
    passed = 0
    for _ in range(20):
        above = rng.normal(norm.ppf(goal) * math.sqrt(2), 1, (STUDIES // 20, patients, 1))
        better = above > rng.normal(size=(STUDIES // 20, 1, patients))
        first, second = better.mean(axis=2), better.mean(axis=1)
        error = np.sqrt((first.var(axis=1, ddof=1) + second.var(axis=1, ddof=1)) / patients)
        low = logit_limits(first.mean(axis=1), error, student_quantile(0.95, patients - 1)).low
        passed += int(((low >= goal) & (error > 0)).sum())
    assert passed / STUDIES <= ALLOWED
