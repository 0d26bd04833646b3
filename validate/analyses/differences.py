"""Each group against all other cases, by the shared resampling weights: paired where a patient is in both.

Pointwise limits are percentiles of the clustered bootstrap. Simultaneous limits, value ± c·(standard error), hold for
every group at once: c is the 95% point of the largest |t| over the groups (max-statistic bootstrap; Westfall & Young
1993, ISBN 978-0-471-55761-6), never below Šidák's for as many independent groups, since small groups vary too little
among their own resamples. Only these may carry a claim about the worst of several groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy
from numpy.typing import NDArray

from validate.estimation.sample import Sample
from validate.metrics.metric import Metric
from validate.metrics.replicates import point_values, replicate_values
from validate.stats.resample import ClusterWeights

Array = NDArray[np.float64]
LEVEL = 0.95
MOST_UNDEFINED = 0.01  # share of undefined replicates over which there are no limits


@dataclass(frozen=True, slots=True)
class Difference:
    """A group's value less that of all other cases; limits are None with `reason`."""

    value: float | None
    low: float | None = None
    high: float | None = None
    simultaneous_low: float | None = None
    simultaneous_high: float | None = None
    undefined_replicates: int = 0
    reason: str | None = None

    @property
    def clear(self) -> int:
        """-1 or 1 where the simultaneous limits lie below or above 0, else 0."""
        if self.simultaneous_low is None or self.simultaneous_high is None:
            return 0
        return int(self.simultaneous_low > 0) - int(self.simultaneous_high < 0)


@dataclass(frozen=True, slots=True)
class GroupValues:
    """Of each group: value (group,), replicates (replicate, group), and where they are defined."""

    value: Array
    defined: NDArray[np.bool_]
    replicate: Array
    replicate_defined: NDArray[np.bool_]

    def of(self, groups: slice | NDArray[np.bool_]) -> GroupValues:
        return GroupValues(
            self.value[groups], self.defined[groups], self.replicate[:, groups], self.replicate_defined[:, groups]
        )


def group_values(
    metrics: Sequence[Metric], sample: Sample, groups: NDArray[np.bool_], *, weights: ClusterWeights
) -> list[GroupValues | None]:
    """One for each metric, in one sweep; None for a metric that the kernel can't resample. Groups are (group, row)."""
    chosen = [metric for metric in metrics if metric.fast is not None]
    points = point_values(chosen, sample.rows, cluster=sample.cluster, groups=groups)
    drawn = replicate_values(chosen, sample.rows, cluster=sample.cluster, groups=groups, weights=weights)
    found = iter(
        GroupValues(point.value[0], point.defined[0], values.value, values.defined)
        for point, values in zip(points, drawn, strict=True)
    )
    return [next(found) if metric.fast is not None else None for metric in metrics]


def differences(groups: GroupValues, rests: GroupValues, readable: Sequence[bool]) -> tuple[Difference, ...]:
    """One for each group. Simultaneous limits are for the readable groups, and allow for all of them."""
    value, replicate = groups.value - rests.value, groups.replicate - rests.replicate
    defined, known = groups.defined & rests.defined, groups.replicate_defined & rests.replicate_defined
    values = [float(x) if ok else None for x, ok in zip(value, defined, strict=True)]
    pointwise = [_pointwise(x, replicate[:, g], known[:, g]) for g, x in enumerate(values)]
    usable = np.array([ok and found.low is not None for ok, found in zip(readable, pointwise, strict=True)], np.bool_)
    margin = np.zeros(len(value))
    margin[usable] = _margins(value[usable], replicate[:, usable], known[:, usable])
    return tuple(
        replace(found, simultaneous_low=found.value - m, simultaneous_high=found.value + m)
        if found.value is not None and m > 0
        else found
        for found, m in zip(pointwise, margin.tolist(), strict=True)
    )


def _pointwise(value: float | None, replicate: Array, known: NDArray[np.bool_]) -> Difference:
    if value is None:
        return Difference(None, reason="not defined in this group or in the others")
    undefined = int((~known).sum())
    if undefined > MOST_UNDEFINED * len(known):
        reason = f"too few: undefined in {undefined:,} of {len(known):,} resamples"
        return Difference(value, undefined_replicates=undefined, reason=reason)
    low, high = (float(x) for x in np.quantile(replicate[known], [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    if low == high:
        return Difference(value, undefined_replicates=undefined, reason="too few: every resample gives the same")
    return Difference(value, low, high, undefined_replicates=undefined)


def _margins(value: Array, replicate: Array, known: NDArray[np.bool_]) -> Array:
    """Half widths c·(standard error) that hold for all these groups at once."""
    if len(value) == 0:
        return value
    whole = known.all(axis=1)
    error = replicate[whole].std(axis=0, ddof=1)
    largest = np.max(np.abs(replicate[whole] - value) / error, axis=1)
    sidak = -scipy.special.ndtri((1 - LEVEL ** (1 / len(value))) / 2)
    return np.asarray(max(np.quantile(largest, LEVEL), sidak) * error, dtype=np.float64)
