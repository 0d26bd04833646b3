"""The reason of a verdict as a clinician is told it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from validate.analyses.wording import (
    attribute_words,
    count_of,
    events_noun,
    group_phrase,
    listed,
    measure,
    number_word,
    plural,
    printed_estimate,
    printed_goal,
    printed_limits,
    sentence_case,
)
from validate.estimation.estimate import Estimate
from validate.protocol.question import Criterion
from validate.protocol.schema import StudyProtocol
from validate.verdict.limits import Goal, Judgement
from validate.verdict.new_study import POWER, NewStudy
from validate.verdict.verdict import CriterionResult, Outcome
from validate.verdict.worst_of import Level, WorstOf


def one_sentence(
    protocol: StudyProtocol, criterion: Criterion, estimate: Estimate | None, goal: Goal, judgement: Judgement
) -> str:
    """The sentence of a criterion over all cases."""
    if estimate is None:
        return f"'{criterion.endpoint}' was not estimated for this model, so nothing can be decided."
    reason = {
        "limit_meets_goal": _meets(estimate, goal),
        "limit_misses_goal": f"even the {_far(goal)} limit lies {_beyond(goal)} the goal of {_goal(estimate, goal)}.",
        "straddles_goal": _straddles(protocol, estimate, goal),
    }.get(judgement.reason) or _unreadable(protocol, criterion, estimate, judgement)
    return f"{_found(protocol, estimate, goal)}; {reason}"


def worst_sentence(protocol: StudyProtocol, criterion: Criterion, result: WorstOf, goal: Goal) -> str:
    """The sentence of a criterion on every level of an attribute; names the levels that it rests on."""
    attribute = attribute_words(criterion.worst_of or "")
    if result.deciding is None:
        return f"'{criterion.endpoint}' was not estimated by {attribute}, so nothing can be decided."
    deciding = result.deciding
    if result.outcome == "PASS":
        number = len(result.levels)
        every = (
            f"all {number_word(number)} levels of {attribute} meet"
            if number > 2
            else f"both levels of {attribute} meet"
        )
        every = f"the only {attribute} meets" if number == 1 else every
        found = _found(protocol, deciding.estimate, goal)
        return sentence_case(f"{every} the goal of {_goal(deciding.estimate, goal)}; the worst: {found}.")
    own = _level_sentence(protocol, criterion, deciding, goal, len(result.levels))
    return " ".join([own, *_others(result, deciding)])


def new_study_sentence(study: NewStudy, estimate: Estimate, protocol: StudyProtocol, goal: Goal) -> str:
    """What it would take, planned from the lock's assumption and never from these results."""
    unit = protocol.cohort.unit
    events = count_of(study.events, f"positive {unit}" if study.as_many_negatives else events_noun(estimate, protocol))
    if study.as_many_negatives:
        events = f"{events} and as many negative ones"
    each = "" if unit == "patient" else ", each of another patient,"
    where = f" {group_phrase(estimate.stratum)}" if estimate.stratum else ""
    return (
        f"A new study with about {events}{where}{each} would meet the goal with {POWER:.0%} power if the true value is "
        f"{_goal(estimate, Goal(study.assumed, goal.direction))}, as assumed in the lock. "
        "Adding cases to this study would be exploratory."
    )


def overall_sentence(outcome: Outcome | None, criteria: Sequence[CriterionResult], *, locked: bool) -> str:
    """How many criteria are met, then why the others are not."""
    if not criteria:
        return "The protocol states no criterion, so there is no verdict."
    tally = _tally(criteria)
    others = [result.sentence for result in criteria if result.outcome != "PASS"]
    if not locked or outcome is None:
        tally = f"Exploratory: nothing was locked before the first look, so there is no verdict. {tally}"
    return " ".join([tally, *others])


def _tally(criteria: Sequence[CriterionResult]) -> str:
    """Such as "Two of three criteria are met, one is undecided."."""
    words = {"PASS": "met", "FAIL": "missed", "INCONCLUSIVE": "undecided"}
    counts = Counter(result.outcome for result in criteria)
    if len(criteria) == 1:
        return f"The only criterion is {words[criteria[0].outcome]}."
    if len(counts) == 1:
        every = "Both" if len(criteria) == 2 else f"All {number_word(len(criteria))}"
        return f"{every} criteria are {words[criteria[0].outcome]}."
    met, *others = ((counts[outcome], words[outcome]) for outcome in ("PASS", "FAIL", "INCONCLUSIVE"))
    first = f"{number_word(met[0])} of {number_word(len(criteria))} criteria {plural(met[0], 'is')} met"
    if met[0] == 0:
        first = f"none of the {number_word(len(criteria))} criteria is met"
    rest = [f"{number_word(count)} {plural(count, 'is')} {word}" for count, word in others if count]
    return sentence_case(f"{first}, {listed(rest)}.")


