"""A quantile of a measure over cases: the value that the stated share of cases does not exceed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from validate.casewise.measure import Measure
from validate.metrics.metric import Metric, Rows
from validate.metrics.segmentation.column import TASKS, column, each_measure, refuse_few

SOURCE = "Hyndman & Fan 1996, doi:10.1080/00031305.1996.10473566, type 7"


def weighted_quantile(values: NDArray[np.float64], weights: NDArray[np.int64], share: float) -> float:
    """Linear between order statistics of the values repeated by their weights (type 7)."""
    order = np.argsort(values, kind="stable")
    upto = np.cumsum(weights[order])
    place = (int(upto[-1]) - 1) * share
    low = int(np.floor(place))
    ends = np.searchsorted(upto, [low, min(low + 1, int(upto[-1]) - 1)], side="right")
    lower, upper = values[order[ends]].tolist()
    return float(lower + (upper - lower) * (place - low))


def check(options: Mapping[str, float]) -> str | None:
    """What is wrong with the options."""
    share = options.get("share")
    if share is None or not 0 < share < 1:
        return f"got {share}, expected share: a number between 0 and 1, such as 0.1 for the worst tenth of a Dice"
    return None


def quantile(measure: Measure) -> Metric:
    """The share is an option of the endpoint."""

    def value(rows: Rows, weights: NDArray[np.int64]) -> float:
        refuse_few(weights, f"A quantile of the {measure.title}")
        return weighted_quantile(column(rows, measure.name), weights, rows.condition["share"])

    return Metric(
        title=f"Quantile of the {measure.title}",
        symbol=f"Quantile of {measure.name}",
        tasks=TASKS,
        needs=(measure.name,),
        value=value,
        options=("share",),
        check_options=check,
        example={"share": 0.1},
        unit=measure.unit,
        bounds=measure.bounds,
        better=measure.better,
        intervals=("bootstrap",),
        failures="scored" if measure.worst is not None else "outputs_only",
        explanation=f"{measure.explanation} The value that the stated share of cases does not exceed.",
        source=SOURCE,
    )


METRICS = each_measure(quantile)
