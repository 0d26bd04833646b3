"""Disturbed images may cost no more than the tolerance up to a severity: by the limits of the paired drop.

PASS where at this severity and at all milder ones the upper limit of the drop stays within the tolerance, FAIL where at one of them
the lower limit lies beyond it, otherwise INCONCLUSIVE. Of several causes all must hold (intersection–union).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validate.analyses.holding import drops_of, state
from validate.analyses.wording import measure, metric_of, plural, printed_estimate, printed_goal
from validate.estimation.drops import DROP
from validate.estimation.estimate import Estimate
from validate.protocol.model import Model
from validate.protocol.question import Criterion
from validate.protocol.robustness import EVERY, robustness_of
from validate.protocol.schema import StudyProtocol
from validate.verdict.limits import why_unreadable
from validate.verdict.verdict import CriterionResult, Outcome, Reason

ORDER: tuple[Outcome, ...] = ("FAIL", "INCONCLUSIVE", "PASS")


@dataclass(frozen=True, slots=True)
class _Judged:
    estimate: Estimate
    outcome: Outcome
    reason: Reason


def holds_result(
    protocol: StudyProtocol,
    estimates: Sequence[Estimate],
    index: int,
    criterion: Criterion,
    model: Model,
    *,
    locked: bool,
) -> CriterionResult:
    """One criterion with `holds_up_to` for one model."""
    options = robustness_of(protocol)
    tolerance = (None if options is None else options.tolerance_of(criterion.endpoint or "")) or 0.0
    judged = [_judge(one, tolerance) for one in _asked(estimates, criterion, model)]
    deciding = _deciding(judged)
    sentence = _sentence(protocol, criterion, judged, deciding, tolerance)
    return CriterionResult(
        id=f"acceptance[{index}]",
        model=model.id,
        endpoint=criterion.endpoint,
        outcome=deciding.outcome if deciding is not None else "INCONCLUSIVE",
        reason=deciding.reason if deciding is not None else "undefined",
        sentence=f"{model.name}: {sentence}" if len(protocol.models) > 1 else sentence,
        goal=tolerance,
        direction="at_most",
        limit="upper",
        estimate=deciding.estimate.id if deciding is not None else None,
        estimates=tuple(one.estimate.id for one in judged),
        locked=locked and all(one.estimate.prespecified for one in judged),
        perturbation=criterion.perturbation,
        holds_up_to=criterion.holds_up_to,
    )


def _asked(estimates: Sequence[Estimate], criterion: Criterion, model: Model) -> list[Estimate]:
    """The drops of every cause that is meant, up to the severity that is asked for."""
    causes = dict.fromkeys(
        (e.contrast or {})["cause"] for e in estimates
        if e.contrast is not None and e.contrast["kind"] == DROP and e.endpoint == criterion.endpoint and e.model == model.id
    )  # fmt: skip
    wanted = [cause for cause in causes if criterion.perturbation in (EVERY, cause)]
    drops = [drop for cause in wanted for drop in drops_of(estimates, criterion.endpoint, model.id, cause)]
    return [drop for drop in drops if drop.condition["severity"] <= (criterion.holds_up_to or 0)]


def _judge(drop: Estimate, tolerance: float) -> _Judged:
    unreadable = why_unreadable(drop, min_events=None)
    if unreadable is not None:
        return _Judged(drop, "INCONCLUSIVE", unreadable)
    match state(drop, tolerance, either=metric_of(drop).better == "neither"):
        case "holds":
            return _Judged(drop, "PASS", "limit_meets_goal")
        case "breaks":
            return _Judged(drop, "FAIL", "limit_misses_goal")
        case _:
            return _Judged(drop, "INCONCLUSIVE", "straddles_goal")


def _deciding(judged: Sequence[_Judged]) -> _Judged | None:
    """Of the outcome that decides, the drop that reaches farthest."""
    for outcome in ORDER:
        concerned = [one for one in judged if one.outcome == outcome]
        if concerned:
            return max(concerned, key=lambda one: one.estimate.interval.high if one.estimate.interval else float("inf"))
    return None


def _sentence(
    protocol: StudyProtocol, criterion: Criterion, judged: Sequence[_Judged], deciding: _Judged | None, tolerance: float
) -> str:
    asked = "every cause" if criterion.perturbation == EVERY else (criterion.perturbation or "").replace("_", " ")
    if deciding is None:
        return f"no drop under {asked} was estimated, so nothing can be decided."
    drop = deciding.estimate
    cause, severity = (drop.contrast or {})["cause"].replace("_", " "), int(drop.condition["severity"])
    what = f"the drop of {measure(drop, protocol)} under {cause} at severity {severity}: {printed_estimate(drop)}"
    within = printed_goal(tolerance, drop.unit)
    match deciding.outcome, deciding.reason:
        case "PASS", _:
            count = len(judged)
            return (
                f"It holds up to severity {criterion.holds_up_to} under {asked}: the upper limit of {count} "
                f"{plural(count, 'drop')} stays within {within}; farthest, {what}."
            )
        case "FAIL", _:
            return f"{what[0].upper()}{what[1:]}; it lies wholly beyond the tolerance of {within}."
        case _, "straddles_goal":
            return f"{what[0].upper()}{what[1:]}; the tolerance of {within} lies inside the limits."
    return f"{what[0].upper()}{what[1:]}; {(drop.reason or 'it can not be read').rstrip('.')}."