def _found(protocol: StudyProtocol, estimate: Estimate, goal: Goal) -> str:
    group = f" {group_phrase(estimate.stratum)}" if estimate.stratum else ""
    return f"{measure(estimate, protocol)}{group}: {printed_estimate(estimate, against=goal.value)}"


def _meets(estimate: Estimate, goal: Goal) -> str:
    beyond = "or above" if goal.direction == "at_least" else "or below"
    return f"the {_near(goal)} limit is at {beyond} the goal of {_goal(estimate, goal)}."


def _straddles(protocol: StudyProtocol, estimate: Estimate, goal: Goal) -> str:
    events = count_of(estimate.n_events, events_noun(estimate, protocol))
    verb = "is" if estimate.n_events == 1 else "are"
    return f"the goal of {_goal(estimate, goal)} lies inside the limits, and {events} {verb} too few to decide."


def _unreadable(protocol: StudyProtocol, criterion: Criterion, estimate: Estimate, judgement: Judgement) -> str:
    if judgement.reason == "undefined":
        return "what is not defined decides nothing."
    if judgement.reason == "zero_width_interval":
        return "its limits coincide, and limits without width decide nothing."
    if judgement.reason == "level_missing":
        attribute = attribute_words(criterion.worst_of or "")
        return f"cases whose {attribute} is not known leave open whether every {attribute} meets the goal."
    events = count_of(estimate.n_events, events_noun(estimate, protocol))
    needed = criterion.min_events
    if needed is not None and estimate.n_events < needed:
        return f"it rests on {events}, and the protocol asks for at least {needed}."
    why = f" ({estimate.reason.removesuffix('.')})" if estimate.reason else ""
    return f"{events} {'is' if estimate.n_events == 1 else 'are'} too few for limits that can be trusted{why}."


def _level_sentence(protocol: StudyProtocol, criterion: Criterion, level: Level, goal: Goal, levels: int) -> str:
    estimate, interval = level.estimate, level.estimate.interval
    if level.judgement.reason == "straddles_goal" and interval and goal.missed_by(interval.low, interval.high):
        reason = (
            f"by itself this group would miss the goal of {_goal(estimate, goal)}, but as the worst of "
            f"{number_word(levels)} groups it can be so by chance, so nothing is decided."
        )
        return f"{_found(protocol, estimate, goal)}; {reason}"
    sentence = one_sentence(protocol, criterion, estimate, goal, level.judgement)
    if level.judgement.outcome != "FAIL" or interval is None:
        return sentence
    assert interval.simultaneous_low is not None and interval.simultaneous_high is not None
    wider = printed_limits(interval.simultaneous_low, interval.simultaneous_high, estimate.unit, against=goal.value)
    return f"{sentence} Limits that allow for looking at {number_word(levels)} groups ({wider}) say the same."


def _others(result: WorstOf, deciding: Level) -> list[str]:
    missed = [level for level in result.levels if level is not deciding and level.judgement.outcome == "FAIL"]
    open_ = [level for level in result.open if level is not deciding]
    sentences = []
    if missed:
        sentences.append(f"The goal is missed {_groups(missed)} too.")
    if open_:
        sentences.append(f"Nothing is decided {_groups(open_)}{'' if result.outcome == 'FAIL' else ' either'}.")
    return sentences


def _groups(levels: Sequence[Level]) -> str:
    return listed(group_phrase(level.estimate.stratum) for level in levels)


def _goal(estimate: Estimate, goal: Goal) -> str:
    return printed_goal(goal.value, estimate.unit)


def _near(goal: Goal) -> str:
    return "lower" if goal.direction == "at_least" else "upper"


def _far(goal: Goal) -> str:
    return "upper" if goal.direction == "at_least" else "lower"


def _beyond(goal: Goal) -> str:
    return "below" if goal.direction == "at_least" else "above"
