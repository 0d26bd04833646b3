"""Average precision: precision at each positive case's score, averaged over the positives; ties are one step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.confusion import ratio
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.stats.tallies.tally import PrecisionSteps


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """Σ (recall step) · precision, without interpolation (doi:10.1145/1143844.1143874). Raises Undefined without positives."""
    scores, positive = rows["score"], rows["positive"]
    positives = int(weights[positive].sum())
    if positives == 0:
        raise Undefined("Average precision needs at least one positive case: there is none")
    levels, place = np.unique(-scores, return_inverse=True)
    found = np.bincount(place[positive], weights[positive], levels.size)
    flagged = np.cumsum(np.bincount(place, weights, levels.size))
    steps = found > 0
    return float(np.sum(found[steps] * np.cumsum(found)[steps] / flagged[steps]) / positives)


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    return Values(*ratio(sums[0][..., 0], sums[0][..., 1]))


METRIC = Metric(
    title="Average precision",
    symbol="AP",
    tasks=frozenset({"classification"}),
    needs=("score", "positive"),
    value=value,
    fast=FastPath(lambda rows: (PrecisionSteps(rows["score"], rows["positive"]),), finish),
    intervals=("bootstrap",),
    events="positives",
    prevalence_dependent=True,
    explanation="How pure the flags are on average as the threshold passes each positive. It depends on how common the finding is.",
    source="Davis & Goadrich 2006, doi:10.1145/1143844.1143874",
)
