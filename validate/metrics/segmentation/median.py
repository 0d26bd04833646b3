"""The median of a measure over cases."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.casewise.measure import Measure
from validate.metrics.metric import Metric, Rows
from validate.metrics.segmentation.column import TASKS, column, each_measure, refuse_few
from validate.metrics.segmentation.quantile import SOURCE, weighted_quantile


def median(measure: Measure) -> Metric:
    """Half of the cases lie below it; of an even number the mean of both in the middle."""

    def value(rows: Rows, weights: NDArray[np.int64]) -> float:
        refuse_few(weights, f"The median {measure.title}")
        return weighted_quantile(column(rows, measure.name), weights, 0.5)

    return Metric(
        title=f"Median {measure.title}",
        symbol=f"Median {measure.name}",
        tasks=TASKS,
        needs=(measure.name,),
        value=value,
        unit=measure.unit,
        bounds=measure.bounds,
        better=measure.better,
        intervals=("bootstrap",),
        failures="scored" if measure.worst is not None else "outputs_only",
        explanation=f"{measure.explanation} The case in the middle: one case, however bad, does not move it.",
        source=SOURCE,
    )


METRICS = each_measure(median)
