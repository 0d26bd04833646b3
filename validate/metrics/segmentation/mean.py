"""The mean of a measure over cases."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from validate.casewise.measure import Measure
from validate.metrics.classification.confusion import ratio
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.metrics.segmentation.column import TASKS, column, each_measure, refuse_few
from validate.stats.tallies.sum import Sum


def mean(measure: Measure) -> Metric:
    """Every case counts the same, however large its structure is."""

    def value(rows: Rows, weights: NDArray[np.int64]) -> float:
        refuse_few(weights, f"The mean {measure.title}")
        return math.fsum(weights * column(rows, measure.name)) / int(weights.sum())

    def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
        del rows
        return Values(*ratio(sums[0][..., 0], sums[1][..., 0]))

    return Metric(
        title=f"Mean {measure.title}",
        symbol=f"Mean {measure.name}",
        tasks=TASKS,
        needs=(measure.name,),
        value=value,
        fast=FastPath(lambda rows: (Sum(column(rows, measure.name)), Sum(np.ones(len(rows)))), finish),
        of_row=lambda rows: column(rows, measure.name),
        unit=measure.unit,
        bounds=measure.bounds,
        better=measure.better,
        intervals=("bootstrap",),
        resampled_by="bca",
        failures="scored" if measure.worst is not None else "outputs_only",
        explanation=f"{measure.explanation} The mean over cases.",
        source=measure.source,
    )


METRICS = each_measure(mean)
