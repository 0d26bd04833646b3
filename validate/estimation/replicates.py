"""Replicate values shared by all plans of a sample: one sweep of the kernel, each metric once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from validate.estimation.bootstrap import SecondLevel, second_level_errors, undefined_replicates
from validate.estimation.plan import Plan
from validate.estimation.sample import Sample
from validate.metrics.metric import Metric, Values
from validate.metrics.replicates import point_values, replicate_values
from validate.stats.limits import Array
from validate.stats.resample import ClusterWeights, LeaveOneOut, Weights


@dataclass(frozen=True, slots=True)
class Resampling:
    """The one stream of a run: clusters of the whole table, in table order. at_most, settle, strata : as the protocol says."""

    clusters: int
    replicates: int
    key: bytes
    workers: int = 0
    at_most: int = 0
    settle: float = 3.0
    strata: NDArray[np.int64] | None = None

    @property
    def weights(self) -> ClusterWeights:
        """First-level weights."""
        return ClusterWeights(self.clusters, self.replicates, self.key, self.strata)

    def doubled(self) -> Resampling | None:
        """Twice the replicates, the first half of them the same; None where that is more than the lock allows."""
        return replace(self, replicates=2 * self.replicates) if 2 * self.replicates <= self.at_most else None


@dataclass(frozen=True, slots=True)
class Replicated:
    """Of one metric, all by (…, group).

    point : (1, group)    replicates : None where nothing asked for them
    jackknife : (cluster, group), for BCa    errors : (replicate, group), for studentised limits
    """

    point: Values
    replicates: Values | None = None
    jackknife: Values | None = None
    errors: Array | None = None

    @property
    def drawn(self) -> int:
        """Replicates drawn."""
        return 0 if self.replicates is None else self.replicates.value.shape[0]

    def undefined(self, place: int) -> int:
        """Replicates of a group without a value."""
        return 0 if self.replicates is None else int(undefined_replicates(self.replicates)[place])

    def values(self, place: int) -> Array:
        """Defined replicate values of a group."""
        assert self.replicates is not None
        return np.asarray(self.replicates.value[self.replicates.defined[:, place], place])


def replicate(plans: Sequence[Plan], sample: Sample, resampling: Resampling, *, simultaneous: bool) -> list[Replicated]:
    """One per plan. Replicates are drawn for bootstrapped plans, and where limits of levels must hold together.

    A metric without a fast path is only resampled where its interval asks for it.
    """
    metrics = [plan.metric for plan in plans]
    members = sample.groups.members
    points = point_values(metrics, sample.rows, cluster=sample.cluster, groups=members)
    drawn = [p.resampled or (simultaneous and p.metric.fast is not None) for p in plans]
    replicates = _where(drawn, metrics, sample, resampling.weights, resampling.workers)
    accelerated = [plan.method == "bootstrap_bca" for plan in plans]
    jackknife = _where(accelerated, metrics, sample, LeaveOneOut(resampling.clusters), resampling.workers)
    nested = [plan.method == "bootstrap_studentised" for plan in plans]
    second = _where(nested, metrics, sample, SecondLevel(resampling.weights), resampling.workers)
    return [
        Replicated(point, values, left_out, None if inner is None else second_level_errors(inner))
        for point, values, left_out, inner in zip(points, replicates, jackknife, second, strict=True)
    ]


def _where(
    wanted: Sequence[bool], metrics: Sequence[Metric], sample: Sample, weights: Weights, workers: int
) -> list[Values | None]:
    chosen = [metric for metric, want in zip(metrics, wanted, strict=True) if want]
    if not chosen:
        return [None] * len(metrics)
    found = iter(
        replicate_values(
            chosen,
            sample.rows,
            cluster=sample.cluster,
            groups=sample.groups.members,
            weights=weights,
            workers=workers,
        )
    )
    return [next(found) if want else None for want in wanted]
