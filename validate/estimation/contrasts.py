"""Two models on the same cases: the paired difference of every endpoint, overall and by level, under every rule.

The difference is test less reference. Both models are resampled by the same weights, so what they share cancels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.errors import DataError, Undefined
from validate.estimation.adequacy import FEWEST_CLUSTERS
from validate.estimation.bootstrap import MOST_UNDEFINED, percentile
from validate.estimation.cases import Cases
from validate.estimation.estimate import Estimate, HypothesisTest, Interval
from validate.estimation.estimator import event_rows
from validate.estimation.fit import distinct
from validate.estimation.measured import defined
from validate.estimation.paired import PairedFit, paired_fit
from validate.estimation.plan import Plan, refuse_naive
from validate.estimation.replicates import Resampling
from validate.estimation.sample import RULES, Rule, Sample, measured_columns, sample_under
from validate.estimation.suppression import suppressed
from validate.estimation.threshold import conditions, threshold_of
from validate.metrics.metric import Values
from validate.metrics.replicates import point_values, replicate_values
from validate.protocol.model import Model
from validate.protocol.question import Comparison
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import MEASURED

LEVEL = 0.95
NI_WORST = "noninferiority_worst_case"  # failures wrong for the model under test, right for the one it is held against
RULE_PAIRS: Mapping[str, tuple[Rule, Rule]] = {
    "excluded": ("excluded", "excluded"),
    "best_case": ("best_case", "best_case"),
    "worst_case": ("worst_case", "worst_case"),
    NI_WORST: ("worst_case", "best_case"),
}
CLUSTERED = {"obuchowski", "bootstrap"}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models and an endpoint, with what the protocol declares of them, or None where it only shows them together."""

    test: Model
    reference: Model
    plan: Plan
    declared: Comparison | None

    @property
    def level(self) -> float:
        """Two-sided level of the limits: 1 - 2 · alpha."""
        return LEVEL if self.declared is None else 1.0 - 2.0 * self.declared.alpha_one_sided

    @property
    def method(self) -> str:
        """As declared; else Obuchowski for an AUROC and the bootstrap for all else. Never chosen from the data."""
        if self.declared is not None and self.declared.interval is not None:
            return self.declared.interval
        return "obuchowski" if "obuchowski" in self.plan.metric.intervals else "bootstrap"


def pairs_of(protocol: StudyProtocol, plans: Sequence[Plan]) -> tuple[Pair, ...]:
    """The declared comparisons in their order, then every other pair of models for every endpoint of the protocol.

    What is not declared of two models is taken in the direction of the first comparison that is, else the later less the earlier.
    """
    models = {model.id: model for model in protocol.models}
    by_endpoint = {plan.endpoint: plan for plan in plans if plan.role != "supporting"}
    declared = [
        Pair(models[one.test], models[one.reference], by_endpoint[one.endpoint], one) for one in protocol.comparisons
    ]
    taken = {(frozenset((pair.test.id, pair.reference.id)), pair.plan.endpoint) for pair in declared}
    ways = {frozenset((one.test, one.reference)): one for one in reversed(protocol.comparisons)}
    others = []
    for plan in by_endpoint.values():
        for first, second in combinations(protocol.models, 2):
            pair = frozenset((first.id, second.id))
            if (pair, plan.endpoint) not in taken:
                way = ways.get(pair)
                test, reference = (models[way.test], models[way.reference]) if way is not None else (second, first)
                others.append(Pair(test, reference, plan, None))
    return (*declared, *others)


def contrasts(
    protocol: StudyProtocol, pair: Pair, test: Cases, reference: Cases, *, shared: SharedDraws
) -> Iterator[Estimate]:
    """Under the locked rule overall and in every group, then overall under the other rules.

    Raises DataError where the two models were not given the same cases, or a naive interval meets clustered rows.
    """
    _refuse_other_cases(test, reference)
    rows, clusters = test.cluster.size, distinct(test.cluster)
    if pair.method not in CLUSTERED:
        refuse_naive(
            {"delong": "delong", "tango": "wilson", "newcombe": "wilson"}[pair.method],
            rows=rows, clusters=clusters, where=f"comparisons: '{pair.plan.endpoint}'",
        )  # fmt: skip
    locked = RULES[protocol.cohort.on_unreadable], RULES[protocol.inference.on_failure]
    label = protocol.inference.on_failure
    if pair.plan.outputs_only:
        excluded = _under(pair, test, reference, ("excluded",) * 4, "outputs_only", shared, strata=True)
        yield from (suppressed(protocol, one) for one in excluded)
        return
    found = _under(pair, test, reference, (*locked, *locked), label, shared, strata=True)
    yield from (suppressed(protocol, one) for one in found)
    for rule, (mine, theirs) in RULE_PAIRS.items():
        if (mine, theirs) != locked or mine != theirs:
            rules = (mine, mine, theirs, theirs)
            yield from _under(pair, test, reference, rules, rule, shared, strata=False, suffix=f"missing={rule}")


