"""Counts and point estimates once more, by the textbook and one row at a time: no code of metrics, estimation or stats is used.

What two ways of counting agree on is not a slip of either. Covers yes-or-no questions: sensitivity, specificity, PPV, NPV, accuracy,
F1, AUROC as the share of ordered pairs (ties half) and the Brier score, overall and by stratum, under every rule for failures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from validate.errors import EvidenceError
from validate.evidence.seal import read_document

UNITS = "results/units.parquet"
TOLERANCE = 1e-9
WITHOUT_THRESHOLD = frozenset({"auroc", "brier"})
INFINITY = math.inf


@dataclass(frozen=True, slots=True)
class Row:
    """positive : what is true      score : the output; ±infinity for a failure that counts as wrong or right"""

    positive: bool
    score: float


@dataclass(frozen=True, slots=True)
class Recount:
    """checked : estimates counted again      differences : in words, each with the estimate's address"""

    checked: int
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answers:
    """What is counted from.    table : rows of the results table      rules : by model, which side of a threshold is flagged"""

    estimates: Sequence[Mapping[str, Any]]
    table: Sequence[Mapping[str, Any]]
    rules: Mapping[str, str]


def answers(folder: Path) -> Answers:
    """Read a run folder. Raises EvidenceError where a table can't be read."""
    estimates = read_document(folder, "estimates.json").get("estimates", [])
    try:
        protocol = yaml.safe_load((folder / "protocol.yaml").read_text(encoding="utf-8"))
        table = pq.read_table(folder / UNITS).to_pylist()
    except (OSError, ValueError, yaml.YAMLError, pa.ArrowException) as error:
        raise EvidenceError(f"the tables can't be read to count again: {error}") from error
    return Answers(estimates, table, {model["id"]: _rule(model) for model in protocol.get("models", ())})


def countable(found: Answers) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The estimates, with their places, that can be counted by hand from this table."""
    there = {_answer(row) for row in found.table}
    for index, estimate in enumerate(found.estimates):
        name = str(estimate["metric"]).removeprefix("classification.")
        if name in MEASURES and _answer(estimate) in there and _by_hand(estimate):
            yield index, estimate


def _answer(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["model"], row["pass"], row.get("target")


def recount(folder: Path) -> Recount:
    """Count every such estimate again. Raises EvidenceError where a table can't be read."""
    found = answers(folder)
    rows: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in found.table:
        rows.setdefault(_answer(row), []).append(row)
    cases: dict[tuple[Any, ...], list[Row]] = {}  # what several measures of one group share
    checked, differences = 0, list[str]()
    for index, estimate in countable(found):
        answer = _answer(estimate)
        group = (answer, estimate["missing_rule"], tuple(sorted(estimate["stratum"].items())))
        if group not in cases:
            cases[group] = list(_cases(rows[answer], estimate))
        name = str(estimate["metric"]).removeprefix("classification.")
        counted = MEASURES[name](cases[group], _flag(estimate, found.rules[estimate["model"]]))
        checked += 1
        place = f"estimates.json#/estimates/{index}"
        differences += [f"{place}/{key}: stored {was}, counted {now}" for key, was, now in _unequal(estimate, counted)]
    return Recount(checked, tuple(differences))


def _by_hand(estimate: Mapping[str, Any]) -> bool:
    condition = set(estimate["condition"])
    restated = condition - {"threshold"}
    name = str(estimate["metric"]).removeprefix("classification.")
    if "threshold" not in condition and name not in WITHOUT_THRESHOLD:
        return False  # flagged by another rule than a threshold, such as the class with the highest score
    return estimate["contrast"] is None and estimate["status"] == "ok" and not restated


def _rule(model: Mapping[str, Any]) -> str:
    return str((model.get("operating_point") or {}).get("rule", ">="))


def _flag(estimate: Mapping[str, Any], rule: str) -> Callable[[Row], bool]:
    threshold = estimate["condition"].get("threshold", math.nan)
    return lambda row: row.score > threshold if rule == ">" else row.score >= threshold


