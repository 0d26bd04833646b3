"""Limits of the difference of two groups, at any level: by each group's own limits where it has such, otherwise resampled.

Replicates of a small group vary too little, and those of a group without an error not at all: of four groups with 20 to 160
positive patients, all found at 95%, percentile limits called a gap in 44 of 100 studies. So proportions and areas under the ROC
curve have the limits that each group has by itself, put together (`mover`): Wilson's on what the rows are worth, so Newcombe's
1998; Obuchowski's. Other measures have percentile limits as much wider as Student's are on so few patients
(`expanded`). docs/robustness.md shows what each does (tests/benchmarks/gap_study.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from validate.estimation.adequacy import FEWEST_OF_A_CLASS
from validate.estimation.bootstrap import MOST_UNDEFINED, BootstrapLimits, expanded
from validate.estimation.cluster_words import clusters_in_words
from validate.estimation.estimator import event_rows
from validate.estimation.fit import Fit, auroc_fits, distinct, proportion_fit
from validate.estimation.plan import Plan
from validate.estimation.sample import Sample
from validate.metrics.metric import Array, Fraction, Values
from validate.stats.mover import mover

LEVEL = 0.95
OF_PROPORTIONS, OF_AREAS, RESAMPLED = "mover_wilson", "mover_obuchowski", "bootstrap_expanded"
SAME = "every replicate gives the same, so the limits would have no width."
NO_WIDTH = "the limits of the two groups leave that of their difference no width."


@dataclass(frozen=True, slots=True)
class GapLimits:
    """at : from a level to limits, None where they lie beyond what is known; or None with the problem in a sentence
    replicates : whether they are what limits are made of
    """

    method: str
    at: Callable[[float], BootstrapLimits | None] | None
    problem: str | None = None
    replicates: bool = False


@dataclass(slots=True)
class SidesLimits:
    """Of one plan on one sample. point, drawn : (1, group) and (replicate, group)"""

    plan: Plan
    sample: Sample
    point: Values
    drawn: Values
    _areas: list[Fit] | None = None
    _shares: dict[int, Fit] = field(default_factory=dict)
    _fraction: Fraction | None = None

    def too_few(self, place: int) -> str | None:
        """Of an area: fewer patients of a class than any interval of it needs."""
        if not self._is_area:
            return None
        members, positive = self.sample.groups.members[place], self.sample.rows["positive"]
        rarer = min(distinct(self.sample.cluster[members & side]) for side in (positive, ~positive))
        if rarer >= FEWEST_OF_A_CLASS:
            return None
        return f"{clusters_in_words(rarer, self.sample.resampled)} of the rarer class, where limits need at least {FEWEST_OF_A_CLASS}."

    def difference(self, group: int, reference: int, values: Values, place: int) -> GapLimits:
        """Values : (replicate, pair), of which this pair is at `place`"""
        fits = self._fits(group, reference)
        if fits is None:
            return self._resampled(values, place, [self._spread(group), self._spread(reference)])
        method = OF_AREAS if self._is_area else OF_PROPORTIONS
        first, second = fits
        if first.limits is None or second.limits is None:
            return GapLimits(method, None, first.problem or second.problem)
        own, others = first.limits, second.limits
        one, other = (float(self.point.value[0, side]) for side in (group, reference))
        correlation = self._correlation(group, reference)

        def at(level: float) -> BootstrapLimits:
            found = mover(one, own(level), other, others(level), correlation=correlation)
            return BootstrapLimits(float(found.low), float(found.high), 0.0)

        return GapLimits(method, at)

    def ratio(self, group: int, reference: int, values: Values, place: int) -> GapLimits:
        """The same of a ratio. How far each side moves it follows from how steep it is there (the delta method)."""
        above, below = (float(self.point.value[0, side]) for side in (group, reference))
        slopes = (1.0 / below, above / below**2) if below else (1.0, 1.0)
        spread = [self._spread(side, slope) for side, slope in zip((group, reference), slopes, strict=True)]
        return self._resampled(values, place, spread)

    def _resampled(self, values: Values, place: int, spread: Sequence[tuple[float, int]]) -> GapLimits:
        """Of what has replicates and nothing else.    spread : of each side the variance that it gives, and its clusters"""
        known: Array = values.value[values.defined[:, place], place]
        total = values.value.shape[0]
        missing = total - known.size
        if missing > MOST_UNDEFINED * total:
            why = f"undefined in {missing:,} of {total:,} replicates, more than 1%: there are too few cases."
            return GapLimits(RESAMPLED, None, why, replicates=True)
        if known.size == 0 or np.ptp(known) == 0:
            return GapLimits(RESAMPLED, None, SAME, replicates=True)
        return GapLimits(RESAMPLED, lambda level: expanded(known, spread, level=level), replicates=True)

    @property
    def _is_area(self) -> bool:
        return "obuchowski" in self.plan.metric.intervals

    def _fits(self, group: int, reference: int) -> tuple[Fit, Fit] | None:
        if self._is_area:
            if self._areas is None:
                self._areas = auroc_fits(self.sample, method="obuchowski")
            return self._areas[group], self._areas[reference]
        if self.plan.metric.fraction is None:
            return None
        if self._fraction is None:
            self._fraction = self.plan.metric.fraction(self.sample.rows)
        return self._share(self._fraction, group), self._share(self._fraction, reference)

    def _share(self, fraction: Fraction, place: int) -> Fit:
        if place not in self._shares:
            members = self.sample.groups.members[place]
            self._shares[place] = proportion_fit(
                fraction, self.sample.cluster, members, method="wilson_effective_n", level=LEVEL
            )
        return self._shares[place]

    def _correlation(self, group: int, reference: int) -> float:
        """Of the two values, by the replicates; 0 where no patient is in both groups."""
        cluster, members = self.sample.cluster, self.sample.groups.members
        if not np.intersect1d(cluster[members[group]], cluster[members[reference]]).size:
            return 0.0
        both = self.drawn.defined[:, group] & self.drawn.defined[:, reference]
        one, other = (self.drawn.value[both, side] for side in (group, reference))
        if both.sum() < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
            return 0.0
        return float(np.corrcoef(one, other)[0, 1])

    def _spread(self, place: int, slope: float = 1.0) -> tuple[float, int]:
        """Variance of the replicates, times the slope squared; and the clusters whose cases the precision hangs on."""
        known: NDArray[np.float64] = self.drawn.value[self.drawn.defined[:, place], place]
        members = self.sample.groups.members[place]
        clusters = distinct(self.sample.cluster[members & event_rows(self.plan, self.sample)])
        return (float(known.var(ddof=1)) * slope**2 if known.size > 1 else 0.0), clusters
