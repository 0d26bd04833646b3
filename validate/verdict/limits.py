"""Limits decide: one estimate against one goal (architecture.md, promise 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from validate.errors import ProtocolError
from validate.estimation.estimate import Estimate
from validate.protocol.question import Criterion
from validate.verdict.verdict import Outcome, Reason

Direction = Literal["at_least", "at_most"]


@dataclass(frozen=True, slots=True)
class Goal:
    """value : what a limit is held against    direction : at_least (lower limit) or at_most (upper limit)"""

    value: float
    direction: Direction

    def met_by(self, low: float, high: float) -> bool:
        """Whether the whole interval lies on the good side; touching the goal is meeting it."""
        return low >= self.value if self.direction == "at_least" else high <= self.value

    def missed_by(self, low: float, high: float) -> bool:
        """Whether the whole interval lies on the bad side."""
        return high < self.value if self.direction == "at_least" else low > self.value

    def badness(self, low: float, high: float) -> float:
        """Larger is worse: by the limit that has to meet the goal."""
        return -low if self.direction == "at_least" else high


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one estimate says about a goal."""

    outcome: Outcome
    reason: Reason


def goal_of(criterion: Criterion) -> Goal:
    """The goal of a criterion. Raises ProtocolError where it has none, two, or lets the kinder limit decide."""
    if (criterion.at_least is None) == (criterion.at_most is None):
        raise ProtocolError(
            f"acceptance: the criterion on '{criterion.endpoint}' needs exactly one of at_least and at_most; "
            f"got {'neither' if criterion.at_least is None else 'both'}."
        )
    if criterion.at_least is not None:
        direction, limit, value = "at_least", "lower", criterion.at_least
    else:
        assert criterion.at_most is not None
        direction, limit, value = "at_most", "upper", criterion.at_most
    if criterion.limit != limit:
        raise ProtocolError(
            f"acceptance: the criterion on '{criterion.endpoint}' has {direction} and limit: {criterion.limit}; "
            f"the limit that decides {direction} is the {limit} one. Say limit: {limit}."
        )
    return Goal(value, "at_least" if direction == "at_least" else "at_most")


def judge(estimate: Estimate | None, goal: Goal, *, min_events: int | None = None) -> Judgement:
    """PASS where the limits meet the goal, FAIL where they miss it, otherwise INCONCLUSIVE and why."""
    unreadable = why_unreadable(estimate, min_events=min_events)
    if unreadable is not None or estimate is None or estimate.interval is None:
        return Judgement("INCONCLUSIVE", unreadable or "undefined")
    low, high = estimate.interval.low, estimate.interval.high
    if goal.met_by(low, high):
        return Judgement("PASS", "limit_meets_goal")
    if goal.missed_by(low, high):
        return Judgement("FAIL", "limit_misses_goal")
    return Judgement("INCONCLUSIVE", "straddles_goal")


def why_unreadable(estimate: Estimate | None, *, min_events: int | None) -> Reason | None:
    """Why an estimate decides nothing, or None where its limits may be read."""
    if estimate is None or estimate.status == "undefined" or estimate.value is None:
        return "undefined"
    if estimate.status == "too_few" or estimate.interval is None:
        return "too_few"
    if min_events is not None and estimate.n_events < min_events:
        return "too_few"
    if estimate.interval.low >= estimate.interval.high:
        return "zero_width_interval"
    return None
