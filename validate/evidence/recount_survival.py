"""What became of the patients, counted once more, one patient at a time: Kaplan–Meier, the log-rank test's sums, and Harrell's C.

Limits and p values are computed again by the program alone.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

from validate.evidence.recount_moved import CLEAN, options_of
from validate.evidence.recount_table import Table
from validate.evidence.seal import read_document

NAME, CASES, FINDINGS = "survival", "cohort/cases.parquet", "findings.json"
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Patient:
    score: float
    time: float
    happened: bool
    flagged: bool | None


def recounted(table: Table) -> tuple[int, list[str]]:
    """How many numbers were counted again, and each that is another, by its address."""
    checked, told = 0, list[str]()
    if not options_of(table.protocol, NAME):
        return 0, []
    for place, finding in enumerate(read_document(table.folder, FINDINGS)["findings"]):
        if finding["analysis"] != NAME or finding["status"] != "ok":
            continue
        if len({row["target"] for row in table.rows if row["model"] == finding["model"]}) > 1:
            continue  # of one question only
        patients = _patients(table, finding["model"])
        for pointer, stored, now in _numbers(finding["data"], patients):
            checked += 1
            if now is None or not math.isclose(stored, now, rel_tol=TOLERANCE, abs_tol=1e-12):
                told.append(f"{FINDINGS}#/findings/{place}/data/{pointer}: stored {stored}, counted {now}")
    return checked, told


def _patients(table: Table, model: str) -> list[Patient]:
    """Who has an output and a known follow-up: the highest score of their images."""
    options = options_of(table.protocol, NAME)
    became = {
        row["patient"]: (
            float(row[options["time"]]),
            _text(row[options["event"]]) == _text(options.get("occurred", 1)),
        )
        for row in pq.read_table(table.folder / CASES).to_pylist()
        if row[options["time"]] is not None and row[options["event"]] is not None and not _is_nan(row[options["time"]])
    }
    best: dict[str, float] = {}
    target = None
    for row in table.rows:
        if row["model"] == model and row["pass"] == CLEAN and row["status"] == "ok" and row["score"] is not None:
            target = row["target"]
            best[row["patient"]] = max(best.get(row["patient"], -math.inf), float(row["score"]))
    at = None if target is None else table.threshold(model, target)
    inclusive = table.inclusive(model)
    return [
        Patient(score, *became[name], None if at is None else score >= at if inclusive else score > at)
        for name, score in best.items()
        if name in became
    ]


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _numbers(data: Mapping[str, Any], patients: Sequence[Patient]) -> Iterator[tuple[str, float, float | None]]:
    """Where it is stored, what is stored, and what is counted."""
    yield "patients", data["patients"], len(patients)
    yield "events", data["events"], sum(one.happened for one in patients)
    for number, group in enumerate(data["groups"]):
        mine = [one for one in patients if one.flagged == group["flagged"]]
        yield f"groups/{number}/patients", group["patients"], len(mine)
        yield f"groups/{number}/events", group["events"], sum(one.happened for one in mine)
        steps = curve(mine)
        yield f"groups/{number}/times", len(group["times"]), len(steps)
        for place, (time, share) in enumerate(zip(group["times"], group["survival"], strict=True)):
            yield f"groups/{number}/survival/{place}", share, still_without(steps, time)
        for place, read in enumerate(group["read"]):
            yield f"groups/{number}/read/{place}/survival", read["survival"], still_without(steps, read["time"])
        for place, (time, stored) in enumerate(zip((0.0, *data["at"]), group["at_risk"], strict=True)):
            yield f"groups/{number}/at_risk/{place}", stored, sum(one.time >= time for one in mine)
    if data["log_rank"] is not None:
        observed, expected, variance = log_rank(patients)
        yield "log_rank/observed", data["log_rank"]["observed"], observed
        yield "log_rank/expected", data["log_rank"]["expected"], expected
        statistic = (observed - expected) ** 2 / variance if variance else None
        yield "log_rank/statistic", data["log_rank"]["statistic"], statistic
    if data["concordance"] is not None:
        yield "concordance/value", data["concordance"]["value"], concordance(patients)


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
    return next((share for at, share in reversed(steps) if at <= time), 1.0)


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
