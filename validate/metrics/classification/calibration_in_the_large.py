"""Calibration in the large: whether probabilities are too high or too low on average, on the logit scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.probability import probabilities, repeated
from validate.metrics.metric import Metric, Rows
from validate.stats.calibration import calibration_in_the_large
from validate.stats.limits import Limits


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """As `stats.calibration.calibration_in_the_large`, with rows repeated by their weights. Raises Undefined as that does."""
    stated, truth = repeated(rows, weights)
    if stated.size == 0:
        raise Undefined("The calibration intercept needs a case with an output: there is none")
    return calibration_in_the_large(stated, truth).value


def limits(rows: Rows, cluster: NDArray[np.int64], level: float) -> Limits:
    """Errors robust to the clusters."""
    found = calibration_in_the_large(probabilities(rows), rows["positive"], cluster=cluster, level=level)
    return Limits(np.asarray(found.low), np.asarray(found.high))


METRIC = Metric(
    title="Calibration intercept",
    symbol="Intercept",
    tasks=frozenset({"classification"}),
    needs=("score", "positive"),
    value=value,
    intervals=("cluster_robust", "bootstrap"),
    analytic={"cluster_robust": limits},
    bounds=(float("-inf"), float("inf")),
    better="neither",
    prevalence_dependent=True,
    failures="outputs_only",
    explanation="Whether probabilities are too high (below 0) or too low (above 0) on average; 0 is right.",
    source="Van Calster et al. 2019, doi:10.1186/s12916-019-1466-7",
)