def _under(
    pair: Pair, test: Cases, reference: Cases, rules: tuple[Rule, ...], label: str, shared: SharedDraws,
    *, strata: bool, suffix: str = "",
) -> Iterator[Estimate]:  # fmt: skip
    if test.measures is not None and test.marked is None:
        test, reference = _both_defined(test, reference, pair.plan.metric.needs, rules)
    if "excluded" in rules:
        test, reference = _left_out_together(test, reference, rules)
    samples = (
        _sample(pair.test, pair, test, rules[0], rules[1], strata=strata),
        _sample(pair.reference, pair, reference, rules[2], rules[3], strata=strata),
    )
    groups = samples[0].groups
    for place, numbers in enumerate(_numbers(pair, samples, shared, (rules, strata))):
        stratum = groups.stratum(place)
        yield _estimate(pair, test, samples, numbers, place, stratum, label, suffix)


def _left_out_together(test: Cases, reference: Cases, rules: tuple[Rule, ...]) -> tuple[Cases, Cases]:
    """A pair of which one half is left out is no pair; a failure that counts is its own model's alone."""

    def of(cases: Cases, other: Cases) -> Cases:
        unreadable, failed = cases.unreadable, cases.failed & ~cases.unreadable
        if "excluded" in (rules[0], rules[2]):
            unreadable = unreadable | other.unreadable
        if "excluded" in (rules[1], rules[3]):
            failed = failed | (other.failed & ~other.unreadable)
        return replace(cases, unreadable=unreadable, failed=unreadable | failed)

    return of(test, reference), of(reference, test)


def _both_defined(test: Cases, reference: Cases, needs: Sequence[str], rules: tuple[Rule, ...]) -> tuple[Cases, Cases]:
    """A case that one of the two has no value of is no pair."""
    columns = (
        measured_columns(test, needs, unreadable=rules[0], failure=rules[1]),
        measured_columns(reference, needs, unreadable=rules[2], failure=rules[3]),
    )
    left_out = ~(defined(columns[0]) & defined(columns[1]))
    return replace(test, left_out=left_out), replace(reference, left_out=left_out)


