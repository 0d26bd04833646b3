"""The interval of one plan in one group, or why there is none: the locked method, its refusals and its edges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.estimation.adequacy import AUROC, OTHER, PROPORTION, Minimum, proportion_holds, shortfall, too_small
from validate.estimation.bootstrap import MOST_UNDEFINED, BootstrapLimits, bias_corrected, percentile, studentised
from validate.estimation.fit import LIMITS, Fit, auroc_fits, distinct, patients_only, proportion_fit
from validate.estimation.plan import Goal, Plan
from validate.estimation.replicates import Replicated
from validate.estimation.sample import Sample
from validate.metrics.metric import Fraction

EXACT = "clopper_pearson"
RARER = "in the rarer class"


@dataclass(frozen=True, slots=True)
class Answer:
    """limits : from a level to both limits, or None with the problem in a sentence."""

    method: str
    limits: Callable[[float], BootstrapLimits] | None
    problem: str | None = None
    flags: tuple[str, ...] = ()
    resampled: bool = False
    design_effect: float | None = None
    effective_n: float | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One plan on one sample. events : (n,) bool, the rows that its precision hangs on; fraction : of a proportion."""

    plan: Plan
    sample: Sample
    found: Replicated
    fraction: Fraction | None
    events: NDArray[np.bool_]

    @property
    def is_auroc(self) -> bool:
        """Whether the metric is an area under the ROC curve, for which analytic intervals exist."""
        return "obuchowski" in self.plan.metric.intervals

    def point(self, place: int) -> float:
        """The value in a group where it is defined."""
        return float(self.found.point.value[0, place])

    def rarer_class(self, place: int) -> int:
        """Clusters with a case of the rarer class."""
        members, positive = self.sample.groups.members[place], self.sample.rows["positive"]
        return min(distinct(self.sample.cluster[members & side]) for side in (positive, ~positive))


def answers(task: Task, goals: Sequence[Goal | None]) -> list[Answer | None]:
    """One per group, None where the value itself is undefined. goals : the goal each group's estimate faces, or None."""
    defined = task.found.point.defined[0]
    if task.plan.resampled:
        return [_resampled(task, place, goal) if defined[place] else None for place, goal in enumerate(goals)]
    if task.plan.method in task.plan.metric.analytic:
        return [_own(task, place, goal) if defined[place] else None for place, goal in enumerate(goals)]
    if task.is_auroc:
        fits = auroc_fits(task.sample, method=task.plan.method)
        return [_auroc(task, fit, goal) if ok else None for fit, goal, ok in zip(fits, goals, defined, strict=True)]
    return [_proportion(task, place, goal) if defined[place] else None for place, goal in enumerate(goals)]


def _auroc(task: Task, fit: Fit, goal: Goal | None) -> Answer:
    problem = (
        fit.problem
        or too_small(of_a_class=fit.patients, who=task.sample.resampled)
        or _short(AUROC, task, goal, fit.patients, RARER)
    )
    return _from_fit(fit, problem=problem)


def _own(task: Task, place: int, goal: Goal | None) -> Answer:
    """Limits that the metric's own file brings."""
    plan, members = task.plan, task.sample.groups.members[place]
    clusters = distinct(task.sample.cluster[members])
    who = task.sample.resampled
    problem = too_small(clusters=clusters, of_a_class=task.rarer_class(place), who=who) or _short(
        OTHER, task, goal, clusters
    )
    if problem is not None:
        return Answer(plan.method, None, problem)
    rows, code = task.sample.rows.where(members), np.unique(task.sample.cluster[members], return_inverse=True)[1]
    limits_of = plan.metric.analytic[plan.method]

    def limits(level: float) -> BootstrapLimits:
        found = limits_of(rows, code, level)
        return BootstrapLimits(float(found.low), float(found.high), 0.0)

    try:
        once = limits(plan.level)
    except Undefined as reason:
        return Answer(plan.method, None, f"{reason}.")
    if not np.isfinite([once.low, once.high]).all() or not once.low < once.high:
        return Answer(plan.method, None, "the limits have no finite width here: there are too few cases.")
    return Answer(plan.method, limits)


