"""Criteria on an analysis' own measure: every check must meet the goal; one fails by limits that hold for all checks at once."""

from __future__ import annotations

from collections.abc import Sequence

from validate.analyses.wording import plural, printed_estimate, printed_goal
from validate.estimation.compared import of_analysis
from validate.estimation.estimate import Estimate
from validate.protocol.model import Model
from validate.protocol.question import Criterion
from validate.protocol.schema import StudyProtocol
from validate.verdict.limits import Goal, Judgement, goal_of, judge
from validate.verdict.verdict import CriterionResult, Outcome

ORDER: tuple[Outcome, ...] = ("FAIL", "INCONCLUSIVE", "PASS")
WHAT = {
    "metamorphic": "the share of cases whose output moves",
    "input_guard": "the share of foreign images that are given no answer",
    "shift": "how well the two cohorts can be told apart",
}


def own_measure_result(
    protocol: StudyProtocol,
    estimates: Sequence[Estimate],
    index: int,
    criterion: Criterion,
    model: Model,
    *,
    locked: bool,
) -> CriterionResult:
    """One criterion with `analysis` for one model."""
    assert criterion.analysis is not None
    goal = goal_of(criterion)
    found = of_analysis(estimates, criterion.analysis, model.id)
    judged = [(one, _judge(one, goal)) for one in found]
    deciding = _deciding(judged, goal)
    sentence = _sentence(criterion, judged, deciding, goal)
    return CriterionResult(
        id=f"acceptance[{index}]",
        model=model.id,
        endpoint=criterion.analysis,
        outcome=deciding[1].outcome if deciding is not None else "INCONCLUSIVE",
        reason=deciding[1].reason if deciding is not None else "undefined",
        sentence=f"{model.name}: {sentence}" if len(protocol.models) > 1 else sentence,
        goal=goal.value,
        direction=goal.direction,
        limit="lower" if goal.direction == "at_least" else "upper",
        estimate=deciding[0].id if deciding is not None else None,
        estimates=tuple(one.id for one in found),
        locked=locked and all(one.prespecified for one in found),
        analysis=criterion.analysis,
    )


def _judge(estimate: Estimate, goal: Goal) -> Judgement:
    found = judge(estimate, goal)
    interval = estimate.interval
    if found.outcome != "FAIL" or interval is None or interval.simultaneous_low is None:
        return found
    assert interval.simultaneous_high is not None
    if goal.missed_by(interval.simultaneous_low, interval.simultaneous_high):
        return found
    return Judgement("INCONCLUSIVE", "straddles_goal")


def _deciding(judged: Sequence[tuple[Estimate, Judgement]], goal: Goal) -> tuple[Estimate, Judgement] | None:
    for outcome in ORDER:
        concerned = [one for one in judged if one[1].outcome == outcome]
        if concerned:
            return max(concerned, key=lambda one: _badness(one[0], goal))
    return None


def _badness(estimate: Estimate, goal: Goal) -> float:
    interval = estimate.interval
    return float("inf") if interval is None else goal.badness(interval.low, interval.high)


def _sentence(
    criterion: Criterion, judged: Sequence[tuple[Estimate, Judgement]], deciding: tuple[Estimate, Judgement] | None, goal: Goal
) -> str:  # fmt: skip
    what = WHAT[str(criterion.analysis)]
    if deciding is None:
        return f"{what} was not estimated for this model, so nothing can be decided."
    estimate, judgement = deciding
    check = (estimate.contrast or {}).get("check", "").replace("_", " ")
    limit = printed_goal(goal.value, estimate.unit)
    said = f"{what}, worst under {check}: {printed_estimate(estimate)}"
    side = "at most" if goal.direction == "at_most" else "at least"
    match judgement.outcome:
        case "PASS":
            count = len(judged)
            return f"{said[0].upper()}{said[1:]}; {count} {plural(count, 'check')} of {count} {side} {limit} by the limits."
        case "FAIL":
            return f"{said[0].upper()}{said[1:]}; allowing for every check that was made it misses the goal of {side} {limit}."
    why = (estimate.reason or f"the goal of {side} {limit} lies inside the limits").rstrip(".")
    return f"{said[0].upper()}{said[1:]}; {why}."
