"""The share of cases on the good side of a goal: what at_least and at_most have in common."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from validate.casewise.measure import Measure
from validate.metrics.classification.confusion import ratio
from validate.metrics.metric import PROPORTION_INTERVALS, Array, FastPath, Fraction, Metric, Rows, Values
from validate.metrics.segmentation.column import TASKS, column, refuse_few
from validate.stats.tallies.binned import Binned


def check(options: Mapping[str, float]) -> str | None:
    """What is wrong with the options."""
    goal = options.get("goal")
    if goal is None or not math.isfinite(goal):
        return f"got {goal}, expected goal: what a single case must reach, such as 0.9"
    return None


def share(measure: Measure, side: Literal["at least", "at most"]) -> Metric:
    """The goal is an option of the endpoint; a case exactly at it counts."""

    def reached(rows: Rows) -> NDArray[np.bool_]:
        values, goal = column(rows, measure.name), rows.condition["goal"]
        return np.asarray(values >= goal if side == "at least" else values <= goal)

    def value(rows: Rows, weights: NDArray[np.int64]) -> float:
        refuse_few(weights, f"The share of cases with {measure.title} {side} a goal")
        return float(weights[reached(rows)].sum() / weights.sum())

    return Metric(
        title=f"Share of cases with {measure.title} {side} the goal",
        symbol=f"{measure.name} {side} the goal",
        tasks=TASKS,
        needs=(measure.name,),
        value=value,
        fast=FastPath(_tallies(reached), _finish),
        fraction=lambda rows: Fraction(reached(rows), np.ones(len(rows), np.bool_)),
        options=("goal",),
        check_options=check,
        example={"goal": 0.5},
        unit="proportion",
        intervals=PROPORTION_INTERVALS,
        failures="scored" if measure.worst is not None else "outputs_only",
        explanation=f"{measure.explanation} The share of cases in which it is {side} what the protocol asks of a single case.",
        source=measure.source,
    )


def _tallies(reached: Callable[[Rows], NDArray[np.bool_]]) -> Callable[[Rows], tuple[Binned]]:
    return lambda rows: (Binned(np.ones(len(rows)), reached(rows).astype(np.int32), 2),)


def _finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    del rows
    return Values(*ratio(sums[0][..., 1], sums[0].sum(axis=-1)))
