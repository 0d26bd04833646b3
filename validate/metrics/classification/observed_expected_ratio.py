"""Observed over expected: positives that were there for each one that the probabilities announced."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.probability import probabilities, repeated
from validate.metrics.metric import Metric, Rows
from validate.stats.calibration import observed_over_expected
from validate.stats.limits import Limits


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """As `stats.calibration.observed_over_expected`, with rows repeated by their weights. Raises Undefined as that does."""
    stated, truth = repeated(rows, weights)
    if stated.size == 0:
        raise Undefined("Observed over expected needs a case with an output: there is none")
    return observed_over_expected(stated, truth).value


def limits(rows: Rows, cluster: NDArray[np.int64], level: float) -> Limits:
    """Errors robust to the clusters."""
    found = observed_over_expected(probabilities(rows), rows["positive"], cluster=cluster, level=level)
    return Limits(np.asarray(found.low), np.asarray(found.high))


METRIC = Metric(
    title="Observed over expected",
    symbol="O/E",
    tasks=frozenset({"classification"}),
    needs=("score", "positive"),
    value=value,
    intervals=("cluster_robust", "bootstrap"),
    analytic={"cluster_robust": limits},
    bounds=(0.0, float("inf")),
    better="neither",
    prevalence_dependent=True,
    failures="outputs_only",
    explanation="How many positives there were for each one that the probabilities announced; 1 is right.",
    source="Debray et al. 2017, doi:10.1136/bmj.i6460",
)
