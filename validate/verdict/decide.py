"""Criteria × estimates → verdict. Limits decide, locked criteria count, and nothing is rounded before it is judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from validate.analyses.selection import Selection, ids
from validate.estimation.estimate import Estimate
from validate.protocol.compared import SHIFT
from validate.protocol.model import Model
from validate.protocol.question import Criterion
from validate.protocol.schema import StudyProtocol
from validate.verdict.comparison import compared
from validate.verdict.gap import gap_result
from validate.verdict.holds import holds_result
from validate.verdict.limits import Goal, goal_of, judge
from validate.verdict.new_study import new_study
from validate.verdict.own_measure import own_measure_result
from validate.verdict.sentence import new_study_sentence, one_sentence, overall_sentence, worst_sentence
from validate.verdict.since_accepted import since_result
from validate.verdict.verdict import CriterionResult, Outcome, Reason, Verdict
from validate.verdict.worst_of import judge_levels

MORE_CASES_HELP: frozenset[Reason] = frozenset({"straddles_goal", "too_few", "level_too_few"})


@dataclass(frozen=True, slots=True)
class _Decision:
    """One criterion for one model: what it rests on, and every estimate that was read."""

    outcome: Outcome
    reason: Reason
    sentence: str
    deciding: Estimate | None
    read: tuple[Estimate, ...]


def decide(protocol: StudyProtocol, estimates: Sequence[Estimate], *, locked: bool) -> Verdict:
    """Each criterion for each model it concerns, then each comparison, then the whole: any FAIL, else any INCONCLUSIVE, else PASS.

    locked : whether the protocol was frozen before the first look. Where it was not, criteria are shown with what they
        would say, the verdict is exploratory and its outcome None.
    Raises ProtocolError where a criterion has no goal, two, or one that the kinder limit would decide.
    """
    selection = Selection(tuple(estimates))
    results = tuple(
        _judged(protocol, estimates, selection, index, criterion, model, locked=locked)
        for index, criterion in enumerate(protocol.acceptance)
        for model in protocol.models
        if criterion.model in (None, model.id)
    )
    between = compared(protocol, estimates, locked=locked)
    judged = (*results, *(result for result in between if result.role == "primary"))
    outcome = overall([result.outcome for result in judged if result.locked])
    results = (*results, *between)
    return Verdict(
        outcome=outcome,
        exploratory=not locked,
        sentence=overall_sentence(outcome, judged, locked=locked),
        criteria=results,
    )


def _judged(
    protocol: StudyProtocol, estimates: Sequence[Estimate], selection: Selection, index: int, criterion: Criterion, model: Model,
    *, locked: bool,
) -> CriterionResult:  # fmt: skip
    if criterion.gap_of is not None:
        return gap_result(protocol, estimates, index, criterion, model, locked=locked)
    if criterion.perturbation is not None or criterion.holds_up_to is not None:
        return holds_result(protocol, estimates, index, criterion, model, locked=locked)
    if criterion.analysis == SHIFT and criterion.endpoint:
        return since_result(protocol, estimates, index, criterion, model, locked=locked)
    if criterion.analysis is not None:
        return own_measure_result(protocol, estimates, index, criterion, model, locked=locked)
    return _result(protocol, selection, index, criterion, model, locked=locked)


def overall(outcomes: Sequence[Outcome]) -> Outcome | None:
    """Any FAIL is FAIL, else any INCONCLUSIVE is INCONCLUSIVE, else PASS; None of none."""
    order: tuple[Literal["FAIL"], Literal["INCONCLUSIVE"], Literal["PASS"]] = ("FAIL", "INCONCLUSIVE", "PASS")
    return next((outcome for outcome in order if outcome in outcomes), None)


def _result(
    protocol: StudyProtocol, selection: Selection, index: int, criterion: Criterion, model: Model, *, locked: bool
) -> CriterionResult:
    goal = goal_of(criterion)
    decision = (_one if criterion.worst_of is None else _worst)(protocol, selection, criterion, goal, model.id)
    deciding = decision.deciding
    study = (
        new_study(criterion, goal, deciding) if deciding is not None and decision.reason in MORE_CASES_HELP else None
    )
    sentences = [decision.sentence]
    if study is not None and deciding is not None:
        sentences.append(new_study_sentence(study, deciding, protocol, goal))
    if len(protocol.models) > 1:
        sentences[0] = f"{model.name}: {sentences[0]}"
    return CriterionResult(
        id=f"acceptance[{index}]",
        model=model.id,
        endpoint=criterion.endpoint,
        outcome=decision.outcome,
        reason=decision.reason,
        sentence=" ".join(sentences),
        goal=goal.value,
        direction=goal.direction,
        limit="lower" if goal.direction == "at_least" else "upper",
        estimate=deciding.id if deciding is not None else None,
        estimates=ids(decision.read),
        worst_of=criterion.worst_of,
        worst_level=deciding.stratum[criterion.worst_of] if deciding is not None and criterion.worst_of else None,
        new_study_n=study.events if study is not None else None,
        locked=locked and all(estimate.prespecified for estimate in decision.read),
    )


def _one(protocol: StudyProtocol, selection: Selection, criterion: Criterion, goal: Goal, model: str) -> _Decision:
    estimate = selection.overall(criterion.endpoint, model)
    judgement = judge(estimate, goal, min_events=criterion.min_events)
    sentence = one_sentence(protocol, criterion, estimate, goal, judgement)
    return _Decision(judgement.outcome, judgement.reason, sentence, estimate, (estimate,) if estimate else ())


def _worst(protocol: StudyProtocol, selection: Selection, criterion: Criterion, goal: Goal, model: str) -> _Decision:
    assert criterion.worst_of is not None
    levels = selection.levels(criterion.endpoint, model, criterion.worst_of)
    worst = judge_levels(levels, goal, min_events=criterion.min_events)
    sentence = worst_sentence(protocol, criterion, worst, goal)
    return _Decision(worst.outcome, worst.reason, sentence, worst.deciding.estimate if worst.deciding else None, levels)
