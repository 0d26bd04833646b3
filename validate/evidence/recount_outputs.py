"""Outputs in other passes beside those in the clean one: whose answer changes, what moves, what is refused, case by case."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from validate.evidence.recount_moved import CLEAN, NOT_MADE
from validate.evidence.recount_people import NOT_TAKEN
from validate.evidence.recount_table import Entry, Table

FIRST = "determinism.first"
Case = Sequence[Entry]  # the rows of one case in one pass, one for each target


@dataclass(frozen=True, slots=True)
class Beside:
    """Of one model: by pass and unit its rows, how a score is flagged, and what several numbers share."""

    passes: Mapping[str, Mapping[str, Case]]
    flag: Callable[[float], bool] | None
    target: str
    known: dict[str, dict[str, float]] = field(default_factory=dict)  # scores by pass
    turned: dict[tuple[str, ...], list[int]] = field(
        default_factory=dict
    )  # by passes, how often each case's answer is another

    def scores(self, name: str) -> Mapping[str, float]:
        """By unit, the score of the headline's question, where there is one."""
        if name not in self.known:
            found = {unit: self._own(rows) for unit, rows in self.passes.get(name, {}).items()}
            self.known[name] = {
                unit: row["score"] for unit, row in found.items() if row["status"] == "ok" and row["score"] is not None
            }
        return self.known[name]

    def _own(self, rows: Case) -> Entry:
        return next((row for row in rows if row["target"] == self.target), rows[0])

    def failed(self, name: str) -> set[str]:
        return {unit for unit, rows in self.passes.get(name, {}).items() if self._own(rows)["status"] != "ok"}


def counted(table: Table, line: Entry) -> float:
    own = table.once(("beside", line["model"], line["target"]), lambda: _beside(table, line["model"], line["target"]))
    return MEASURES[str(line["metric"]).removeprefix("outputs.")](own, line)


def _beside(table: Table, model: str, target: str) -> Beside:
    passes: dict[str, dict[str, list[Entry]]] = {}
    for row in table.rows:
        if row["model"] == model:
            passes.setdefault(row["pass"], {}).setdefault(row["unit"], []).append(row)
    at = table.threshold(model, target)
    inclusive = table.inclusive(model)
    flag = None if at is None else (lambda score: score >= at) if inclusive else (lambda score: score > at)
    return Beside(passes, flag, target)


def _flips(own: Beside, name: str, before: str = CLEAN) -> dict[str, bool]:
    """By unit that has an answer in both: flagged there, where it is another answer than before."""
    clean, other = own.scores(before), own.scores(name)
    assert own.flag is not None
    return {
        unit: own.flag(other[unit])
        for unit in clean
        if unit in other and own.flag(clean[unit]) != own.flag(other[unit])
    }


def _turned(own: Beside, line: Entry, *, to: bool) -> int:
    return list(_flips(own, line["pass"]).values()).count(to)


def _times(own: Beside, line: Entry) -> list[int]:
    """Of each case with a clean output, in how many passes its answer is another one; most first."""
    passes = tuple(line["asked"]["passes"])
    if passes not in own.turned:
        times = dict.fromkeys(own.scores(CLEAN), 0)
        for name in passes:
            for unit in _flips(own, name):
                times[unit] += 1
        own.turned[passes] = sorted(times.values(), reverse=True)
    return own.turned[passes]


def _made(own: Beside, line: Entry) -> dict[str, Case]:
    """Cases whose other image could be made."""
    every = own.passes.get(line["pass"], {})
    return {unit: rows for unit, rows in every.items() if not str(_failure(rows)).startswith(NOT_MADE)}


def _failure(rows: Case) -> str:
    return next((str(row["failure"]) for row in rows if row["failure"] is not None), "")


def _largest(own: Beside, line: Entry) -> float:
    """The largest change of a score.    asked : {"mirror": finding → the same of the other side}"""
    mirror, clean = line["asked"]["mirror"], own.passes[line["asked"].get("before", CLEAN)]
    found = [
        abs(row["score"] - old["score"])
        for unit, rows in _made(own, line).items()
        for row in rows
        for old in clean[unit]
        if old["target"] == mirror.get(row["target"], row["target"]) and None not in (row["score"], old["score"])
    ]
    return max(found, default=math.nan)


def _unanswered(own: Beside, line: Entry, *, stopped: bool) -> int:
    made = _made(own, line).values()
    failed = [_failure(rows) for rows in made if any(row["status"] != "ok" for row in rows)]
    return sum(reason.startswith(NOT_TAKEN) == stopped for reason in failed)


def _answered(own: Beside, line: Entry) -> list[float]:
    scores = own.scores(line["pass"])
    return [scores[unit] for unit in _made(own, line) if unit in scores]


def _middle(own: Beside, line: Entry, *, clean: bool) -> float:
    scores = own.scores(CLEAN)
    found = [scores[unit] for unit in own.passes[line["pass"]] if unit in scores] if clean else _answered(own, line)
    return statistics.median(found) if found else math.nan


def _flagged(own: Beside, line: Entry) -> int:
    assert own.flag is not None
    return sum(own.flag(score) for score in _answered(own, line))


def _identical(own: Beside, line: Entry) -> int:
    first, again = own.passes[FIRST], own.passes[line["pass"]]

    def same(one: Case, other: Case) -> bool:
        pairs = zip(sorted(one, key=_target), sorted(other, key=_target), strict=True)
        return all(a["status"] == b["status"] and (a["status"] != "ok" or a["score"] == b["score"]) for a, b in pairs)

    return sum(same(first[unit], rows) for unit, rows in again.items() if unit in first)


def _target(row: Entry) -> str:
    return str(row["target"])


MEASURES: Mapping[str, Callable[[Beside, Entry], float]] = {
    "failed": lambda own, line: len(own.failed(line["pass"]) - own.failed(CLEAN)),
    "to_positive": lambda own, line: _turned(own, line, to=True),
    "to_negative": lambda own, line: _turned(own, line, to=False),
    "in_both": lambda own, line: len(own.scores(CLEAN).keys() & own.scores(line["pass"]).keys()),
    "never_flipped": lambda own, line: _times(own, line).count(0),
    "answered_clean": lambda own, _line: len(own.scores(CLEAN)),
    "times_flipped": lambda own, line: _times(own, line)[line["asked"]["place"]],
    "made": lambda own, line: len(_made(own, line)),
    "not_made": lambda own, line: len(own.passes.get(line["pass"], {})) - len(_made(own, line)),
    "not_made_because": lambda own, line: [_failure(rows) for rows in own.passes[line["pass"]].values()].count(line["asked"]["reason"]),
    "largest": _largest,
    "stopped": lambda own, line: _unanswered(own, line, stopped=True),
    "refused": lambda own, line: _unanswered(own, line, stopped=False),
    "answered": lambda own, line: sum(all(row["status"] == "ok" for row in rows) for rows in _made(own, line).values()),
    "flagged": _flagged,
    "confident": lambda own, line: sum(max(score, 1 - score) >= line["asked"]["confident"] for score in _answered(own, line)),
    "middle": lambda own, line: _middle(own, line, clean=False),
    "middle_clean": lambda own, line: _middle(own, line, clean=True),
    "again": lambda own, line: len(own.passes[FIRST].keys() & own.passes[line["pass"]].keys()),
    "identical": _identical,
    "answers_changed": lambda own, line: len(_flips(own, line["pass"], FIRST)),
}  # fmt: skip
