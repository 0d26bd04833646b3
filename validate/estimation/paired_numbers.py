"""The difference of a pair in each group, with its limits and test, by formula or from shared replicates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.estimation.adequacy import FEWEST_CLUSTERS
from validate.estimation.bootstrap import MOST_UNDEFINED, percentile
from validate.estimation.cluster_words import clusters_in_words
from validate.estimation.estimate import HypothesisTest, Interval
from validate.estimation.fit import distinct
from validate.estimation.pair import Pair, nulls
from validate.estimation.paired import PairedFit, paired_fit
from validate.estimation.replicates import Resampling
from validate.estimation.sample import Sample
from validate.estimation.shared_draws import SharedDraws
from validate.metrics.metric import Values
from validate.metrics.replicates import point_values

CLUSTERED = {"obuchowski", "bootstrap"}


@dataclass(frozen=True, slots=True)
class PairedNumbers:
    """Of one group."""

    difference: float | None
    interval: Interval | None
    test: HypothesisTest | None
    reason: str | None


def paired_numbers(pair: Pair, samples: tuple[Sample, Sample], shared: SharedDraws, rules: Any) -> list[PairedNumbers]:
    """One per group of the samples, in their order; more replicates where a limit is not settled by the locked number."""
    members = samples[0].groups.members
    if not len(samples[0].rows):
        return [PairedNumbers(None, None, None, "there is no row with an output of both models.")] * members.shape[0]
    metric = pair.plan.metric
    points = [
        point_values([metric], sample.rows, cluster=sample.cluster, groups=sample.groups.members)[0]
        for sample in samples
    ]
    drawn = shared.values(pair, samples, rules) if pair.method == "bootstrap" else None
    found = []
    for place in range(members.shape[0]):
        if not (points[0].defined[0, place] and points[1].defined[0, place]):
            which = [model.name for model, point in zip((pair.test, pair.reference), points, strict=True)
                     if not point.defined[0, place]]  # fmt: skip
            why = f"{metric.title} is not defined here for {' and '.join(which)}."
            found.append(PairedNumbers(None, None, None, why))
            continue
        difference = float(points[0].value[0, place] - points[1].value[0, place])
        interval, test, reason = _limits(pair, samples, place, drawn)
        found.append(PairedNumbers(difference, interval, test, reason))
    more = shared.more() if drawn is not None and _unsettled(pair, found[0].interval, shared.resampling) else None
    return found if more is None else paired_numbers(pair, samples, more, rules)


def _unsettled(pair: Pair, interval: Interval | None, resampling: Resampling) -> bool:
    """Whether a limit of the declared difference lies too near to its margin for so many replicates to tell on which side."""
    if pair.declared is None or interval is None or interval.monte_carlo_error is None:
        return False
    edges = [-shift for shift, _ in nulls(pair)]
    near = resampling.settle * interval.monte_carlo_error
    return any(abs(limit - edge) < near for limit in (interval.low, interval.high) for edge in edges)


def _limits(
    pair: Pair, samples: tuple[Sample, Sample], place: int, drawn: list[Values] | None
) -> tuple[Interval | None, HypothesisTest | None, str | None]:
    members = samples[0].groups.members[place]
    clusters = distinct(samples[0].cluster[members])
    if clusters < FEWEST_CLUSTERS:
        few = clusters_in_words(clusters, samples[0].resampled)
        return None, None, f"{few}: limits of a difference need at least {FEWEST_CLUSTERS}."
    if drawn is not None:
        return _resampled(pair, place, drawn, together=_together(pair, samples[0], place))
    try:
        fit = paired_fit(pair.method, pair.plan.metric, samples, members)
    except Undefined as reason:
        return None, None, f"{reason}."
    limits = fit.limits(pair.level)
    low, high = float(limits.low), float(limits.high)
    if not low < high:
        return None, None, "the two models rank all cases alike, so the limits of their difference would have no width."
    interval = Interval(low, high, pair.level, fit.method)
    together = _together(pair, samples[0], place)
    if together is not None:
        wide = fit.limits(together)
        interval = replace(interval, simultaneous_low=float(wide.low), simultaneous_high=float(wide.high))
    return interval, _analytic_test(pair, fit), None


def _together(pair: Pair, sample: Sample, place: int) -> float | None:
    """Level of each group's limits that hold for all levels of its attribute at once (Bonferroni)."""
    attribute = sample.groups.attributes[place]
    return None if attribute is None else 1.0 - (1.0 - pair.level) / len(sample.groups.of(attribute))


def _resampled(
    pair: Pair, place: int, drawn: list[Values], *, together: float | None
) -> tuple[Interval | None, HypothesisTest | None, str | None]:
    both = drawn[0].defined[:, place] & drawn[1].defined[:, place]
    missing = int((~both).sum())
    if missing > MOST_UNDEFINED * both.size:
        return (
            None,
            None,
            f"{missing:,} of {both.size:,} replicates have no difference, more than 1%: there are too few cases.",
        )
    values = drawn[0].value[both, place] - drawn[1].value[both, place]
    if np.ptp(values) == 0:
        return None, None, "every replicate gives the same difference, so its limits would have no width."
    found = percentile(values, level=pair.level)
    wide = None if together is None else percentile(values, level=together)
    interval = Interval(
        found.low, found.high, pair.level, "bootstrap_paired", replicates=both.size, undefined_replicates=missing,
        monte_carlo_error=found.monte_carlo_error,
        simultaneous_low=None if wide is None else wide.low, simultaneous_high=None if wide is None else wide.high,
    )  # fmt: skip
    return interval, _resampled_test(pair, values), None


def _analytic_test(pair: Pair, fit: PairedFit) -> HypothesisTest | None:
    if pair.declared is None:
        return None
    ps = [fit.p(-shift, upward=upward) for shift, upward in nulls(pair)]
    margin = pair.declared.margin or 0.0
    return HypothesisTest(pair.declared.hypothesis, margin, pair.declared.alpha_one_sided, max(ps), fit.method)


def _resampled_test(pair: Pair, values: NDArray[np.float64]) -> HypothesisTest | None:
    """P as the share of replicates on the wrong side of the null, itself counted: never 0."""
    if pair.declared is None:
        return None
    ps = []
    for shift, upward in nulls(pair):
        wrong = values <= -shift if upward else values >= -shift
        ps.append((1 + int(wrong.sum())) / (1 + values.size))
    margin = pair.declared.margin or 0.0
    return HypothesisTest(pair.declared.hypothesis, margin, pair.declared.alpha_one_sided, max(ps), "bootstrap_paired")
