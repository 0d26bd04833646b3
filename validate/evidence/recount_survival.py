"""What became of the patients, counted once more, one patient at a time: Kaplan–Meier, the log-rank test's sums, and Harrell's C.

Limits and p values are computed again by the program alone.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from validate.evidence.recount_moved import CLEAN, options_of
from validate.evidence.recount_people import case_of, level_text
from validate.evidence.recount_table import FINDINGS, Table

NAME = "survival"
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Patient:
    score: float
    time: float
    happened: bool
    flagged: bool | None


@dataclass(frozen=True, slots=True)
class Stored:
    """A number of a finding.    address : in findings.json

    flagged, time : of which patients, and when (of a time itself, which of them), where it is of some
    """

    address: str
    kind: str
    value: float
    flagged: bool | None = None
    time: float | None = None


def recounted(table: Table) -> tuple[int, list[str]]:
    """How many numbers were counted again, and each that is another, by its address."""
    checked, told = 0, list[str]()
    for model, numbers in asked(table):
        counts = _Counts(patients_of(table, model), left_out(everybody(table, model)))
        for one in numbers:
            checked += 1
            now = counts.of(one)
            if now is None or not math.isclose(one.value, now, rel_tol=TOLERANCE, abs_tol=1e-12):
                told.append(f"{one.address}: stored {one.value}, counted {now}")
    return checked, told


def asked(table: Table) -> Sequence[tuple[str, list[Stored]]]:
    """By model, what its finding holds."""
    found: Sequence[tuple[str, list[Stored]]] = table.once(("survival",), lambda: list(_asked(table)))
    return found


def _asked(table: Table) -> Iterator[tuple[str, list[Stored]]]:
    if not options_of(table.protocol, NAME):
        return
    for place, finding in enumerate(table.findings):
        if finding["analysis"] != NAME or finding["status"] != "ok":
            continue
        yield finding["model"], list(_numbers(finding["data"], f"{FINDINGS}#/findings/{place}/data/"))


def patients_of(table: Table, model: str) -> list[Patient]:
    """Who has an output and a known follow-up: the highest score of their images."""
    return [
        Patient(one["score"], one["time"], one["happened"], one["flagged"])
        for one in everybody(table, model)
        if one["score"] is not None and one["time"] is not None
    ]


def everybody(table: Table, model: str) -> list[dict[str, Any]]:
    """Score, time, happened and flagged of each patient; None where there is no output, or the follow-up is not known."""
    found: list[dict[str, Any]] = table.once(("patients", model), lambda: _everybody(table, model))
    return found


def _everybody(table: Table, model: str) -> list[dict[str, Any]]:
    options = options_of(table.protocol, NAME)
    became = {
        row["patient"]: (
            float(row[options["time"]]),
            level_text(row[options["event"]]) == level_text(options.get("occurred", 1)),
        )
        for row in case_of(table).values()
        if row[options["time"]] is not None and row[options["event"]] is not None and not _is_nan(row[options["time"]])
    }
    best: dict[str, float | None] = {}
    target = table.headline  # of several questions the one that the first page speaks of
    for row in table.rows:
        if row["model"] != model or row["pass"] != CLEAN or row["target"] != target:
            continue
        name, before = row["patient"], best.get(row["patient"])
        given = row["status"] == "ok" and row["score"] is not None
        best[name] = max(float(row["score"]), -math.inf if before is None else before) if given else before
    at = table.threshold(model, target) if table.rows else None
    inclusive = table.inclusive(model)
    return [
        {
            "score": score, "time": became[name][0] if name in became else None, "happened": became[name][1] if name in became else None,
            "flagged": None if at is None or score is None else score >= at if inclusive else score > at,
        }
        for name, score in best.items()
    ]  # fmt: skip


def left_out(patients: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Patients without an output, and those with one whose follow-up is not known."""
    answered = [one for one in patients if one["score"] is not None]
    return len(patients) - len(answered), sum(one["time"] is None for one in answered)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _numbers(data: Mapping[str, Any], at: str) -> Iterator[Stored]:
    for name in ("patients", "events", "no_output", "no_follow_up", "last"):
        yield Stored(f"{at}{name}", name, data[name])
    for number, group in enumerate(data["groups"]):
        yield from _of_group(group, f"{at}groups/{number}/", (0.0, *data["at"]))
    if data["log_rank"] is not None:
        for name in ("observed", "expected", "statistic"):
            yield Stored(f"{at}log_rank/{name}", name, data["log_rank"][name])
    if data["concordance"] is not None:
        yield Stored(f"{at}concordance/value", "concordance", data["concordance"]["value"])


def _of_group(group: Mapping[str, Any], here: str, asked_at: Sequence[float]) -> Iterator[Stored]:
    flagged = bool(group["flagged"])
    for name in ("patients", "events"):
        yield Stored(f"{here}{name}", name, group[name], flagged)
    yield Stored(f"{here}times", "steps", len(group["times"]), flagged)
    for place, (time, share) in enumerate(zip(group["times"], group["survival"], strict=True)):
        yield Stored(f"{here}times/{place}", "step", time, flagged, place)
        yield Stored(f"{here}survival/{place}", "survival", share, flagged, time)
    for place, (time, share) in enumerate(group["censored"]):
        yield Stored(f"{here}censored/{place}/0", "leaving", time, flagged, place)
        yield Stored(f"{here}censored/{place}/1", "survival", share, flagged, time)
    if group["median"] is not None:
        yield Stored(f"{here}median", "median", group["median"], flagged)
    for place, read in enumerate(group["read"]):
        yield Stored(f"{here}read/{place}/survival", "survival", read["survival"], flagged, read["time"])
    for place, (time, count) in enumerate(zip(asked_at, group["at_risk"], strict=True)):
        yield Stored(f"{here}at_risk/{place}", "at_risk", count, flagged, time)


