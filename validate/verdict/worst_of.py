"""Every level has to pass: PASS by pointwise limits (intersection–union), FAIL by simultaneous limits only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validate.estimation.estimate import Estimate
from validate.results.levels import MISSING
from validate.verdict.limits import Goal, Judgement, judge
from validate.verdict.verdict import Outcome, Reason

NOT_A_LEVEL = frozenset({MISSING, "unknown"})


@dataclass(frozen=True, slots=True)
class Level:
    """One level of the attribute, and what its estimate says."""

    name: str
    estimate: Estimate
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class WorstOf:
    """outcome and reason of all levels together; deciding : the level they rest on; open : levels that decide nothing.

    deciding is None only where there are no levels at all.
    """

    outcome: Outcome
    reason: Reason
    deciding: Level | None
    levels: tuple[Level, ...]

    @property
    def open(self) -> tuple[Level, ...]:
        return tuple(level for level in self.levels if level.judgement.outcome == "INCONCLUSIVE")


def judge_levels(estimates: Sequence[Estimate], goal: Goal, *, min_events: int | None) -> WorstOf:
    """All levels together. The estimates are one per level, in order, each with a stratum of one attribute."""
    levels = tuple(_level(estimate, goal, min_events) for estimate in estimates)
    for outcome in ("FAIL", "INCONCLUSIVE", "PASS"):
        concerned = [level for level in levels if level.judgement.outcome == outcome]
        if concerned:
            deciding = max(concerned, key=lambda level: _badness(level, goal))
            return WorstOf(deciding.judgement.outcome, deciding.judgement.reason, deciding, levels)
    return WorstOf("INCONCLUSIVE", "undefined", None, ())


def _level(estimate: Estimate, goal: Goal, min_events: int | None) -> Level:
    (name,) = estimate.stratum.values()
    return Level(name, estimate, _judgement(name, estimate, goal, min_events))


def _judgement(name: str, estimate: Estimate, goal: Goal, min_events: int | None) -> Judgement:
    if name.lower() in NOT_A_LEVEL:
        return Judgement("INCONCLUSIVE", "level_missing")
    pointwise = judge(estimate, goal, min_events=min_events)
    if pointwise.reason == "too_few":
        return Judgement("INCONCLUSIVE", "level_too_few")
    if pointwise.outcome == "FAIL" and not _missed_simultaneously(estimate, goal):
        return Judgement("INCONCLUSIVE", "straddles_goal")
    return pointwise


def _missed_simultaneously(estimate: Estimate, goal: Goal) -> bool:
    interval = estimate.interval
    if interval is None or interval.simultaneous_low is None or interval.simultaneous_high is None:
        return False
    if interval.simultaneous_low >= interval.simultaneous_high:
        return False
    return goal.missed_by(interval.simultaneous_low, interval.simultaneous_high)


def _badness(level: Level, goal: Goal) -> tuple[bool, float]:
    """Levels with readable limits come before those that have none to compare."""
    interval = level.estimate.interval
    readable = level.judgement.reason in ("limit_meets_goal", "limit_misses_goal", "straddles_goal")
    if interval is None or not readable:
        return False, 0.0
    return True, goal.badness(interval.low, interval.high)
