"""Two models on the same cases: the paired difference of every endpoint, overall and by level, under every rule.

The difference is test less reference. Both models are resampled by the same weights, so what they share cancels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from validate.errors import DataError
from validate.estimation.cases import Cases
from validate.estimation.estimate import Estimate
from validate.estimation.estimator import event_rows
from validate.estimation.fit import distinct
from validate.estimation.measured import defined
from validate.estimation.pair import Pair
from validate.estimation.paired_numbers import CLUSTERED, PairedNumbers, paired_numbers
from validate.estimation.plan import refuse_naive
from validate.estimation.sample import RULES, Rule, Sample, measured_columns, sample_under
from validate.estimation.shared_draws import SharedDraws
from validate.estimation.suppression import suppressed
from validate.estimation.threshold import conditions, threshold_of
from validate.protocol.model import Model
from validate.protocol.schema import StudyProtocol

NI_WORST = "noninferiority_worst_case"  # failures wrong for the model under test, right for the one it is held against
RULE_PAIRS: Mapping[str, tuple[Rule, Rule]] = {
    "excluded": ("excluded", "excluded"),
    "best_case": ("best_case", "best_case"),
    "worst_case": ("worst_case", "worst_case"),
    NI_WORST: ("worst_case", "best_case"),
}


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
    for place, numbers in enumerate(paired_numbers(pair, samples, shared, (rules, strata))):
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


def _sample(model: Model, pair: Pair, cases: Cases, unreadable: Rule, failure: Rule, *, strata: bool) -> Sample:
    threshold = threshold_of(model, cases.target)
    condition = {**conditions(threshold), **pair.plan.options}
    chosen = cases if strata else replace(cases, groups=cases.groups.overall)
    return sample_under(
        chosen, unreadable=unreadable, failure=failure, threshold=threshold, condition=condition,
        needs=pair.plan.metric.needs,
    )  # fmt: skip


def _estimate(
    pair: Pair, cases: Cases, samples: tuple[Sample, Sample], numbers: PairedNumbers, place: int,
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