def _cases(rows: Sequence[Mapping[str, Any]], estimate: Mapping[str, Any]) -> Iterator[Row]:
    rule = estimate["missing_rule"]
    for row in rows:
        if row["label_status"] != "present" or any(row.get(f"by.{k}") != v for k, v in estimate["stratum"].items()):
            continue
        positive = row["label"] == 1.0
        if row["status"] == "ok":
            yield Row(positive, float(row["score"]))
        elif rule == "worst_case":
            yield Row(positive, -INFINITY if positive else INFINITY)
        elif rule == "best_case":
            yield Row(positive, INFINITY if positive else -INFINITY)


Found = tuple[float, int | None, int | None]  # value, numerator, denominator


def _share(of: Sequence[Row], hit: Callable[[Row], bool]) -> Found:
    hits = sum(1 for row in of if hit(row))
    return (hits / len(of) if of else math.nan), hits, len(of)


def sensitivity(rows: Sequence[Row], flagged: Callable[[Row], bool]) -> Found:
    return _share([r for r in rows if r.positive], flagged)


def specificity(rows: Sequence[Row], flagged: Callable[[Row], bool]) -> Found:
    return _share([r for r in rows if not r.positive], lambda row: not flagged(row))


def ppv(rows: Sequence[Row], flagged: Callable[[Row], bool]) -> Found:
    return _share([r for r in rows if flagged(r)], lambda row: row.positive)


def npv(rows: Sequence[Row], flagged: Callable[[Row], bool]) -> Found:
    return _share([r for r in rows if not flagged(r)], lambda row: not row.positive)


def accuracy(rows: Sequence[Row], flagged: Callable[[Row], bool]) -> Found:
    return _share(rows, lambda row: flagged(row) == row.positive)


def f1(rows: Sequence[Row], flagged: Callable[[Row], bool]) -> Found:
    true = sum(1 for r in rows if r.positive and flagged(r))
    wrong = sum(1 for r in rows if r.positive != flagged(r))
    return (2 * true / (2 * true + wrong) if true + wrong else math.nan), None, None


def auroc(rows: Sequence[Row], _flagged: Callable[[Row], bool]) -> Found:
    """Share of pairs of a positive and a negative in which the positive scores higher; a tie is half (Mann-Whitney)."""
    order = sorted(rows, key=lambda row: row.score)
    below, pairs, place = 0, 0.0, 0
    while place < len(order):
        end = place
        while end < len(order) and order[end].score == order[place].score:
            end += 1
        tied = [row.positive for row in order[place:end]]
        positives = sum(tied)
        pairs += positives * (below + (len(tied) - positives) / 2)
        below += len(tied) - positives
        place = end
    total = below * (len(order) - below)
    return (pairs / total if total else math.nan), None, None


def brier(rows: Sequence[Row], _flagged: Callable[[Row], bool]) -> Found:
    """Mean squared distance of the probability from what is true."""
    return (math.fsum((r.score - r.positive) ** 2 for r in rows) / len(rows) if rows else math.nan), None, None


MEASURES: Mapping[str, Callable[[Sequence[Row], Callable[[Row], bool]], Found]] = {
    "sensitivity": sensitivity, "specificity": specificity, "ppv": ppv, "npv": npv, "accuracy": accuracy, "f1": f1,
    "auroc": auroc, "brier": brier,
}  # fmt: skip


def _unequal(estimate: Mapping[str, Any], found: Found) -> Iterator[tuple[str, Any, Any]]:
    value, numerator, denominator = found
    stored = estimate["value"]
    if stored is None or not math.isclose(stored, value, rel_tol=TOLERANCE, abs_tol=1e-12):
        yield "value", stored, value
    for key, now in (("numerator", numerator), ("denominator", denominator)):
        if now is not None and estimate[key] is not None and estimate[key] != now:
            yield key, estimate[key], now
