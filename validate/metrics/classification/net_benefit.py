"""Net benefit: true positives per case, less false positives at the rate at which the threshold trades them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.confusion import ratio
from validate.metrics.classification.probability import probabilities
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.stats.tallies.tally import Binned

KEY = "threshold_probability"


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """TP/n - FP/n · t/(1 - t), treating where p ≥ t. Raises Undefined without rows."""
    total = int(weights.sum())
    if total == 0:
        raise Undefined("Net benefit needs at least one case with an output: there is none")
    treated, positive = probabilities(rows) >= rows.condition[KEY], rows["positive"]
    hits, alarms = int(weights[treated & positive].sum()), int(weights[treated & ~positive].sum())
    return float((hits - alarms * _odds(rows)) / total)


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    counts = sums[0]
    return Values(*ratio(counts[..., 3] - counts[..., 1] * _odds(rows), counts.sum(axis=-1)))


def check(options: Mapping[str, float]) -> str | None:
    """What is wrong with the options."""
    stated = options.get(KEY)
    if stated is None or not 0 < stated < 1:
        return f"got {stated}, expected {KEY}: the risk from which one would act, between 0 and 1"
    return None


def _odds(rows: Rows) -> float:
    return rows.condition[KEY] / (1.0 - rows.condition[KEY])


def _tally(rows: Rows) -> tuple[Binned, ...]:
    treated = probabilities(rows) >= rows.condition[KEY]
    return (Binned(np.ones(len(rows)), (2 * rows["positive"] + treated).astype(np.int32), 4),)


METRIC = Metric(
    title="Net benefit",
    symbol="Net benefit",
    tasks=frozenset({"classification"}),
    needs=("score", "positive"),
    value=value,
    fast=FastPath(_tally, finish),
    options=(KEY,),
    check_options=check,
    example={KEY: 0.2},
    intervals=("bootstrap",),
    bounds=(float("-inf"), 1.0),
    prevalence_dependent=True,
    failures="outputs_only",
    explanation="Patients rightly acted on per patient seen, less those wrongly acted on, weighed by the risk from which one would act.",
    source="Vickers & Elkin 2006, doi:10.1177/0272989X06295361",
)
