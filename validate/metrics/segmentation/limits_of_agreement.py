"""Bland–Altman limits of agreement: between them lie 95% of differences, were they normal: mean ± 1.96 SD."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from validate.casewise.measure import MEASURES, Measure
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.metrics.segmentation.column import TASKS, column, refuse_few
from validate.stats.tallies.sum import Sum
from validate.stats.tallies.tally import Tally

WIDTH = 1.959963984540054  # of the normal distribution's middle 95%
DIFFERENCES = ("volume_difference", "volume_relative", "ejection_fraction_difference")
SIGNS = {"low": -1.0, "high": 1.0}


def limit(measure: Measure, end: str) -> Metric:
    """SD with n - 1. Differences of one patient count as if they were several patients'; the interval resamples patients."""
    words = f"{'Lower' if end == 'low' else 'Upper'} limit of agreement, {measure.title}"

    def value(rows: Rows, weights: NDArray[np.int64]) -> float:
        refuse_few(weights, words, least=2)
        values, n = column(rows, measure.name), int(weights.sum())
        mean = math.fsum(weights * values) / n
        spread = math.sqrt(math.fsum(weights * (values - mean) ** 2) / (n - 1))
        return mean + SIGNS[end] * WIDTH * spread

    def tallies(rows: Rows) -> tuple[Tally, ...]:
        centred = column(rows, measure.name) - _middle(rows, measure)
        return Sum(centred), Sum(centred**2), Sum(np.ones(len(rows)))

    def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
        total, squares, n = (part[..., 0] for part in sums)
        enough = n >= 2
        count = np.where(enough, n, 2.0)
        spread = np.sqrt(np.maximum(squares - total**2 / count, 0.0) / (count - 1.0))
        return Values(_middle(rows, measure) + total / count + SIGNS[end] * WIDTH * spread, enough)

    return Metric(
        title=words,
        symbol=f"LoA {end}, {measure.name}",
        tasks=TASKS,
        needs=(measure.name,),
        value=value,
        fast=FastPath(tallies, finish),
        unit=measure.unit,
        bounds=(-math.inf, math.inf),
        better="neither",
        intervals=("bootstrap",),
        failures="outputs_only",
        explanation=f"{measure.explanation} About 95% of cases lie between the two limits of agreement.",
        source="Bland & Altman 1986, doi:10.1016/S0140-6736(86)90837-8",
    )


def _middle(rows: Rows, measure: Measure) -> float:
    """A constant that keeps the sums of squares from cancelling."""
    values = column(rows, measure.name)
    return float(values.mean()) if values.size else 0.0


METRICS = {f"{name}.{end}": limit(MEASURES[name], end) for name in DIFFERENCES for end in SIGNS}
