"""Counts and point estimates once more, by the textbook and one case at a time: no code of metrics, estimation or stats is used.

What two ways of counting agree on is not a slip of either. Read here: which rows an estimate is of, and what a case without an
output counts as. Counted in recount_yes_no, recount_classes and recount_masks, overall and by stratum, under every rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from validate.casewise.measure import MEASURES as MASK_MEASURES
from validate.errors import EvidenceError
from validate.evidence import recount_classes, recount_masks, recount_yes_no
from validate.evidence.recount_classes import Answer, Answers
from validate.evidence.recount_passes import of_passes
from validate.evidence.recount_yes_no import Found, Row
from validate.evidence.seal import read_document

UNITS = "results/units.parquet"
ACCEPTED = "shift/reference.json"
TOLERANCE = 1e-9
UNREADABLE = "decode:"  # how the reason begins where the file could not be read, and the model had no part in it
INFINITY = math.inf
ALL_BUT = "\0"  # before a level, where every other one is meant
YES_NO = "classification."


@dataclass(frozen=True, slots=True)
class Recount:
    """checked : estimates counted again      of : estimates that have a value      differences : each with its address"""

    checked: int
    differences: tuple[str, ...]
    of: int = 0


@dataclass(slots=True)
class Table:
    """A run as it is counted.    classes : how many there are, where there are several"""

    estimates: Sequence[Mapping[str, Any]]
    rows: Sequence[Mapping[str, Any]]
    protocol: Mapping[str, Any]
    classes: int
    models: Mapping[str, Mapping[str, Any]]
    of_answer: dict[tuple[Any, ...], list[Mapping[str, Any]]] = field(default_factory=dict)
    of_group: dict[tuple[Any, ...], Any] = field(default_factory=dict)  # what several measures of one group share

    def threshold(self, model: str, target: str) -> float | None:
        """What flags a case, where a threshold does."""
        point = self.models[model].get("operating_point") or {}
        several = point.get("thresholds")
        return point.get("threshold") if several is None else several.get(target)

    def inclusive(self, model: str) -> bool:
        return bool((self.models[model].get("operating_point") or {}).get("rule", ">=") == ">=")


def read_table(folder: Path) -> Table:
    """Raises EvidenceError where a table can't be read."""
    estimates = read_document(folder, "estimates.json").get("estimates", [])
    try:
        protocol = yaml.safe_load((folder / "protocol.yaml").read_text(encoding="utf-8"))
        rows = pq.read_table(folder / UNITS).to_pylist()
    except (OSError, ValueError, yaml.YAMLError, pa.ArrowException) as error:
        raise EvidenceError(f"the tables can't be read to count again: {error}") from error
    reference = protocol.get("reference") or {}
    classes = len(reference.get("classes") or reference.get("grades") or ())
    table = Table(estimates, rows, protocol, classes, {model["id"]: model for model in protocol.get("models", ())})
    for row in rows:
        if row.get("label_status") == "present":
            table.of_answer.setdefault(_answer(row), []).append(row)
    return table


