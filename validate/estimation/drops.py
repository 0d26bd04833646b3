"""Disturbed against clean: the drop of an endpoint at each severity, and the area under the curve, by shared replicates.

The same patients are drawn for the clean pass and for every disturbed one, so that what they share cancels (paired bootstrap). A
drop is positive where the model gets worse: clean less disturbed where more is better, disturbed less clean where less is;
of what has no better side it is the change with its sign. Where few rows differ the bootstrap knows little: limits of a
proportion are never tighter than Tango's for as many independent pairs as there are clusters (Tango 1998, Stat Med 17:891-908).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.estimation.adequacy import FEWEST_CLUSTERS
from validate.estimation.bootstrap import MOST_UNDEFINED, percentile
from validate.estimation.cases import Cases
from validate.estimation.cluster_words import clusters_in_words
from validate.estimation.estimate import Estimate, Interval
from validate.estimation.estimator import event_rows
from validate.estimation.fit import distinct
from validate.estimation.paired import paired_table
from validate.estimation.plan import Plan
from validate.estimation.replicates import Resampling
from validate.estimation.sample import Rule, Sample, sample_under
from validate.estimation.threshold import Threshold
from validate.metrics.metric import Array, Metric, Values
from validate.metrics.replicates import point_values, replicate_values
from validate.protocol.robustness import RobustnessOptions, severity_of
from validate.stats.paired_proportions import PairedTable, tango

LEVEL = 0.95
DROP, AREA = "drop", "area"
METHOD, METHOD_OF_PROPORTIONS = "bootstrap_paired", "bootstrap_paired_or_tango"
MOST_REPLICATES = 2000  # behind a drop; of as many severities and levels at once more would cost memory


@dataclass(frozen=True, slots=True)
class Disturbed:
    """One model on one target: the clean pass and the disturbed ones, under the locked rules."""

    clean: Cases
    passes: Mapping[str, Cases]
    rules: tuple[Rule, Rule]
    rule: str
    threshold: Threshold | None
    condition: Mapping[str, float]
    attributes: tuple[str, ...]

    def sample(self, cases: Cases, needs: Sequence[str]) -> Sample:
        """The rows of a pass; groups overall and by the strata that have curves."""
        return sample_under(
            cases, unreadable=self.rules[0], failure=self.rules[1], threshold=self.threshold, condition=self.condition,
            needs=needs,
        )  # fmt: skip


def drops(
    options: RobustnessOptions, plans: Sequence[Plan], study: Disturbed, resampling: Resampling
) -> Iterator[Estimate]:
    """For each plan, cause and severity the drop overall and in each level of `by`; for each cause the area."""
    resampling = _at_most(resampling)
    by_cause: dict[str, list[tuple[int, Cases]]] = {}
    for name, cases in study.passes.items():
        found = severity_of(name)
        if found is not None:
            by_cause.setdefault(found[0], []).append((found[1], cases))
    if not plans or not by_cause:
        return
    needs = plans[0].metric.needs
    clean = study.sample(study.clean, needs)
    places = _places(clean, study.attributes)
    drawn = _drawn(plans, clean, places, resampling)
    for cause, found_passes in by_cause.items():
        ordered = sorted(found_passes, key=lambda one: one[0])
        samples = [study.sample(cases, needs) for _, cases in ordered]
        disturbed = [_drawn(plans, sample, places, resampling) for sample in samples]
        for number, plan in enumerate(plans):
            curve = _Curve(
                options, plan, study, cause, [severity for severity, _ in ordered], (clean, *samples), places,
                (drawn[number], *(one[number] for one in disturbed)),
            )  # fmt: skip
            yield from curve.estimates()


def _at_most(resampling: Resampling) -> Resampling:
    return Resampling(
        resampling.clusters, min(resampling.replicates, MOST_REPLICATES), resampling.key, resampling.workers,
        strata=resampling.strata,
    )  # fmt: skip


def _places(sample: Sample, attributes: Sequence[str]) -> list[int]:
    return [0, *(place for name in attributes for place in sample.groups.of(name))]


def _drawn(
    plans: Sequence[Plan], sample: Sample, places: Sequence[int], resampling: Resampling
) -> list[tuple[Values, Values]]:
    """(value, replicates) of each plan in each group."""
    metrics = [plan.metric for plan in plans]
    members = np.ascontiguousarray(sample.groups.members[list(places)])
    if not len(sample.rows):
        nothing = Values(np.zeros((1, len(places))), np.zeros((1, len(places)), np.bool_))
        none = Values(
            np.zeros((resampling.replicates, len(places))), np.zeros((resampling.replicates, len(places)), np.bool_)
        )
        return [(nothing, none) for _ in metrics]
    points = point_values(metrics, sample.rows, cluster=sample.cluster, groups=members)
    many = replicate_values(
        metrics, sample.rows, cluster=sample.cluster, groups=members, weights=resampling.weights,
        workers=resampling.workers,
    )  # fmt: skip
    return list(zip(points, many, strict=True))


@dataclass(frozen=True, slots=True)
class _Curve:
    """One plan under one cause; samples and values clean first, then by severity."""

    options: RobustnessOptions
    plan: Plan
    study: Disturbed
    cause: str
    severities: Sequence[int]
    samples: Sequence[Sample]
    places: Sequence[int]
    values: Sequence[tuple[Values, Values]]

    def estimates(self) -> Iterator[Estimate]:
        for at, place in enumerate(self.places):
            for number, severity in enumerate(self.severities, start=1):
                yield self._drop(at, place, number, severity)
        yield self._area()

    def _drop(self, at: int, place: int, number: int, severity: int) -> Estimate:
        sign = -1.0 if self.plan.metric.better == "lower" else 1.0
        (one, many), (other, others) = self.values[0], self.values[number]
        value = (
            sign * float(one.value[0, at] - other.value[0, at]) if one.defined[0, at] and other.defined[0, at] else None
        )
        drawn = Values(sign * (many.value[:, at] - others.value[:, at]), many.defined[:, at] & others.defined[:, at])
        interval, why = self._limits(value, drawn, place, number, sign)
        return self._named(place, number, DROP, value, interval, why, {"severity": float(severity)})

    def _limits(
        self, value: float | None, drawn: Values, place: int, number: int, sign: float
    ) -> tuple[Interval | None, str | None]:
        sample = self.samples[number]
        members = sample.groups.members[place]
        if value is None:
            return None, f"{self.plan.metric.title} is not defined here, clean or disturbed."
        if (clusters := distinct(sample.cluster[members])) < FEWEST_CLUSTERS:
            return None, f"{clusters_in_words(clusters, sample.resampled)}: limits need at least {FEWEST_CLUSTERS}."
        known = drawn.value[drawn.defined]
        missing = drawn.value.size - known.size
        if missing > MOST_UNDEFINED * drawn.value.size:
            return (
                None,
                f"undefined in {missing:,} of {drawn.value.size:,} replicates, more than 1%: there are too few cases.",
            )
        found = percentile(known, level=LEVEL)
        low, high, method = found.low, found.high, METHOD
        floor = self._tango(place, number, sign)
        if floor is not None:
            low, high, method = min(low, floor[0]), max(high, floor[1]), METHOD_OF_PROPORTIONS
        if not low < high:
            return None, "every replicate gives the same, so the limits would have no width."
        return Interval(
            low, high, LEVEL, method, replicates=drawn.value.size, undefined_replicates=missing,
            monte_carlo_error=found.monte_carlo_error,
        ), None  # fmt: skip

    def _tango(self, place: int, number: int, sign: float) -> tuple[float, float] | None:
        """Limits of a paired proportion on as many pairs as there are clusters; None of what is no proportion of the same rows."""
        clean, disturbed = self.samples[0], self.samples[number]
        metric: Metric = self.plan.metric
        if metric.fraction is None or not clean.is_beside(disturbed):
            return None
        members = clean.groups.members[place]
        try:
            table = paired_table(metric, (clean, disturbed), members)
            rows = table.rows
            pairs = min(distinct(clean.cluster[metric.fraction(clean.rows).denominator & members]), rows)
            limits = tango(_scaled(table, pairs / rows), level=LEVEL)
        except Undefined:
            return None
        low, high = float(limits.low), float(limits.high)
        return (low, high) if sign > 0 else (-high, -low)

    def _area(self) -> Estimate:
        """Mean of the measure over the severities from none to the worst, by the trapezoid rule on their numbers."""
        grid = np.array([0.0, *map(float, self.severities)])
        weight = np.zeros(grid.size)
        weight[:-1] += np.diff(grid) / 2
        weight[1:] += np.diff(grid) / 2
        weight /= grid[-1]
        defined = all(one.defined[0, 0] for one, _ in self.values)
        value = (
            float(sum(w * one.value[0, 0] for w, (one, _) in zip(weight, self.values, strict=True)))
            if defined
            else None
        )
        mean: Array = np.sum([w * many.value[:, 0] for w, (_, many) in zip(weight, self.values, strict=True)], axis=0)
        known: NDArray[np.bool_] = np.all([many.defined[:, 0] for _, many in self.values], axis=0)
        interval, why = None, None
        if value is None or (~known).mean() > MOST_UNDEFINED:
            why = f"{self.plan.metric.title} is not defined at every severity."
        else:
            found = percentile(mean[known], level=LEVEL)
            if found.low < found.high:
                interval = Interval(
                    found.low, found.high, LEVEL, METHOD, replicates=known.size, undefined_replicates=int((~known).sum()),
                    monte_carlo_error=found.monte_carlo_error,
                )  # fmt: skip
            else:
                why = "every replicate gives the same, so the limits would have no width."
        last = len(self.samples) - 1
        return self._named(0, last, AREA, value, interval, why, {"severities": float(len(self.severities))})

    def _named(
        self, place: int, number: int, kind: str, value: float | None, interval: Interval | None, why: str | None,
        condition: Mapping[str, float],
    ) -> Estimate:  # fmt: skip
        sample, cases = self.samples[number], self.study.clean
        members = sample.groups.members[place]
        stratum = sample.groups.stratum(place)
        pass_id = f"{self.cause}-{self.severities[number - 1]}"
        parts = [self.plan.endpoint, cases.model, self.cause if kind == AREA else pass_id]
        parts += [f"{attribute}={level}" for attribute, level in stratum.items()]
        unit = self.plan.metric.unit
        return Estimate(
            id="/".join([*parts, kind]),
            endpoint=self.plan.endpoint,
            metric=self.plan.name,
            model=cases.model,
            pass_id=pass_id,
            target=cases.target,
            stratum=stratum,
            contrast={"kind": kind, "against": "clean", "cause": self.cause},
            condition={**dict(self.plan.options), **condition},
            missing_rule=self.study.rule,
            value=value,
            interval=interval,
            n_cases=int(members.sum()),
            n_patients=distinct(sample.patient[members]),
            n_events=int((members & event_rows(self.plan, sample)).sum()) if len(sample.rows) else 0,
            n_failed=int(sample.failed[place]),
            unit=unit if kind == AREA else f"{unit}_difference",
            role="secondary",
            prespecified=self.plan.prespecified,
            status="undefined" if value is None else "too_few" if interval is None else "ok",
            reason=why,
        )


def _scaled(table: PairedTable, factor: float) -> PairedTable:
    """As many pairs as there are clusters, in the same proportions; whole numbers, and no discordant pair is rounded away."""
    discordant = [int(np.ceil(count * factor - 1e-9)) for count in (table.first_only, table.second_only)]
    both = round(table.both * factor)
    neither = max(round(table.rows * factor) - both - sum(discordant), 0)
    return PairedTable(both, discordant[0], discordant[1], neither)
