"""90th percentile of the distance between probabilities and the smooth curve of what was observed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.metrics.classification.flexible import distances
from validate.metrics.metric import Metric, Rows


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """The 90th percentile of |loess(p) - p| over the rows. Raises Undefined unless both classes carry weight."""
    apart = distances(rows, weights)
    return float(np.quantile(apart, 0.9))


METRIC = Metric(
    title="90th percentile of the calibration error",
    symbol="E90",
    tasks=frozenset({"classification"}),
    needs=("score", "positive"),
    value=value,
    intervals=("bootstrap",),
    resampled_by="bca",
    better="lower",
    prevalence_dependent=True,
    failures="outputs_only",
    explanation="How far stated probabilities are from a smooth curve of what was observed, for nine of ten cases at most; 0 is perfect.",
    source="Austin & Steyerberg 2019, doi:10.1002/sim.8281",
)
