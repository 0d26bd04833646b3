"""Rules that decide who is in: each excluded file has one reason, known before any inference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from validate.cohort.case import AttributeValue
from validate.cohort.index import Candidate
from validate.protocol.cohort import Cohort, Period, Rule

Reasons = dict[int, tuple[str, str]]  # place in the list → (code, sentence)


def exclusion_reasons(candidates: Sequence[Candidate], protocol: Cohort) -> Reasons:
    """The first reason that applies to each candidate: what it is, then copies and conflicts, then period and rules."""
    reasons = defects(candidates)
    for at, candidate in enumerate(candidates):
        ruled = _by_rules(candidate, protocol) if at not in reasons else None
        if ruled is not None:
            reasons[at] = ruled
    return reasons


def defects(candidates: Sequence[Candidate]) -> Reasons:
    """What no protocol can let in: files that are no image, studies of two patients, copies and contradictions."""
    reasons: Reasons = {at: (c.reason, c.detail) for at, c in enumerate(candidates) if c.reason is not None}
    for found in (_conflicting_patients, _copies):
        reasons |= dict(found(candidates, reasons))
    return reasons


def _conflicting_patients(candidates: Sequence[Candidate], gone: Reasons) -> Iterator[tuple[int, tuple[str, str]]]:
    """A study under two patient ids: whose it is must not be guessed, so all of it leaves."""
    studies: dict[str, list[int]] = defaultdict(list)
    for at, candidate in enumerate(candidates):
        if at not in gone:
            studies[candidate.keys["study_instance_uid"]].append(at)
    for members in studies.values():
        if len({candidates[at].keys["patient_id"] for at in members}) > 1:
            for at in members:
                yield at, ("conflicting_patient", "The study is filed under more than one patient id.")


def _copies(candidates: Sequence[Candidate], gone: Reasons) -> Iterator[tuple[int, tuple[str, str]]]:
    """The same SOP instance twice: of equal files the first stays; of different ones none does."""
    instances: dict[str, list[int]] = defaultdict(list)
    for at, candidate in enumerate(candidates):
        if at not in gone:
            instances[candidate.keys["sop_instance_uid"]].append(at)
    for members in instances.values():
        if len({candidates[at].digest for at in members}) > 1:
            for at in members:
                yield at, ("conflicting_duplicate", "The same SOP instance exists with different content.")
        else:
            for at in members[1:]:
                yield at, ("duplicate_sop_instance", "A copy of a file that is in the study.")


def _by_rules(candidate: Candidate, protocol: Cohort) -> tuple[str, str] | None:
    if protocol.period is not None and (reason := _outside(candidate, protocol.period)) is not None:
        return reason
    for rule in protocol.include:
        value = candidate.attributes.get(rule.attribute)
        if value is None:
            return f"rule:{rule.attribute}:missing", f"The inclusion rule needs {rule.attribute}, which is missing."
        if not meets(rule, value):
            return f"rule:{rule.attribute}", f"Does not meet the inclusion rule on {rule.attribute}."
    for rule in protocol.exclude:
        value = candidate.attributes.get(rule.attribute)
        if value is not None and meets(rule, value):
            return f"rule:{rule.attribute}", f"Meets the exclusion rule on {rule.attribute}."
    return None


def _outside(candidate: Candidate, period: Period) -> tuple[str, str] | None:
    if candidate.studied is None:
        return "rule:study_date:missing", "The period needs a study date, which is missing."
    if not period.from_ <= candidate.studied <= period.to:
        return "outside_period", "The study lies outside the period."
    return None


def meets(rule: Rule, value: AttributeValue) -> bool:
    """Whether a value meets a rule. Numbers compare as numbers, text without regard to case."""
    if rule.one_of is not None:
        return _among(value, rule.one_of)
    if rule.none_of is not None:
        return not _among(value, rule.none_of)
    if not isinstance(value, int | float):
        return False
    return (rule.at_least is None or value >= rule.at_least) and (rule.at_most is None or value <= rule.at_most)


def _among(value: AttributeValue, listed: Iterable[object]) -> bool:
    return _comparable(value) in {_comparable(item) for item in listed}


def _comparable(value: object) -> object:
    return (
        value.strip().casefold()
        if isinstance(value, str)
        else float(value)
        if isinstance(value, int | float)
        else value
    )
