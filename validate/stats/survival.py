"""Time until an event of which not all are seen: Kaplan–Meier curves, the log-rank test and Harrell's concordance.

A time is that of the event where it was seen, else the last at which the patient was known to be without it (censored).
Who is censored at the time of another's event was still at risk then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined

Array = NDArray[np.float64]
TOGETHER = 1024  # patients whose pairs with all others are looked at in one go


@dataclass(frozen=True, slots=True)
class Curve:
    """times : at which somebody has the event, rising    survival : share without it from then on
    low, high : limits of that, each time by itself    at_risk : just before it    events : at it
    """

    times: Array
    survival: Array
    low: Array
    high: Array
    at_risk: NDArray[np.int64]
    events: NDArray[np.int64]

    def at(self, time: float) -> tuple[float, float, float]:
        """(share without the event, low, high) after so long; all are without it before the first event."""
        place = int(np.searchsorted(self.times, time, side="right")) - 1
        if place < 0:
            return 1.0, 1.0, 1.0
        return float(self.survival[place]), float(self.low[place]), float(self.high[place])

    def median(self) -> tuple[float | None, float | None, float | None]:
        """When half have had the event, with limits where the curve's limits cross a half; None where they do not."""
        return tuple(_crossing(self.times, line) for line in (self.survival, self.low, self.high))  # type: ignore[return-value]


def kaplan_meier(time: Array, event: NDArray[np.bool_], *, level: float = 0.95) -> Curve:
    """Product-limit estimate, Greenwood's variance, limits on the logarithm of the share and cut at 1.

    time, event : (n,)      Kaplan & Meier 1958, doi:10.1080/01621459.1958.10501452.  Raises Undefined for nobody.
    """
    if time.size == 0:
        raise Undefined("A Kaplan–Meier curve needs at least 1 patient: there are none")
    times, events = np.unique(time[event], return_counts=True)
    at_risk = number_at_risk(time, times)
    survival: Array = np.cumprod(1.0 - events / np.maximum(at_risk, 1)).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(np.cumsum(events / (at_risk * (at_risk - events))))
        z = NormalDist().inv_cdf((1 + level) / 2)
        low, high = survival * np.exp(-z * spread), np.minimum(survival * np.exp(z * spread), 1.0)
    nobody_left = survival <= 0  # no variance there: nothing is known of those who might have come later
    lower: Array = np.where(nobody_left, 0.0, low).astype(np.float64)
    upper: Array = np.where(nobody_left, 0.0, high).astype(np.float64)
    return Curve(times, survival, lower, upper, at_risk, events.astype(np.int64))


def number_at_risk(time: Array, at: Sequence[float] | Array) -> NDArray[np.int64]:
    """How many are in view and without the event just before each time."""
    ordered = np.sort(time)
    found: NDArray[np.int64] = (
        ordered.size - np.searchsorted(ordered, np.asarray(at, np.float64), side="left")
    ).astype(np.int64)
    return found


@dataclass(frozen=True, slots=True)
class LogRank:
    """statistic : chi-squared with one degree of freedom    expected : events of the second group, were both alike"""

    statistic: float
    p: float
    observed: int
    expected: float


def log_rank(time: Array, event: NDArray[np.bool_], second: NDArray[np.bool_]) -> LogRank:
    """Whether two groups have the event at the same rate (Mantel 1966); each patient counts once.

    Raises Undefined where a group is empty or its events have no variance.
    """
    if second.all() or not second.any():
        raise Undefined("The log-rank test needs two groups: everybody is in one")
    times = np.unique(time[event])
    risk, risk_second = number_at_risk(time, times), number_at_risk(time[second], times)
    events = _events_at(time[event], times)
    observed = int((event & second).sum())
    expected = float((events * risk_second / risk).sum())
    share = risk_second / risk
    variance = float((events * share * (1 - share) * (risk - events) / np.maximum(risk - 1, 1)).sum())
    if variance <= 0:
        raise Undefined("The log-rank test needs an event while both groups are at risk: there is none")
    statistic = (observed - expected) ** 2 / variance
    return LogRank(statistic, erfc(sqrt(statistic / 2)), observed, expected)


def concordance(time: Array, event: NDArray[np.bool_], risk: Array, weights: NDArray[np.uint8] | None = None) -> Array:
    """Harrell's C: of the pairs whose order is known, in how many the higher risk has the event first; ties of risk are halves.

    weights : (replicates, n), or None for everybody once.  Returns (replicates,), NaN where no pair's order is known.
    Two events at one time are no pair (Harrell 1996, doi:10.1002/(SICI)1097-0258(19960229)15:4<361::AID-SIM168>3.0.CO;2-4).
    """
    many = np.ones((1, time.size), np.float32) if weights is None else weights.astype(np.float32)
    right, known = np.zeros(len(many)), np.zeros(len(many))
    first = np.flatnonzero(event)
    for start in range(0, first.size, TOGETHER):
        some = first[start : start + TOGETHER]
        later = time[None, :] > time[some, None]
        later |= (time[None, :] == time[some, None]) & ~event[None, :]
        higher = risk[some, None] - risk[None, :]
        won = np.where(higher > 0, 1.0, np.where(higher == 0, 0.5, 0.0)) * later
        right += ((many @ won.T.astype(np.float32)) * many[:, some]).sum(axis=1, dtype=np.float64)
        known += ((many @ later.T.astype(np.float32)) * many[:, some]).sum(axis=1, dtype=np.float64)
    found: Array = np.divide(right, known, out=np.full(len(many), np.nan), where=known > 0)
    return found


def _events_at(time_of_events: Array, times: Array) -> NDArray[np.int64]:
    return np.bincount(np.searchsorted(times, time_of_events), minlength=times.size)


def _crossing(times: Array, line: Array) -> float | None:
    """Where the line first lies at or under a half; the middle of a stretch that lies on it."""
    under = np.flatnonzero(line < 0.5 - 1e-12)
    on = np.flatnonzero(np.abs(line - 0.5) <= 1e-12)
    if on.size:
        return float((times[on[0]] + times[under[0]]) / 2) if under.size else float(times[on[0]])
    return float(times[under[0]]) if under.size else None
