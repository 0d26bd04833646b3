"""Values and intervals of every plan in every group of one sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.estimation.answer import Answer, Task, answers
from validate.estimation.estimate import Interval, Status
from validate.estimation.fit import distinct
from validate.estimation.plan import Goal, Plan
from validate.estimation.replicates import Resampling, replicate
from validate.estimation.sample import Sample
from validate.estimation.simultaneous import simultaneous_level
from validate.metrics.metric import Fraction

NO_OUTPUT = "there is no row with an output"


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What is estimated of one plan in one group; the rest of an Estimate names it."""

    value: float | None = None
    interval: Interval | None = None
    status: Status = "undefined"
    reason: str | None = None
    flags: tuple[str, ...] = ()
    numerator: int | None = None
    denominator: int | None = None
    n_cases: int = 0
    n_patients: int = 0
    n_events: int = 0


def estimate_sample(
    plans: Sequence[Plan], sample: Sample, *, model: str, resampling: Resampling, simultaneous: bool = False
) -> list[list[Numbers]]:
    """[plan][group]. simultaneous : also limits that hold for all levels of an attribute at once.

    Where a limit lies within its Monte-Carlo error of a goal that it faces, the plan is estimated again with twice the
    replicates, by the rule that was locked (resampling.at_most, settle).
    """
    if not plans:
        return []
    if not len(sample.rows):
        return [[Numbers(reason=f"{NO_OUTPUT}.")] * len(sample.groups.levels) for _ in plans]
    found = replicate(plans, sample, resampling, simultaneous=simultaneous)
    results = []
    open_: list[int] = []
    for place, (plan, values) in enumerate(zip(plans, found, strict=True)):
        fraction = plan.metric.fraction(sample.rows) if plan.metric.fraction is not None else None
        task = Task(plan, sample, values, fraction, event_rows(plan, sample))
        goals = [plan.goal(attribute, model) for attribute in sample.groups.attributes]
        results.append(_numbers(task, goals, simultaneous=simultaneous))
        if any(_unsettled(one.interval, goal, resampling.settle) for one, goal in zip(results[-1], goals, strict=True)):
            open_.append(place)
    more = resampling.doubled()
    if open_ and more is not None:
        chosen = [plans[place] for place in open_]
        again = estimate_sample(chosen, sample, model=model, resampling=more, simultaneous=simultaneous)
        for place, numbers in zip(open_, again, strict=True):
            results[place] = numbers
    return results


def _unsettled(interval: Interval | None, goal: Goal | None, settle: float) -> bool:
    """Whether the limit that decides lies too near to the goal for so many replicates to tell on which side it is."""
    if interval is None or goal is None or interval.monte_carlo_error is None:
        return False
    limits = (interval.low, interval.high)
    return min(abs(limit - goal.value) for limit in limits) < settle * interval.monte_carlo_error


def event_rows(plan: Plan, sample: Sample) -> NDArray[np.bool_]:
    """(n,) bool: positives for sensitivity, negatives for specificity, flagged for PPV, …"""
    rows = sample.rows
    if sample.counted is not None:
        return _marked_events(plan, sample)
    match plan.metric.events:
        case "positives":
            return np.asarray(rows["positive"])
        case "negatives":
            return np.asarray(~rows["positive"])
        case "flagged":
            return np.asarray(rows["flagged"])
        case "unflagged":
            return np.asarray(~rows["flagged"])
        case _:
            return np.ones(len(rows), np.bool_)


def _marked_events(plan: Plan, sample: Sample) -> NDArray[np.bool_]:
    """Of marks: lesions, or cases with or without one."""
    rows = sample.rows
    match plan.metric.events:
        case "lesions":
            return np.asarray(rows["lesion"])
        case "positives":
            return np.asarray(rows["case"] & rows["abnormal"])
        case "negatives":
            return np.asarray(rows["case"] & ~rows["abnormal"])
        case _:
            return np.asarray(rows["case"])


def _numbers(task: Task, goals: Sequence[Goal | None], *, simultaneous: bool) -> list[Numbers]:
    found = answers(task, goals)
    together = _together(task, found) if simultaneous else {}
    attributes = task.sample.groups.attributes
    return [_one(task, place, answer, together.get(attributes[place])) for place, answer in enumerate(found)]


def _together(task: Task, found: Sequence[Answer | None]) -> dict[str | None, float]:
    """The level of simultaneous limits, by attribute."""
    usable = np.array([answer is not None and answer.limits is not None for answer in found], dtype=np.bool_)
    groups, level = task.sample.groups, task.plan.level
    return {
        attribute: simultaneous_level(
            task.found.replicates, task.found.point, groups.of(attribute), usable, level=level
        )
        for attribute in dict.fromkeys(groups.attributes)
        if attribute is not None
    }


def _one(task: Task, place: int, answer: Answer | None, together: float | None) -> Numbers:
    members = task.sample.groups.members[place]
    interval = _interval(task, place, answer, together)
    status: Status = "undefined" if answer is None else "too_few" if interval is None else "ok"
    reason = _why_undefined(task, members) if answer is None else answer.problem
    counted = _counted(task.fraction, members)
    return Numbers(
        value=None if answer is None else task.point(place),
        interval=interval,
        status=status,
        reason=reason,
        flags=() if answer is None else answer.flags,
        numerator=counted[0] if counted else None,
        denominator=counted[1] if counted else None,
        n_cases=task.sample.cases(members),
        n_patients=distinct(task.sample.patient[members]),
        n_events=int((members & task.events).sum()),
    )


def _interval(task: Task, place: int, answer: Answer | None, together: float | None) -> Interval | None:
    if answer is None or answer.limits is None:
        return None
    level = task.plan.level
    limits, wide = answer.limits(level), None if together is None else answer.limits(together)
    return Interval(
        low=limits.low,
        high=limits.high,
        level=level,
        method=answer.method,
        replicates=task.found.drawn if answer.resampled else None,
        undefined_replicates=task.found.undefined(place) if answer.resampled else None,
        monte_carlo_error=limits.monte_carlo_error if answer.resampled else None,
        design_effect=answer.design_effect,
        effective_n=answer.effective_n,
        simultaneous_low=None if wide is None else min(wide.low, limits.low),
        simultaneous_high=None if wide is None else max(wide.high, limits.high),
    )


def _why_undefined(task: Task, members: NDArray[np.bool_]) -> str:
    """The metric's own words."""
    part = task.sample.rows.where(members)
    try:
        task.plan.metric.value(part, np.ones(len(part), np.int64))
    except Undefined as reason:
        return f"{reason}."
    return f"{task.plan.metric.title} has no value on these {task.sample.cases(members)} cases."


def _counted(fraction: Fraction | None, members: NDArray[np.bool_]) -> tuple[int, int] | None:
    if fraction is None:
        return None
    return int((fraction.numerator & members).sum()), int((fraction.denominator & members).sum())
