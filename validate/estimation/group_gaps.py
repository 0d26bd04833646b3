"""Groups of patients against a reference group: differences and ratios, by the replicates that all numbers share.

The family over which limits hold at once is every group of every attribute that the protocol compares on one endpoint and
model (largest |t| of the bootstrap, never below Šidák's; estimation.simultaneous). Only these limits may decide. How they are
made: estimation.gap_limits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from validate.errors import DataError
from validate.estimation.adequacy import FEWEST_CLUSTERS
from validate.estimation.cases import Cases
from validate.estimation.cluster_words import clusters_in_words
from validate.estimation.estimate import Estimate, Interval
from validate.estimation.estimator import event_rows
from validate.estimation.fit import distinct
from validate.estimation.gap_limits import LEVEL, NO_WIDTH, GapLimits, SidesLimits
from validate.estimation.groups import Groups
from validate.estimation.plan import Plan
from validate.estimation.replicates import Resampling
from validate.estimation.sample import Sample
from validate.estimation.simultaneous import simultaneous_level
from validate.metrics.metric import Array, Values
from validate.metrics.replicates import point_values, replicate_values
from validate.protocol.fairness import LARGEST, FairnessOptions
from validate.protocol.scanner_shift import ScannerShiftOptions
from validate.results.levels import MISSING

DIFFERENCE, RATIO = "group_difference", "group_ratio"
REST, OTHERS = "rest_difference", "all others"


@dataclass(frozen=True, slots=True)
class _Pair:
    """Places of a group and of the reference group of its attribute."""

    attribute: str
    group: int
    reference: int


def group_gaps(
    options: FairnessOptions, plans: Sequence[Plan], cases: Cases, sample: Sample, resampling: Resampling, *, rule: str
) -> Iterator[Estimate]:
    """For each of the plans that the options name: difference and ratio of every group but the reference.

    Raises DataError where a named reference group is not there.
    """
    pairs = [pair for attribute in options.attributes for pair in _pairs(options, sample, attribute)]
    yield from _gaps(options, pairs, plans, cases, sample, resampling, rule=rule)


def rest_gaps(
    options: ScannerShiftOptions, plans: Sequence[Plan], cases: Cases, sample: Sample, resampling: Resampling, *, rule: str
) -> Iterator[Estimate]:  # fmt: skip
    """The difference of every level from all other cases, for each of the plans that the options name."""
    groups = sample.groups
    pairs: list[_Pair] = []
    rests: list[tuple[str, NDArray[np.bool_]]] = []
    for attribute in options.attributes:
        for place in groups.of(attribute):
            if groups.levels[place] != MISSING and not groups.members[place].all():
                pairs.append(_Pair(attribute, place, len(groups.levels) + len(rests)))
                rests.append((attribute, ~groups.members[place]))
    if not pairs:
        return
    wider = Groups(
        (*groups.attributes, *(attribute for attribute, _ in rests)), (*groups.levels, *(OTHERS for _ in rests)),
        np.concatenate([groups.members, np.stack([members for _, members in rests])]),
    )  # fmt: skip
    failed = np.concatenate([sample.failed, np.zeros(len(rests), np.int64)])
    found = replace(sample, groups=wider, failed=failed)
    for one in _gaps(options, pairs, plans, cases, found, resampling, rule=rule):
        assert one.contrast is not None
        if one.contrast["kind"] == DIFFERENCE:
            yield replace(one, contrast={**one.contrast, "kind": REST})


def _gaps(
    options: FairnessOptions | ScannerShiftOptions, pairs: Sequence[_Pair], plans: Sequence[Plan], cases: Cases, sample: Sample,
    resampling: Resampling, *, rule: str,
) -> Iterator[Estimate]:  # fmt: skip
    asked = [plan for plan in plans if plan.endpoint in options.endpoints]
    if not asked or not pairs or not len(sample.rows):
        return
    metrics, members = [plan.metric for plan in asked], sample.groups.members
    points = point_values(metrics, sample.rows, cluster=sample.cluster, groups=members)
    drawn = replicate_values(
        metrics,
        sample.rows,
        cluster=sample.cluster,
        groups=members,
        weights=resampling.weights,
        workers=resampling.workers,
    )
    for plan, point, values in zip(asked, points, drawn, strict=True):
        yield from _Gaps(options, plan, cases, sample, rule, pairs, point, values).estimates()


def reference_level(options: FairnessOptions, sample: Sample, attribute: str) -> int | None:
    """Place of the group that the others are held against; None where the attribute has no known level."""
    groups = sample.groups
    known = [place for place in groups.of(attribute) if groups.levels[place] != MISSING]
    if not known:
        return None
    if options.reference == LARGEST:
        return max(known, key=lambda place: distinct(sample.patient[groups.members[place]]))
    assert isinstance(options.reference, dict)
    wanted = options.reference[attribute]
    found = next((place for place in known if groups.levels[place] == wanted), None)
    if found is None:
        there = ", ".join(str(groups.levels[place]) for place in known)
        raise DataError(
            f"analyses: fairness: no group '{wanted}' of {attribute} to hold the others against; there are {there}."
        )
    return found


def _pairs(options: FairnessOptions, sample: Sample, attribute: str) -> list[_Pair]:
    reference, groups = reference_level(options, sample, attribute), sample.groups
    if reference is None:
        return []
    others = [place for place in groups.of(attribute) if place != reference and groups.levels[place] != MISSING]
    return [_Pair(attribute, place, reference) for place in others]


@dataclass(frozen=True, slots=True)
class _Gaps:
    """One plan on one sample."""

    options: FairnessOptions | ScannerShiftOptions
    plan: Plan
    cases: Cases
    sample: Sample
    rule: str
    pairs: Sequence[_Pair]
    point: Values
    drawn: Values

    def estimates(self) -> Iterator[Estimate]:
        """Difference and ratio of each pair."""
        sides = SidesLimits(self.plan, self.sample, self.point, self.drawn)
        reasons = [self._why_not(pair, sides) for pair in self.pairs]
        differences = self._contrast(lambda one, other: one - other)
        together = simultaneous_level(
            differences[1], differences[0], list(range(len(self.pairs))),
            np.array([reason is None for reason in reasons], np.bool_), level=LEVEL,
        )  # fmt: skip
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = self._contrast(lambda one, other: one / other)
        for place, (pair, reason) in enumerate(zip(self.pairs, reasons, strict=True)):
            if reason is not None:  # a side without rows has nothing that limits could be made of
                yield self._estimate(pair, DIFFERENCE, differences, place, reason, None)
                yield self._estimate(pair, RATIO, ratios, place, reason, None)
                continue
            limits = sides.difference(pair.group, pair.reference, differences[1], place)
            yield self._estimate(pair, DIFFERENCE, differences, place, limits, together)
            limits = sides.ratio(pair.group, pair.reference, ratios[1], place)
            yield self._estimate(pair, RATIO, ratios, place, limits, None)

    def _contrast(self, of: Callable[[Array, Array], Array]) -> tuple[Values, Values]:
        """(1, pair) and (replicate, pair)."""
        groups = [pair.group for pair in self.pairs]
        references = [pair.reference for pair in self.pairs]

        def contrast(values: Values) -> Values:
            found = of(values.value[:, groups], values.value[:, references])
            defined = values.defined[:, groups] & values.defined[:, references] & np.isfinite(found)
            return Values(np.where(defined, found, 0.0), defined)

        return contrast(self.point), contrast(self.drawn)

    def _why_not(self, pair: _Pair, sides: SidesLimits) -> str | None:
        """Why this pair is not compared: one of the two is too small, or has no value."""
        for place in (pair.group, pair.reference):
            level, members = self.sample.groups.levels[place], self.sample.groups.members[place]
            events = int((members & event_rows(self.plan, self.sample)).sum())
            clusters = distinct(self.sample.cluster[members])
            if not self.point.defined[0, place]:
                return f"{self.plan.metric.title} is not defined where {pair.attribute} is {level}."
            if events < self.options.min_events:
                return f"{events} events where {pair.attribute} is {level}, fewer than {self.options.min_events}."
            if clusters < FEWEST_CLUSTERS:
                few = clusters_in_words(clusters, self.sample.resampled)
                return f"{few} where {pair.attribute} is {level}: limits need at least {FEWEST_CLUSTERS}."
            if (short := sides.too_few(place)) is not None:
                return f"Where {pair.attribute} is {level}: {short}"
        return None

    def _estimate(
        self,
        pair: _Pair,
        kind: str,
        values: tuple[Values, Values],
        place: int,
        limits: GapLimits | str,
        together: float | None,
    ) -> Estimate:
        """Limits : or why the two are not compared"""
        groups, sample = self.sample.groups, self.sample
        level, reference = str(groups.levels[pair.group]), str(groups.levels[pair.reference])
        members = groups.members[pair.group]
        value = float(values[0].value[0, place]) if values[0].defined[0, place] else None
        interval: Interval | None = None
        why: str | None
        if isinstance(limits, str):
            why = limits
        elif value is not None:
            interval, why = _interval(limits, values[1], place, together)
        else:
            why = f"{self.plan.metric.title} is 0 in the reference group, so there is no ratio."
        mark = "minus" if kind == DIFFERENCE else "over"
        return Estimate(
            id=f"{self.plan.endpoint}/{self.cases.model}/{self.cases.pass_id}/{pair.attribute}={level}/{mark}={reference}",
            endpoint=self.plan.endpoint,
            metric=self.plan.name,
            model=self.cases.model,
            pass_id=self.cases.pass_id,
            target=self.cases.target,
            stratum={pair.attribute: level},
            contrast={"kind": kind, "against": f"{pair.attribute}={reference}"},
            condition=dict(self.plan.options),
            missing_rule=self.rule,
            value=value,
            interval=interval,
            n_cases=sample.cases(members),
            n_patients=distinct(sample.patient[members]),
            n_events=int((members & event_rows(self.plan, sample)).sum()),
            n_failed=int(sample.failed[pair.group]),
            unit=f"{self.plan.metric.unit}_difference" if kind == DIFFERENCE else "ratio",
            role="secondary",
            prespecified=self.plan.prespecified,
            status="undefined" if value is None else "too_few" if interval is None else "ok",
            reason=why,
        )


def _interval(
    limits: GapLimits, drawn: Values, place: int, together: float | None
) -> tuple[Interval | None, str | None]:
    if limits.at is None:
        return None, limits.problem
    found, total = limits.at(LEVEL), drawn.value.shape[0]
    wide = None if together is None else limits.at(together)
    if found is None or (together is not None and wide is None):
        which = "limits" if found is None else "limits that hold for all groups at once"
        return (
            None,
            f"{which} lie beyond all of {total:,} replicates: it takes more of them, or more cases in each group.",
        )
    if not found.low < found.high:
        return None, NO_WIDTH
    return Interval(
        found.low, found.high, LEVEL, limits.method,
        replicates=total if limits.replicates else None,
        undefined_replicates=total - int(drawn.defined[:, place].sum()) if limits.replicates else None,
        monte_carlo_error=found.monte_carlo_error if limits.replicates else None,
        simultaneous_low=None if wide is None else min(wide.low, found.low),
        simultaneous_high=None if wide is None else max(wide.high, found.high),
    ), None  # fmt: skip
