"""Every estimate of one model in one pass, of one target: endpoints overall and in every stratum, under every rule for what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from validate.errors import ProtocolError
from validate.estimation.cases import Cases
from validate.estimation.drops import Disturbed, drops
from validate.estimation.estimate import Estimate
from validate.estimation.estimator import Numbers, estimate_sample
from validate.estimation.group_gaps import group_gaps, rest_gaps
from validate.estimation.plan import Plan, refuse_naive, supporting
from validate.estimation.replicates import Resampling
from validate.estimation.restated import RESTATED, restated
from validate.estimation.sample import RULES, Rule, Sample, sample_under
from validate.estimation.suppression import suppressed
from validate.estimation.threshold import Threshold, conditions, threshold_of
from validate.protocol.fairness import fairness_of
from validate.protocol.model import Model
from validate.protocol.passes import CLEAN
from validate.protocol.robustness import RobustnessOptions, robustness_of, severity_of
from validate.protocol.scanner_shift import scanner_shift_of
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import headline

OTHERS: tuple[Rule, ...] = ("excluded", "best_case", "worst_case")
OUTPUTS_ONLY = "outputs_only"
RULES_OF_OUTPUTS: tuple[Rule, Rule] = ("excluded", "excluded")


@dataclass(frozen=True, slots=True)
class Names:
    """What an estimate is called, apart from its numbers."""

    cases: Cases
    plan: Plan
    condition: Mapping[str, float]
    rule: str
    stratum: Mapping[str, str]
    failed: int
    suffix: str = ""

    @property
    def id(self) -> str:
        """Such as "auroc/candidate/clean/sex=F": the same in every run of one protocol."""
        parts = [self.plan.endpoint, self.cases.model, self.cases.pass_id]
        parts += [f"{attribute}={level}" for attribute, level in self.stratum.items()]
        return "/".join([*parts, self.suffix] if self.suffix else parts)


@dataclass(frozen=True, slots=True)
class PassEstimates:
    """One model, pass and target.    resampling : that all numbers of the study share"""

    protocol: StudyProtocol
    model: Model
    plans: tuple[Plan, ...]
    cases: Cases
    resampling: Resampling

    def estimates(self) -> Iterator[Estimate]:
        locked = self._locked_rules()
        plans = self._possible()
        for plan in plans:
            self._refuse_naive(plan)
        label = self.protocol.inference.on_failure
        if self.cases.pass_id != CLEAN.id:
            plans = self._disturbed(plans)
        scored = [plan for plan in plans if not plan.outputs_only and not plan.overall_only]
        yield from self._under(scored, locked, label, strata=True)
        yield from self._under([plan for plan in plans if plan.overall_only], locked, label)
        yield from self._under(
            [plan for plan in plans if plan.outputs_only], ("excluded",) * 2, OUTPUTS_ONLY, strata=True
        )
        if self.cases.pass_id != CLEAN.id:
            return
        for rule in OTHERS:
            if (rule, rule) != locked:
                yield from self._under(scored, (rule, rule), rule, suffix=f"missing={rule}")
        yield from self._restated(locked, label)
        yield from self._gaps(plans, locked, label)

    def _disturbed(self, plans: list[Plan]) -> list[Plan]:
        """What is estimated of a pass besides the clean one."""
        options = robustness_of(self.protocol)
        named = [plan for plan in plans if plan.role != "supporting"]
        if options is None or severity_of(self.cases.pass_id) is None:
            return named
        return [plan for plan in named if plan.endpoint in options.endpoints]

    def drops(self, options: RobustnessOptions, passes: Mapping[str, Cases]) -> Iterator[Estimate]:
        """Of the clean pass and the disturbed ones; self is the study of the clean one."""
        plans = [plan for plan in self._possible() if plan.endpoint in options.endpoints and plan.role != "supporting"]
        for only, rules, rule in (
            (False, self._locked_rules(), self.protocol.inference.on_failure),
            (True, RULES_OF_OUTPUTS, OUTPUTS_ONLY),
        ):
            for condition, group in self._by_condition([plan for plan in plans if plan.outputs_only is only]):
                study = Disturbed(self.cases, passes, rules, rule, self.threshold, condition, options.strata)
                yield from (suppressed(self.protocol, one) for one in drops(options, group, study, self.resampling))

    def _under(
        self, plans: Sequence[Plan], rules: tuple[Rule, Rule], label: str, *, strata: bool = False, suffix: str = ""
    ) -> Iterator[Estimate]:
        """Plans of one condition go through the kernel together. strata : the levels of attributes too"""
        for condition, group in self._by_condition(plans):
            sample = self._sample(rules, condition, strata=strata, needs=group[0].metric.needs)
            together = strata and self.cases.pass_id == CLEAN.id
            numbers = estimate_sample(
                group, sample, model=self.model.id, resampling=self.resampling, simultaneous=together
            )
            for plan, of_plan in zip(group, numbers, strict=True):
                shown = {
                    key: value for key, value in condition.items() if key in {*plan.metric.condition, *plan.options}
                }
                for place, one in enumerate(of_plan):
                    stratum, failed = sample.groups.stratum(place), int(sample.failed[place])
                    yield self._named(Names(self.cases, plan, shown, label, stratum, failed, suffix), one)

    def _restated(self, rules: tuple[Rule, Rule], label: str) -> Iterator[Estimate]:
        stated = self.protocol.cohort.prevalence
        if stated is None or self.model.operating_point is None or self.cases.target != headline(self.protocol).name:
            return
        sample = self._sample(rules, {}, strata=False)
        for plan in self._predictive():
            for prevalence in stated.values:
                if 0 < prevalence < 1:
                    short = plan.name.rpartition(".")[2]
                    condition = {**conditions(self.threshold), "prevalence": prevalence}
                    numbers = restated(short, sample, prevalence=prevalence, level=plan.level)
                    suffix = f"prevalence={prevalence:g}"
                    names = Names(self.cases, plan, condition, label, {}, int(sample.failed[0]), suffix)
                    yield replace(self._named(names, numbers), flags=())

    def _gaps(self, plans: Sequence[Plan], locked: tuple[Rule, Rule], label: str) -> Iterator[Estimate]:
        """Groups against a reference group, where the protocol asks for them: under the locked rule only."""
        options, scanners = fairness_of(self.protocol), scanner_shift_of(self.protocol)
        asked = {*(options.endpoints if options else ()), *(scanners.endpoints if scanners else ())}
        for only, rules, rule in ((False, locked, label), (True, RULES_OF_OUTPUTS, OUTPUTS_ONLY)):
            chosen = [plan for plan in plans if plan.outputs_only is only and plan.endpoint in asked]
            for condition, group in self._by_condition(chosen):
                sample = self._sample(rules, condition, strata=True, needs=group[0].metric.needs)
                of = self.cases, sample, self.resampling
                found = () if options is None else group_gaps(options, group, *of, rule=rule)
                yield from (suppressed(self.protocol, one) for one in found)
                rest = () if scanners is None else rest_gaps(scanners, group, *of, rule=rule)
                yield from (suppressed(self.protocol, one) for one in rest)

    def _predictive(self) -> list[Plan]:
        """PPV and NPV: the endpoints, and as supporting where they are none."""
        names = {f"classification.{short}" for short in RESTATED}
        planned = [plan for plan in self.plans if plan.name in names]
        return [*planned, *supporting(self.protocol, self.plans, tuple(RESTATED))]

    def _named(self, names: Names, numbers: Numbers) -> Estimate:
        plan = names.plan
        enriched = plan.metric.prevalence_dependent and self.protocol.cohort.sampling == "enriched"
        estimate = Estimate(
            id=names.id,
            endpoint=plan.endpoint,
            metric=plan.name,
            model=self.cases.model,
            pass_id=self.cases.pass_id,
            target=self.cases.target,
            stratum=names.stratum,
            condition=names.condition,
            missing_rule=names.rule,
            value=numbers.value,
            interval=numbers.interval,
            numerator=numbers.numerator,
            denominator=numbers.denominator,
            n_cases=numbers.n_cases,
            n_patients=numbers.n_patients,
            n_events=numbers.n_events,
            n_failed=names.failed,
            unit=plan.metric.unit,
            role=plan.role,
            prespecified=plan.prespecified,
            status=numbers.status,
            reason=numbers.reason,
            flags=(*numbers.flags, *(("enriched_prevalence",) if enriched else ())),
        )
        return suppressed(self.protocol, estimate)

    def _sample(
        self, rules: tuple[Rule, Rule], condition: Mapping[str, float], *, strata: bool, needs: Sequence[str] = ()
    ) -> Sample:
        threshold = self.threshold
        cases = self.cases if strata else replace(self.cases, groups=self.cases.groups.overall)
        return sample_under(
            cases, unreadable=rules[0], failure=rules[1], threshold=threshold, condition=condition, needs=needs
        )

    @property
    def threshold(self) -> Threshold | None:
        """What flags a case, where a threshold does."""
        return threshold_of(self.model, self.cases.target)

    def _locked_rules(self) -> tuple[Rule, Rule]:
        """For files that could not be read, and for models that failed."""
        return RULES[self.protocol.cohort.on_unreadable], RULES[self.protocol.inference.on_failure]

    def _possible(self) -> list[Plan]:
        """Plans whose operating point is known; an endpoint without one is an error, a supporting metric is left out."""
        plans = []
        for plan in self.plans:
            if "threshold" not in plan.metric.condition or self.model.operating_point is not None:
                plans.append(plan)
            elif plan.role != "supporting":
                raise ProtocolError(
                    f"endpoints: '{plan.endpoint}' ({plan.name}) needs models.{self.model.id}.operating_point: "
                    "{threshold, source}. There is none."
                )
        return plans

    def _by_condition(self, plans: Sequence[Plan]) -> list[tuple[dict[str, float], list[Plan]]]:
        base = conditions(self.threshold)
        grouped: dict[Any, list[Plan]] = {}
        for plan in plans:  # rows with one measure need not have another: such plans have samples of their own
            needs = plan.metric.needs if self.cases.measures is not None else ()
            grouped.setdefault((tuple(sorted(plan.options.items())), needs), []).append(plan)
        return [({**base, **dict(options)}, group) for (options, _), group in grouped.items()]

    def _refuse_naive(self, plan: Plan) -> None:
        clusters = len(set(self.cases.cluster.tolist()))
        refuse_naive(
            plan.method, rows=self.cases.cluster.size, clusters=clusters, where=f"endpoints: '{plan.endpoint}'"
        )
