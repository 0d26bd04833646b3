"""PASS, FAIL or INCONCLUSIVE, with reasons from a closed list. The layout of verdict.json."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["PASS", "FAIL", "INCONCLUSIVE"]
Reason = Literal[
    "limit_meets_goal",
    "limit_misses_goal",
    "straddles_goal",
    "undefined",
    "too_few",
    "zero_width_interval",
    "level_too_few",
    "level_missing",
    "no_criteria",
    "earlier_not_met",
    "adjusted_p_too_large",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CriterionResult:
    id: str  # "acceptance[0]"
    model: str
    endpoint: str
    outcome: Outcome
    reason: Reason
    sentence: str  # the reason as a reader is told it
    goal: float
    direction: Literal["at_least", "at_most"]
    limit: Literal["lower", "upper"]
    estimate: str | None  # id of the deciding estimate: for worst_of, the worst level's
    estimates: tuple[str, ...] = ()
    worst_of: str | None = None
    worst_level: str | None = None
    new_study_n: int | None = None  # events that a new study would need; only for INCONCLUSIVE, from `assumed`
    locked: bool = True
    hypothesis: str | None = None  # of a comparison; goal is then the margin as a difference, test less `against`
    against: str | None = None
    gap_of: str | None = None  # the attribute whose groups are held against one of them; goal is then the margin
    perturbation: str | None = None  # the cause that is meant, or "every"; goal is then the tolerance of the drop
    holds_up_to: int | None = None  # the severity up to which it must stay within it
    analysis: str | None = None  # whose own measure is judged; `endpoint` is then its name
    role: Literal["primary", "secondary"] = "primary"  # a secondary comparison is shown and decides nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """outcome is None when there is no criterion. exploratory: nothing here may be called a PASS."""

    outcome: Outcome | None
    exploratory: bool
    sentence: str
    criteria: tuple[CriterionResult, ...]
