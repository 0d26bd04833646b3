"""What is to be estimated: one plan per endpoint, with the interval that was locked for it and the goals it faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from validate.errors import DataError, ProtocolError
from validate.metrics.metric import Metric
from validate.protocol.question import Criterion, Endpoint
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import MEASURED, headline, target_named
from validate.registry import load

LEVEL = 0.95
RATIOS = (
    "positive_likelihood_ratio",
    "negative_likelihood_ratio",
)  # of what is true: against a comparator they say nothing
# Always computed: the report's "per 1,000 patients" needs the first three, and the table at the operating point all but the first.
SUPPORTING = ("auroc", "sensitivity", "specificity", *RATIOS)
ONE_ROW_PER_CLUSTER = frozenset({"delong", "delong_logit", "wilson", "clopper_pearson", "jeffreys"})
CLUSTERED_INSTEAD = {
    "delong": "obuchowski",
    "delong_logit": "obuchowski",
    "clopper_pearson": "clopper_pearson_effective_n",
    "jeffreys": "jeffreys_effective_n",
}


@dataclass(frozen=True, slots=True)
class Goal:
    """attribute is None for the overall estimate, else the one whose levels are judged."""

    value: float
    at_least: bool
    attribute: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """target : the class, finding or step that it is of (protocol.targets)
    method : as the protocol names it, with the kind of a bootstrap: "bootstrap" is percentile, "bootstrap_bca", …"""

    endpoint: str
    name: str
    metric: Metric
    role: str
    method: str
    level: float = LEVEL
    options: Mapping[str, float] = field(default_factory=dict)
    prespecified: bool = True
    goals: tuple[Goal, ...] = ()
    target: str = ""

    @property
    def resampled(self) -> bool:
        """Whether the interval comes from the bootstrap."""
        return self.method.startswith("bootstrap")

    @property
    def overall_only(self) -> bool:
        """Whether it is estimated over all cases alone, under the locked rule: the ratios that nobody made an endpoint."""
        return self.role == "supporting" and self.name.rpartition(".")[2] in RATIOS

    @property
    def outputs_only(self) -> bool:
        """Whether failed rows never enter, whatever the rule."""
        return self.metric.failures == "outputs_only"

    def goal(self, attribute: str | None, model: str) -> Goal | None:
        """The goal nearest to 0 or 1 that estimates of this attribute (None: overall) face."""
        faced = [goal for goal in self.goals if goal.attribute == attribute and goal.model in (None, model)]
        return max(faced, key=lambda goal: abs(goal.value - 0.5), default=None)


def plans_of(protocol: StudyProtocol) -> tuple[Plan, ...]:
    """Endpoints in their order, then the supporting ones that no endpoint covers already."""
    planned = tuple(_plan(protocol, endpoint) for endpoint in protocol.endpoints)
    return planned + supporting(protocol, planned)


def supporting(
    protocol: StudyProtocol, planned: Sequence[Plan], short_names: Sequence[str] = SUPPORTING
) -> tuple[Plan, ...]:
    """AUROC, sensitivity, specificity and likelihood ratios of the headline, for reading the others by; never judged."""
    if protocol.task in MEASURED:
        return ()
    target = headline(protocol).name
    measured, taken = {(plan.name, plan.target) for plan in planned}, {one.id for one in protocol.endpoints}
    left_out = RATIOS if protocol.reference.kind == "comparator" else ()
    asked = (short for short in short_names if short not in left_out)
    wanted = [short for short in asked if (f"classification.{short}", target) not in measured]
    return tuple(
        plan_for(
            f"classification.{short}",
            endpoint=short if short not in taken else f"supporting_{short}",
            role="supporting",
            target=target,
        )
        for short in wanted
    )


def plan_for(
    name: str,
    *,
    endpoint: str,
    role: str,
    method: str | None = None,
    kind: str | None = None,
    level: float = LEVEL,
    options: Mapping[str, float] | None = None,
    prespecified: bool = True,
    goals: tuple[Goal, ...] = (),
    target: str = "",
) -> Plan:
    """A plan with the metric's own interval where none is named. Raises ProtocolError where that interval does not fit."""
    metric: Metric = load("metrics", name)
    chosen = method or metric.intervals[0]
    if chosen not in metric.intervals:
        raise ProtocolError(
            f"endpoint '{endpoint}': interval '{chosen}' does not fit {name}; valid are {', '.join(metric.intervals)}."
        )
    kind = kind or metric.resampled_by
    full = chosen if chosen != "bootstrap" or kind == "percentile" else f"bootstrap_{kind}"
    return Plan(
        endpoint=endpoint,
        name=name,
        metric=metric,
        role=role,
        method=full,
        level=level,
        options=options or {},
        prespecified=prespecified,
        goals=goals,
        target=target,
    )


def refuse_naive(method: str, *, rows: int, clusters: int, where: str) -> None:
    """Raise DataError where the method takes rows for independent and they are not."""
    if method in ONE_ROW_PER_CLUSTER and rows > clusters:
        instead = CLUSTERED_INSTEAD.get(method, "wilson_effective_n")
        raise DataError(
            f"{where}: a {method.replace('_', ' ')} interval takes rows for independent, and here {rows} rows belong to "
            f"{clusters} clusters, so it would be too narrow. Use {instead} or bootstrap, which respect clusters."
        )


def _plan(protocol: StudyProtocol, endpoint: Endpoint) -> Plan:
    interval = endpoint.interval
    return plan_for(
        endpoint.metric,
        endpoint=endpoint.id,
        role=endpoint.role,
        method=interval.method if interval is not None else None,
        kind=interval.kind if interval is not None else None,
        level=interval.level if interval is not None else LEVEL,
        options={key: float(value) for key, value in endpoint.options.items() if isinstance(value, (int, float))},
        goals=tuple(
            _goal(criterion)
            for criterion in protocol.acceptance
            if criterion.endpoint == endpoint.id and criterion.plain
        ),
        target=target_named(protocol, endpoint.target).name,
    )


def _goal(criterion: Criterion) -> Goal:
    value = criterion.at_least if criterion.at_least is not None else criterion.at_most
    if value is None:
        raise ProtocolError(f"acceptance: the criterion on '{criterion.endpoint}' needs at_least or at_most.")
    return Goal(value, criterion.at_least is not None, criterion.worst_of, criterion.model)