def _answer(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["model"], row["pass"], row.get("target")


def recount(folder: Path) -> Recount:
    """Count every estimate that can be. Raises EvidenceError where a table can't be read."""
    table = read_table(folder)
    counted: dict[int, Found] = {}
    for index, estimate in enumerate(table.estimates):
        if estimate["status"] == "ok" and estimate["contrast"] is None:
            found = count(table, estimate)
            if found is not None:
                counted[index] = found
    counted |= dict(_differences_between(table, counted))
    accepted = read_document(folder, ACCEPTED).get("estimates") if (folder / ACCEPTED).is_file() else None
    passes = of_passes(
        table.estimates, table.rows, table.protocol, count=lambda one: count(table, one), less_is_better=_distance,
        accepted=accepted or (),
    )  # fmt: skip
    counted |= dict(passes)
    return Recount(
        len(counted),
        tuple(
            f"estimates.json#/estimates/{index}/{key}: stored {was}, counted {now}"
            for index, found in sorted(counted.items())
            for key, was, now in _unequal(table.estimates[index], found)
        ),
        sum(estimate["status"] == "ok" for estimate in table.estimates),
    )


def count(table: Table, estimate: Mapping[str, Any]) -> Found | None:
    """One estimate; None where it is not counted here."""
    way = way_to_count(table, estimate)
    return None if way is None else way()


def way_to_count(table: Table, estimate: Mapping[str, Any]) -> Callable[[], Found] | None:
    """How an estimate is counted, not counted yet; None where it is not counted here."""
    metric, condition = str(estimate["metric"]), estimate["condition"]
    if _answer(estimate) not in table.of_answer:
        return None
    if metric.startswith(YES_NO):
        return _yes_no(table, estimate, metric.removeprefix(YES_NO))
    if metric in recount_classes.MEASURES and table.classes:
        return lambda: recount_classes.MEASURES[metric](Answers(_group(table, estimate, _answers), table.classes))
    named = recount_masks.statistic(metric)
    if named is None:
        return None
    return lambda: recount_masks.STATISTICS[named[0]](_masks(table, estimate, named[1]), condition)


def _yes_no(table: Table, estimate: Mapping[str, Any], name: str) -> Callable[[], Found] | None:
    condition, of_scores = set(estimate["condition"]), name in recount_yes_no.OF_SCORES
    if name not in recount_yes_no.MEASURES or condition - {"threshold", "prevalence"}:
        return None
    if "prevalence" in condition and name not in {"ppv", "npv"}:
        return None
    rows: list[Row] = _group(table, estimate, _rows)
    if not of_scores and any(row.flagged is None for row in rows):
        return None
    if "prevalence" in condition:
        return lambda: recount_yes_no.at_prevalence(name, rows, estimate["condition"]["prevalence"])
    return lambda: recount_yes_no.MEASURES[name](rows)


def _group(table: Table, estimate: Mapping[str, Any], made: Any) -> Any:
    """The cases of an estimate, in the form that its measures take; made once for all measures of a group."""
    rules = rules_of(table.protocol, estimate)
    key = (made.__name__, *_answer(estimate), rules, tuple(sorted(estimate["stratum"].items())))
    if key not in table.of_group:
        table.of_group[key] = list(made(table, _chosen(table, estimate), rules))
    return table.of_group[key]


def _chosen(table: Table, estimate: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    answer, stratum = _answer(estimate), dict(estimate["stratum"])
    rows: Sequence[Mapping[str, Any]] = table.of_answer[answer]
    if len(stratum) == 1 and not str(next(iter(stratum.values()))).startswith(ALL_BUT):
        ((name, level),) = stratum.items()
        rows, stratum = _levels(table, answer, name).get(level, []), {}
    for row in rows:
        if all(_is_of(row.get(f"by.{name}"), level) for name, level in stratum.items()):
            yield row


def _levels(table: Table, answer: tuple[Any, ...], name: str) -> Mapping[Any, list[Mapping[str, Any]]]:
    """The rows of each level of an attribute; made once."""
    key = ("level", *answer, name)
    if key not in table.of_group:
        found: dict[Any, list[Mapping[str, Any]]] = {}
        for row in table.of_answer[answer]:
            found.setdefault(row.get(f"by.{name}"), []).append(row)
        table.of_group[key] = found
    levels: Mapping[Any, list[Mapping[str, Any]]] = table.of_group[key]
    return levels


def _is_of(own: Any, level: Any) -> bool:
    """Whether a row is of a level, or of none but this one where all others are meant."""
    others = str(level).startswith(ALL_BUT)
    return bool(own != str(level).removeprefix(ALL_BUT)) if others else bool(own == level)


Rules = tuple[str, str]  # what a file that could not be read counts as, and a model that gave nothing


def rules_of(protocol: Mapping[str, Any], estimate: Mapping[str, Any]) -> Rules:
    """As locked, where the estimate is the locked one; else the rule that its name says, for both."""
    rule, locked = str(estimate["missing_rule"]), (protocol.get("inference") or {}).get("on_failure")
    if rule == locked and "/missing=" not in str(estimate.get("id", "")):
        return str((protocol.get("cohort") or {}).get("on_unreadable", rule)), rule
    return rule, rule


def _falls_under(row: Mapping[str, Any], rules: Rules) -> str | None:
    """None for a case with an output."""
    if row["status"] == "ok":
        return None
    rule = rules[0] if str(row["failure"]).startswith(UNREADABLE) else rules[1]
    return rule if rule in {"worst_case", "best_case"} else "excluded"


def _rows(table: Table, chosen: Iterator[Mapping[str, Any]], rules: Rules) -> Iterator[Row]:
    for row in chosen:
        positive, rule = row["label"] == 1.0, _falls_under(row, rules)
        threshold = table.threshold(row["model"], row["target"])
        if rule is not None:
            high = positive == (rule == "best_case")
            flagged = high if threshold is not None or "answer" in row else None
            if rule != "excluded":
                yield Row(positive, INFINITY if high else -INFINITY, flagged)
            continue
        score = float(row["score"])
        if threshold is not None:
            yield Row(positive, score, score >= threshold if table.inclusive(row["model"]) else score > threshold)
        else:
            yield Row(positive, score, row["answer"] == 1.0 if row.get("answer") is not None else None)


def _answers(table: Table, chosen: Iterator[Mapping[str, Any]], rules: Rules) -> Iterator[Answer]:
    for row in chosen:
        rule, true = _falls_under(row, rules), int(row["label"])
        if rule is None:
            yield Answer(true, int(row["answer"]))
        elif rule != "excluded":
            yield Answer(true, true if rule == "best_case" else table.classes)


def _masks(table: Table, estimate: Mapping[str, Any], columns: Sequence[str]) -> list[list[float]]:
    rules, found = rules_of(table.protocol, estimate), []
    for row in _chosen(table, estimate):
        rule = _falls_under(row, rules)
        values = []
        for column in columns:
            known = MASK_MEASURES.get(column)
            least = known.worst if known is not None else None
            if known is not None and known.lesions and row["label"] != 1.0:
                least = None  # without a lesion in the reference there is nothing to miss
            values.append(recount_masks.counted(column, row, rule, least, known.best if known is not None else 0.0))
        whole = [value for value in values if value is not None]
        if len(whole) == len(values):
            found.append(whole)
    return found


def _distance(metric: str) -> bool:
    """Whether a measure of masks is one of which less is better."""
    named = recount_masks.statistic(metric)
    known = MASK_MEASURES.get(named[1][0]) if named is not None and named[0] in {"mean", "median", "quantile"} else None
    return known is not None and known.better == "lower"


def _differences_between(table: Table, counted: Mapping[int, Found]) -> Iterator[tuple[int, Found]]:
    """One model less another, and one group less or over another, where both were counted and no case was left out."""
    plain = {i for i in counted if "prevalence" not in table.estimates[i]["condition"]}
    places = {_name(one): index for index, one in enumerate(table.estimates) if index in plain}
    for index, one in enumerate(table.estimates):
        contrast = one["contrast"]
        if contrast is not None and contrast["kind"] == "rest_difference" and one["status"] == "ok":
            yield from _against_the_rest(table, index, one)
            continue
        if contrast is None or one["status"] != "ok" or one["missing_rule"] not in {"worst_case", "best_case"}:
            continue
        other = _other(one, contrast)
        if other is None:
            continue
        first, second = places.get(_name(one)), places.get(_name(other))
        if first is None or second is None:
            continue
        a, b = counted[first].value, counted[second].value
        if contrast["kind"].endswith("ratio"):
            yield index, Found(a / b if b else math.nan)
        elif contrast["kind"] in {"difference", "group_difference"}:
            yield index, Found(a - b)


def _against_the_rest(table: Table, index: int, one: Mapping[str, Any]) -> Iterator[tuple[int, Found]]:
    """One level less all others together."""
    others = {name: f"{ALL_BUT}{level}" for name, level in one["stratum"].items()}
    own, rest = (count(table, {**one, "contrast": None, "stratum": stratum}) for stratum in (one["stratum"], others))
    if own is not None and rest is not None:
        yield index, Found(own.value - rest.value)


def _other(one: Mapping[str, Any], contrast: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if contrast["kind"] == "difference":
        return {**one, "model": contrast["against"]}
    attribute, _, level = str(contrast["against"]).partition("=")
    if not contrast["kind"].startswith("group_") or list(one["stratum"]) != [attribute]:
        return None
    return {**one, "stratum": {attribute: level}}


def _name(one: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells estimates of one endpoint apart; conditions are the endpoint's own."""
    return (
        one["endpoint"],
        one["model"],
        one["pass"],
        one["target"],
        tuple(sorted(one["stratum"].items())),
        one["missing_rule"],
    )


def _unequal(estimate: Mapping[str, Any], found: Found) -> Iterator[tuple[str, Any, Any]]:
    stored = estimate["value"]
    if stored is None or not math.isclose(stored, found.value, rel_tol=TOLERANCE, abs_tol=1e-12):
        yield "value", stored, found.value
    for key, now in (("numerator", found.numerator), ("denominator", found.denominator)):
        if now is not None and estimate[key] is not None and estimate[key] != now:
            yield key, estimate[key], now
