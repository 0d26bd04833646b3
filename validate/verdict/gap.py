"""Groups may differ by a margin at most: equivalence of each group with the reference group, by limits that hold for all at once.

PASS where every difference lies within ± margin, FAIL where one lies wholly outside it, otherwise INCONCLUSIVE: that no
difference was seen is no evidence that there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validate.analyses.wording import attribute_words, group_phrase, measure, printed_estimate, printed_goal
from validate.estimation.estimate import Estimate
from validate.estimation.group_gaps import DIFFERENCE, OTHERS, REST
from validate.protocol.fairness import fairness_of
from validate.protocol.model import Model
from validate.protocol.passes import CLEAN
from validate.protocol.question import Criterion
from validate.protocol.scanner_shift import scanner_shift_of
from validate.protocol.schema import StudyProtocol
from validate.verdict.limits import why_unreadable
from validate.verdict.verdict import CriterionResult, Outcome, Reason

ORDER: tuple[Outcome, ...] = ("FAIL", "INCONCLUSIVE", "PASS")


@dataclass(frozen=True, slots=True)
class _Judged:
    estimate: Estimate
    outcome: Outcome
    reason: Reason


def gap_result(
    protocol: StudyProtocol,
    estimates: Sequence[Estimate],
    index: int,
    criterion: Criterion,
    model: Model,
    *,
    locked: bool,
) -> CriterionResult:
    """One criterion with `gap_of` for one model."""
    fair, scanners = fairness_of(protocol), scanner_shift_of(protocol)
    between = fair is None or criterion.gap_of not in fair.attributes or criterion.endpoint not in fair.endpoints
    options, kind = (scanners, REST) if between and scanners is not None else (fair, DIFFERENCE)
    margin = (None if options is None else options.margin_of(criterion.endpoint or "")) or 0.0
    judged = [_judge(one, margin) for one in _differences(estimates, criterion, model, kind)]
    deciding = _deciding(judged)
    sentence = _sentence(protocol, criterion, judged, deciding, margin)
    return CriterionResult(
        id=f"acceptance[{index}]",
        model=model.id,
        endpoint=criterion.endpoint,
        outcome=deciding.outcome if deciding is not None else "INCONCLUSIVE",
        reason=deciding.reason if deciding is not None else "undefined",
        sentence=f"{model.name}: {sentence}" if len(protocol.models) > 1 else sentence,
        goal=margin,
        direction="at_most",
        limit="upper",
        estimate=deciding.estimate.id if deciding is not None else None,
        estimates=tuple(one.estimate.id for one in judged),
        worst_level=next(iter(deciding.estimate.stratum.values())) if deciding is not None else None,
        locked=locked and all(one.estimate.prespecified for one in judged),
        hypothesis="equivalence",
        gap_of=criterion.gap_of,
    )


def _differences(estimates: Sequence[Estimate], criterion: Criterion, model: Model, kind: str) -> list[Estimate]:
    return [
        e for e in estimates
        if e.endpoint == criterion.endpoint and e.model == model.id and e.pass_id == CLEAN.id
        and e.contrast is not None and e.contrast["kind"] == kind and set(e.stratum) == {criterion.gap_of}
    ]  # fmt: skip


def _judge(estimate: Estimate, margin: float) -> _Judged:
    unreadable = why_unreadable(estimate, min_events=None)
    if unreadable is not None or estimate.interval is None:
        return _Judged(
            estimate, "INCONCLUSIVE", "level_too_few" if unreadable == "too_few" else unreadable or "undefined"
        )
    low, high = estimate.interval.simultaneous_low, estimate.interval.simultaneous_high
    if low is None or high is None or not low < high:
        return _Judged(estimate, "INCONCLUSIVE", "zero_width_interval")
    if -margin <= low and high <= margin:
        return _Judged(estimate, "PASS", "limit_meets_goal")
    if low > margin or high < -margin:
        return _Judged(estimate, "FAIL", "limit_misses_goal")
    return _Judged(estimate, "INCONCLUSIVE", "straddles_goal")


def _deciding(judged: Sequence[_Judged]) -> _Judged | None:
    """Of the outcome that decides, the group that reaches farthest from the reference."""
    for outcome in ORDER:
        concerned = [one for one in judged if one.outcome == outcome]
        if concerned:
            return max(concerned, key=lambda one: _reach(one.estimate))
    return None


def _reach(estimate: Estimate) -> float:
    interval = estimate.interval
    if interval is None or interval.simultaneous_low is None or interval.simultaneous_high is None:
        return -1.0
    return max(abs(interval.simultaneous_low), abs(interval.simultaneous_high))


def _sentence(
    protocol: StudyProtocol, criterion: Criterion, judged: Sequence[_Judged], deciding: _Judged | None, margin: float
) -> str:
    words = attribute_words(criterion.gap_of or "")
    if deciding is None:
        return f"no two groups of {words} could be compared, so nothing can be decided."
    estimate = deciding.estimate
    reference = (estimate.contrast or {})["against"].partition("=")[2]
    other = f"of {reference}" if reference == OTHERS else group_phrase({criterion.gap_of or "": reference})
    what = f"{measure(estimate, protocol)} {group_phrase(estimate.stratum)}, less that {other}: {printed_estimate(estimate)}"
    within = f"± {printed_goal(margin, estimate.unit)}"
    match deciding.outcome, deciding.reason:
        case "PASS", _:
            count = len(judged)
            against = "all others" if reference == OTHERS else f"the reference group of {words}"
            return (
                f"{'The group differs' if count == 1 else f'All {count} groups differ'} from {against} by no more "
                f"than {within}, by limits that hold for all groups at once; farthest off: {what}."
            )
        case "FAIL", _:
            return f"{what}; also allowing for every group that was looked at it lies wholly outside the margin of {within}."
        case _, "straddles_goal":
            return f"{what}; allowing for every group that was looked at the margin of {within} lies inside the limits."
    return f"{what}; {(estimate.reason or 'it can not be read').rstrip('.')}."