class _Counts:
    """Of one model's patients: each curve and each test counted once."""

    def __init__(self, patients: Sequence[Patient], left: tuple[int, int] = (0, 0)) -> None:
        self._left = dict(zip(("no_output", "no_follow_up"), left, strict=True))
        self._of: dict[bool | None, list[Patient]] = {None: list(patients)}
        for flagged in (True, False):
            self._of[flagged] = [one for one in patients if one.flagged == flagged]
        self._curves: dict[bool | None, list[tuple[float, float]]] = {}
        self._times: dict[bool | None, list[float]] = {}
        self._log_rank: tuple[int, float, float] | None = None

    def of(self, one: Stored) -> float | None:
        mine = self._of[one.flagged]
        whole: dict[str, Callable[[], float | None]] = {
            **{name: partial(self._test, name) for name in ("observed", "expected", "statistic")},
            **{name: partial(int, count) for name, count in self._left.items()},
            "concordance": lambda: concordance(mine),
            "patients": lambda: len(mine),
            "events": lambda: sum(patient.happened for patient in mine),
            "last": lambda: max(patient.time for patient in mine),
        }
        return whole[one.kind]() if one.kind in whole else self._of_curve(one, mine)

    def _of_curve(self, one: Stored, mine: Sequence[Patient]) -> float | None:
        if one.flagged not in self._curves:
            self._curves[one.flagged] = curve(mine)
            self._times[one.flagged] = sorted(patient.time for patient in mine)
        steps, times = self._curves[one.flagged], self._times[one.flagged]
        if one.kind in {"steps", "median"}:
            return len(steps) if one.kind == "steps" else median(steps)
        assert one.time is not None
        if one.kind in {"step", "leaving"}:
            when = [time for time, _ in steps] if one.kind == "step" else _leaving(mine)
            return when[int(one.time)] if int(one.time) < len(when) else None
        return still_without(steps, one.time) if one.kind == "survival" else len(times) - bisect_left(times, one.time)

    def _test(self, kind: str) -> float | None:
        if self._log_rank is None:
            self._log_rank = log_rank(self._of[None])
        observed, expected, variance = self._log_rank
        if kind == "statistic":
            return (observed - expected) ** 2 / variance if variance else None
        return observed if kind == "observed" else expected


def curve(patients: Sequence[Patient]) -> list[tuple[float, float]]:
    """Kaplan–Meier's product: after each time of an event, the share still without it."""
    share, found, there = 1.0, list[tuple[float, float]](), len(patients)
    for time, (leaving, events, _, _) in _by_time(patients):
        if events:
            share *= 1 - events / there
            found.append((time, share))
        there -= leaving
    return found


def still_without(steps: Sequence[tuple[float, float]], time: float) -> float:
    place = bisect_right(steps, time, key=lambda step: step[0])
    return steps[place - 1][1] if place else 1.0


def median(steps: Sequence[tuple[float, float]]) -> float | None:
    """When half are without it at the most; where just half are for a while, the middle of that while."""
    below = next((place for place, (_, share) in enumerate(steps) if share < 0.5 - 1e-12), None)
    first = next((place for place, (_, share) in enumerate(steps) if share <= 0.5 + 1e-12), None)
    return (
        None
        if first is None
        else steps[first][0]
        if below is None or below == first
        else (steps[first][0] + steps[below][0]) / 2
    )


def _leaving(patients: Sequence[Patient]) -> list[float]:
    return sorted({one.time for one in patients if not one.happened})


def log_rank(patients: Sequence[Patient]) -> tuple[int, float, float]:
    """Events seen among the flagged, those expected if both groups were alike, and the variance of the difference."""
    expected = variance = 0.0
    observed, n, flagged = 0, len(patients), sum(bool(one.flagged) for one in patients)
    for _, (leaving, events, flagged_leaving, flagged_events) in _by_time(patients):
        observed += flagged_events
        expected += events * flagged / n
        if n > 1:
            variance += events * (flagged / n) * (1 - flagged / n) * (n - events) / (n - 1)
        n, flagged = n - leaving, flagged - flagged_leaving
    return observed, expected, variance


def _by_time(patients: Sequence[Patient]) -> list[tuple[float, tuple[int, int, int, int]]]:
    """At each time in order: who leaves, of them with the event; and the same of the flagged."""
    found: dict[float, list[int]] = {}
    for one in patients:
        here = found.setdefault(one.time, [0, 0, 0, 0])
        for place, counts in enumerate((True, one.happened, one.flagged, one.happened and one.flagged)):
            here[place] += bool(counts)
    return [(time, (a, b, c, d)) for time, (a, b, c, d) in sorted(found.items())]


def concordance(patients: Sequence[Patient]) -> float | None:
    """Harrell's C: of two of whom one is known to have it first, how often that one has the higher score; equal scores are halves."""
    later: list[float] = []  # scores of those who are known to stay without it longer
    right = known = 0.0
    by_time: dict[float, list[Patient]] = {}
    for one in patients:
        by_time.setdefault(one.time, []).append(one)
    for time in sorted(by_time, reverse=True):
        for one in by_time[time]:
            if not one.happened:
                insort(later, one.score)
        events = [one.score for one in by_time[time] if one.happened]
        for score in events:
            below, not_above = bisect_left(later, score), bisect_right(later, score)
            right += below + (not_above - below) / 2
            known += len(later)
        for score in events:
            insort(later, score)
    return right / known if known else None