def _proportion(task: Task, place: int, goal: Goal | None) -> Answer:
    assert task.fraction is not None
    method, members = task.plan.method, task.sample.groups.members[place]
    fit = proportion_fit(task.fraction, task.sample.cluster, members, method=method, level=task.plan.level)
    rows = int((task.fraction.denominator & members).sum())
    clustered = rows > fit.patients
    name, ending = method.removesuffix("_effective_n"), "_effective_n" if method.endswith("_effective_n") else ""
    if goal is None or clustered or name == EXACT:
        return _from_fit(fit)
    if proportion_holds(LIMITS[name], rows, goal=goal.value, at_least=goal.at_least, level=task.plan.level):
        return _from_fit(fit)
    exact = EXACT + ending
    fit = proportion_fit(task.fraction, task.sample.cluster, members, method=exact, level=task.plan.level)
    return replace(_from_fit(fit), flags=("exact_limits",))


def _resampled(task: Task, place: int, goal: Goal | None) -> Answer:
    plan, members = task.plan, task.sample.groups.members[place]
    clusters = distinct(task.sample.cluster[members])
    with_event = distinct(task.sample.cluster[members & task.events])
    if task.fraction is not None and task.point(place) in (0.0, 1.0):
        return _from_fit(patients_only(task.fraction, task.sample.cluster, members))
    problem: str | None
    who = task.sample.resampled
    if task.is_auroc:
        rarer = task.rarer_class(place)
        problem = too_small(clusters=clusters, of_a_class=rarer, who=who) or _short(AUROC, task, goal, rarer, RARER)
    elif task.fraction is not None:
        problem = too_small(clusters=clusters, who=who) or _short(
            PROPORTION, task, goal, with_event, "in the denominator"
        )
    else:
        problem = too_small(clusters=clusters, of_a_class=with_event, who=who) or _short(OTHER, task, goal, clusters)
    problem = problem or _undefined(task.found, place)
    if problem is not None:
        return Answer(plan.method, None, problem)
    if task.is_auroc and task.point(place) in (0.0, 1.0):
        return _from_fit(auroc_fits(task.sample, method="obuchowski", only=place)[0])
    if np.ptp(task.found.values(place)) == 0:
        return Answer(plan.method, None, "every replicate gives the same value, so the interval would have no width.")
    limits = _bootstrap_limits(task, place, members)
    once = limits(plan.level)
    if not once.low < once.high:
        return Answer(plan.method, None, "the limits have no width here: too few replicates differ from the value.")
    return Answer(plan.method, limits, resampled=True)


def _bootstrap_limits(task: Task, place: int, members: NDArray[np.bool_]) -> Callable[[float], BootstrapLimits]:
    values, point, found = task.found.values(place), task.point(place), task.found
    if found.jackknife is not None:
        own = np.unique(task.sample.cluster[members] % found.jackknife.value.shape[0])  # who each one leaves out
        left_out = found.jackknife.value[own, place][found.jackknife.defined[own, place]]
        return lambda level: bias_corrected(values, point, left_out, level=level)
    if found.errors is not None and found.replicates is not None:
        errors = found.errors[found.replicates.defined[:, place], place]
        bounds = task.plan.metric.bounds
        return lambda level: studentised(values, point, errors, level=level, bounds=bounds)
    return lambda level: percentile(values, level=level)


def _undefined(found: Replicated, place: int) -> str | None:
    missing = found.undefined(place)
    total = 0 if found.replicates is None else found.replicates.defined.shape[0]
    if missing <= MOST_UNDEFINED * total:
        return None
    return f"{missing:,} of {total:,} replicates have no value, more than 1%: there are too few cases for an interval."


def _short(minima: Mapping[str, Minimum], task: Task, goal: Goal | None, clusters: int, where: str = "") -> str | None:
    plan, who = task.plan, task.sample.resampled
    value = None if goal is None else goal.value
    if value is not None and plan.metric.bounds != (0.0, 1.0):
        value = 0.5  # how near a goal lies to the end of a scale matters where the scale ends at 0 and 1
    return shortfall(minima, plan.method, goal=value, clusters=clusters, who=who, where=where)


def _from_fit(fit: Fit, *, problem: str | None = None) -> Answer:
    limits_of = fit.limits
    if problem is not None or limits_of is None:
        return Answer(fit.method, None, problem or fit.problem)

    def limits(level: float) -> BootstrapLimits:
        found = limits_of(level)
        return BootstrapLimits(float(found.low), float(found.high), 0.0)

    return Answer(fit.method, limits, design_effect=fit.design_effect, effective_n=fit.effective_n)
