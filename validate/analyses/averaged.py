"""What of a measure is a mean over rows, so that the same mix can be put to two sides; or why it is none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.analyses.samples import ModelSamples
from validate.estimation.sample import Sample
from validate.metrics.metric import Metric, Rows
from validate.protocol.question import Endpoint


@dataclass(frozen=True, slots=True)
class Averaged:
    """counted : (n,) rows that the mean is over      values : (n,) float64 of each: 0 and 1 of a proportion"""

    counted: NDArray[np.bool_]
    values: NDArray[np.float64]


def averaged(metric: Metric, rows: Rows) -> Averaged | None:
    """Of a proportion and of a plain mean; None of any other measure."""
    if metric.fraction is not None:
        fraction = metric.fraction(rows)
        return Averaged(fraction.denominator, fraction.numerator.astype(np.float64))
    if metric.of_row is not None:
        return Averaged(np.ones(len(rows), np.bool_), metric.of_row(rows))
    return None


def is_averaged(metric: Metric) -> bool:
    """Whether `averaged` has something."""
    return metric.fraction is not None or metric.of_row is not None


def no_mean(metric: Metric) -> str:
    """Why it can't be put to the same mix."""
    return f"{metric.title} is no mean over cases, so no cell of the case mix has one to be weighed"


def rows_of(samples: ModelSamples, metric: Metric, endpoint: Endpoint) -> Sample:
    """The rows behind the endpoint's own estimates: with its options; failures as the protocol says, or left out where the measure
    has no worst value.
    """
    condition = {name: float(x) for name, x in endpoint.options.items() if isinstance(x, int | float)}
    needs = metric.needs if samples.cases.measures is not None else ()
    if metric.failures == "outputs_only":
        return samples.outputs_only(condition, needs=needs)
    return samples.locked(condition, needs=needs)
