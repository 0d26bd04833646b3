"""What an operating point means for 1,000: found, missed, falsely alarmed, rightly left alone, each a whole number.

Counts are expectations from sensitivity and specificity at a prevalence; their limits are those of sensitivity alone
(found, missed) or of specificity alone (false alarms, left alone), rounded outwards so that they promise nothing more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor

from validate.estimation.estimate import Estimate, Interval

TOTAL = 1000
LIMITS = (
    "Limits of found and missed are those of sensitivity, limits of false alarms and of those left alone those of "
    "specificity, each by itself, rounded outwards."
)


@dataclass(frozen=True, slots=True)
class Count:
    """low, high : None where the rate has no limits"""

    expected: int
    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class Between:
    """high : None where it has no end, as where nothing may be found at all"""

    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class PerThousand:
    """positive + negative = 1,000, found + missed = positive, false_alarms + left_alone = negative.

    alarms_per_found : false alarms for each one found; None where none is found
    number_needed_to_predict : 1 / (PPV + NPV - 1), how many answers it takes for one right prediction more than chance gives
        (Linn & Grunau 2006, doi:10.1186/1742-5573-3-11); None where not above 0
    …_limits : from the limits of both rates at once, so they are wide; None where a rate has none
    """

    prevalence: float
    positive: int
    negative: int
    found: Count
    missed: Count
    false_alarms: Count
    left_alone: Count
    flagged: int
    alarms_per_found: float | None
    alarms_per_found_limits: Between | None
    number_needed_to_predict: float | None
    number_needed_to_predict_limits: Between | None


@dataclass(frozen=True, slots=True)
class AlertLoad:
    """What a day brings, at so many a day: flags, those of them that are false, and findings missed.

    low, high : of the flags, from the limits of both rates at once (so they are wide); None where a rate has none
    """

    per_day: float
    flags: float
    false_flags: float
    missed: float
    low: float | None
    high: float | None


def alert_load(per_day: float, prevalence: float, *, sensitivity: Estimate, specificity: Estimate) -> AlertLoad:
    """Both estimates need a value: the caller checks. Expected numbers a day, not rounded."""
    assert sensitivity.value is not None and specificity.value is not None

    def flags(found: float, alone: float) -> float:
        return per_day * (prevalence * found + (1 - prevalence) * (1 - alone))

    s, c = sensitivity.interval, specificity.interval
    return AlertLoad(
        per_day=per_day,
        flags=flags(sensitivity.value, specificity.value),
        false_flags=per_day * (1 - prevalence) * (1 - specificity.value),
        missed=per_day * prevalence * (1 - sensitivity.value),
        low=flags(s.low, c.high) if s is not None and c is not None else None,
        high=flags(s.high, c.low) if s is not None and c is not None else None,
    )


def per_thousand(prevalence: float, *, sensitivity: Estimate, specificity: Estimate) -> PerThousand:
    """Both estimates need a value: the caller checks. prevalence lies in (0, 1)."""
    assert sensitivity.value is not None and specificity.value is not None
    positive = round(TOTAL * prevalence)
    negative = TOTAL - positive
    found, missed = _split(TOTAL * prevalence, sensitivity.value, sensitivity.interval, positive)
    alone, alarms = _split(TOTAL * (1 - prevalence), specificity.value, specificity.interval, negative)
    rates = sensitivity.value, specificity.value
    return PerThousand(
        prevalence=prevalence,
        positive=positive,
        negative=negative,
        found=found,
        missed=missed,
        false_alarms=alarms,
        left_alone=alone,
        flagged=found.expected + alarms.expected,
        alarms_per_found=_alarms(prevalence, *rates),
        alarms_per_found_limits=_between(_alarms, prevalence, sensitivity.interval, specificity.interval),
        number_needed_to_predict=_needed(prevalence, *rates),
        number_needed_to_predict_limits=_between(_needed, prevalence, sensitivity.interval, specificity.interval),
    )


def _between(
    of_rates: Callable[[float, float, float], float | None],
    prevalence: float,
    found: Interval | None,
    alone: Interval | None,
) -> Between | None:
    """What falls with both rates: least at their upper limits, most at their lower ones."""
    if found is None or alone is None:
        return None
    return Between(of_rates(prevalence, found.high, alone.high), of_rates(prevalence, found.low, alone.low))


def _alarms(prevalence: float, sensitivity: float, specificity: float) -> float | None:
    found = prevalence * sensitivity
    return (1 - prevalence) * (1 - specificity) / found if found > 0 else None


def _split(people: float, rate: float, interval: Interval | None, whole: int) -> tuple[Count, Count]:
    """The share at the rate and its complement, as whole numbers that add up."""
    hit = min(max(round(people * rate), 0), whole)
    if interval is None:
        return Count(hit, None, None), Count(whole - hit, None, None)
    low, high = _outwards(people * interval.low, people * interval.high, hit)
    below, above = _outwards(people * (1 - interval.high), people * (1 - interval.low), whole - hit)
    return Count(hit, low, high), Count(whole - hit, below, above)


def _outwards(low: float, high: float, expected: int) -> tuple[int, int]:
    """Whole numbers around the limits and the expected count; what is whole but for rounding stays as it is."""
    return min(floor(low + 1e-9), expected), max(ceil(high - 1e-9), expected)


def _needed(prevalence: float, sensitivity: float, specificity: float) -> float | None:
    flags = prevalence * sensitivity + (1 - prevalence) * (1 - specificity)
    if not 0 < flags < 1:
        return None
    ppv = prevalence * sensitivity / flags
    npv = (1 - prevalence) * specificity / (1 - flags)
    return 1 / (ppv + npv - 1) if ppv + npv > 1 + 1e-12 else None