@dataclass(frozen=True, slots=True)
class SharedDraws:
    """Replicates of all resampled differences of one pass and target: what is asked for together is drawn together."""

    resampling: Resampling
    pairs: tuple[Pair, ...]
    kept: dict[Any, dict[str, Values]] = field(default_factory=dict)
    further: list[SharedDraws] = field(default_factory=list)

    def values(self, pair: Pair, samples: tuple[Sample, Sample], rules: Any) -> list[Values]:
        """Of the pair's metric for both models, all endpoints of these models, rules and options in one sweep."""
        found = []
        for model, other, sample in zip((pair.test, pair.reference), (pair.reference, pair.test), samples, strict=True):
            needs = pair.plan.metric.needs if pair.plan.metric.tasks & MEASURED else ()
            partner = other.id if "excluded" in rules[0] or needs else None
            key = (model.id, partner, rules, model.id == pair.test.id, tuple(sorted(pair.plan.options.items())), needs)
            if key not in self.kept:
                self.kept[key] = self._drawn(pair, sample)
            found.append(self.kept[key][pair.plan.name])
        return found

    def more(self) -> SharedDraws | None:
        """The same with twice the replicates, the first half of them the same; None where the lock allows no more."""
        doubled = self.resampling.doubled()
        if doubled is not None and not self.further:
            self.further.append(SharedDraws(doubled, self.pairs))
        return self.further[0] if self.further else None

    def _drawn(self, pair: Pair, sample: Sample) -> dict[str, Values]:
        alike = {
            one.plan.name: one.plan.metric for one in self.pairs
            if one.method == "bootstrap" and one.plan.options == pair.plan.options
            and (pair.plan.metric.needs == one.plan.metric.needs or not pair.plan.metric.tasks & MEASURED)
            and one.plan.outputs_only == pair.plan.outputs_only and {one.test.id, one.reference.id} & {pair.test.id, pair.reference.id}
        }  # fmt: skip
        values = replicate_values(
            list(alike.values()), sample.rows, cluster=sample.cluster, groups=sample.groups.members,
            weights=self.resampling.weights, workers=self.resampling.workers,
        )  # fmt: skip
        return dict(zip(alike, values, strict=True))


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Of one group."""

    difference: float | None
    interval: Interval | None
    test: HypothesisTest | None
    reason: str | None


def _numbers(pair: Pair, samples: tuple[Sample, Sample], shared: SharedDraws, rules: Any) -> list[_Numbers]:
    members = samples[0].groups.members
    if not len(samples[0].rows):
        return [_Numbers(None, None, None, "there is no row with an output of both models.")] * members.shape[0]
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
            found.append(_Numbers(None, None, None, why))
            continue
        difference = float(points[0].value[0, place] - points[1].value[0, place])
        interval, test, reason = _limits(pair, samples, place, drawn)
        found.append(_Numbers(difference, interval, test, reason))
    more = shared.more() if drawn is not None and _unsettled(pair, found[0].interval, shared.resampling) else None
    return found if more is None else _numbers(pair, samples, more, rules)


def _unsettled(pair: Pair, interval: Interval | None, resampling: Resampling) -> bool:
    """Whether a limit of the declared difference lies too near to its margin for so many replicates to tell on which side."""
    if pair.declared is None or interval is None or interval.monte_carlo_error is None:
        return False
    edges = [-shift for shift, _ in _nulls(pair)]
    near = resampling.settle * interval.monte_carlo_error
    return any(abs(limit - edge) < near for limit in (interval.low, interval.high) for edge in edges)


def _limits(
    pair: Pair, samples: tuple[Sample, Sample], place: int, drawn: list[Values] | None
) -> tuple[Interval | None, HypothesisTest | None, str | None]:
    members = samples[0].groups.members[place]
    clusters = distinct(samples[0].cluster[members])
    if clusters < FEWEST_CLUSTERS:
        return None, None, f"{clusters} patients: limits of a difference need at least {FEWEST_CLUSTERS}."
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
    ps = [fit.p(-shift, upward=upward) for shift, upward in _nulls(pair)]
    margin = pair.declared.margin or 0.0
    return HypothesisTest(pair.declared.hypothesis, margin, pair.declared.alpha_one_sided, max(ps), fit.method)


def _resampled_test(pair: Pair, values: NDArray[np.float64]) -> HypothesisTest | None:
    """P as the share of replicates on the wrong side of the null, itself counted: never 0."""
    if pair.declared is None:
        return None
    ps = []
    for shift, upward in _nulls(pair):
        wrong = values <= -shift if upward else values >= -shift
        ps.append((1 + int(wrong.sum())) / (1 + values.size))
    margin = pair.declared.margin or 0.0
    return HypothesisTest(pair.declared.hypothesis, margin, pair.declared.alpha_one_sided, max(ps), "bootstrap_paired")


def _nulls(pair: Pair) -> list[tuple[float, bool]]:
    """(shift, upward): the nulls to refute are "difference ≤ -shift" (upward) or "difference ≥ -shift"."""
    assert pair.declared is not None
    margin, higher = pair.declared.margin or 0.0, pair.plan.metric.better != "lower"
    if pair.declared.hypothesis == "equivalence":
        return [(margin, True), (-margin, False)]
    shift = margin if pair.declared.hypothesis == "noninferiority" else -margin
    return [(shift, True)] if higher else [(-shift, False)]


def _sample(model: Model, pair: Pair, cases: Cases, unreadable: Rule, failure: Rule, *, strata: bool) -> Sample:
    threshold = threshold_of(model, cases.target)
    condition = {**conditions(threshold), **pair.plan.options}
    chosen = cases if strata else replace(cases, groups=cases.groups.overall)
    return sample_under(
        chosen, unreadable=unreadable, failure=failure, threshold=threshold, condition=condition,
        needs=pair.plan.metric.needs,
    )  # fmt: skip


def _estimate(
    pair: Pair, cases: Cases, samples: tuple[Sample, Sample], numbers: _Numbers, place: int,
    stratum: Mapping[str, str], label: str, suffix: str,
) -> Estimate:  # fmt: skip
    sample, members = samples[0], samples[0].groups.members[place]
    parts = [pair.plan.endpoint, pair.test.id, cases.pass_id, f"minus={pair.reference.id}"]
    parts += [f"{attribute}={level}" for attribute, level in stratum.items()]
    return Estimate(
        id="/".join([*parts, suffix] if suffix else parts),
        endpoint=pair.plan.endpoint,
        metric=pair.plan.name,
        model=pair.test.id,
        pass_id=cases.pass_id,
        target=cases.target,
        stratum=stratum,
        contrast={"kind": "difference", "against": pair.reference.id},
        condition=dict(pair.plan.options),
        missing_rule=label,
        value=numbers.difference,
        interval=numbers.interval,
        n_cases=sample.cases(members),
        n_patients=distinct(sample.patient[members]),
        n_events=int((members & event_rows(pair.plan, sample)).sum()),
        n_failed=int(max(samples[0].failed[place], samples[1].failed[place])),
        unit=f"{pair.plan.metric.unit.removesuffix('_difference')}_difference",
        role=pair.declared.role if pair.declared is not None else "secondary",
        prespecified=pair.plan.prespecified,
        status="undefined" if numbers.difference is None else "too_few" if numbers.interval is None else "ok",
        reason=numbers.reason,
        test=numbers.test,
    )


def _refuse_other_cases(test: Cases, reference: Cases) -> None:
    same = test.cluster.size == reference.cluster.size and bool(
        (test.cluster == reference.cluster).all()
        and (test.positive == reference.positive).all()
        and (test.true is None or reference.true is None or (test.true == reference.true).all())
    )
    if not same:
        raise DataError(
            f"comparisons: models '{test.model}' and '{reference.model}' were not given the same cases "
            f"({test.cluster.size:,} and {reference.cluster.size:,} labelled rows). A paired comparison needs both models on "
            "every case; a case that fails must be a row with its reason."
        )
