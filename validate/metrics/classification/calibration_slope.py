"""Calibration slope: whether probabilities are too extreme (below 1) or too timid (above 1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.probability import probabilities, repeated
from validate.metrics.metric import Metric, Rows
from validate.stats.calibration import calibration_slope
from validate.stats.limits import Limits


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """As `stats.calibration.calibration_slope`, with rows repeated by their weights. Raises Undefined as that does."""
    stated, truth = repeated(rows, weights)
    if stated.size == 0:
        raise Undefined("The calibration slope needs a case with an output: there is none")
    return calibration_slope(stated, truth).value


def limits(rows: Rows, cluster: NDArray[np.int64], level: float) -> Limits:
    """Errors robust to the clusters."""
    found = calibration_slope(probabilities(rows), rows["positive"], cluster=cluster, level=level)
    return Limits(np.asarray(found.low), np.asarray(found.high))


METRIC = Metric(
    title="Calibration slope",
    symbol="Slope",
    tasks=frozenset({"classification"}),
    needs=("score", "positive"),
    value=value,
    intervals=("cluster_robust", "bootstrap"),
    analytic={"cluster_robust": limits},
    bounds=(float("-inf"), float("inf")),
    better="neither",
    prevalence_dependent=True,
    failures="outputs_only",
    explanation="Whether probabilities are too extreme (below 1) or too timid (above 1); 1 is right.",
    source="Van Calster et al. 2019, doi:10.1186/s12916-019-1466-7",
)
