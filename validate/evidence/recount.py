"""Counts and point estimates once more, by the textbook and one case at a time: no code of metrics, estimation or stats is used.

What two ways of counting agree on is not a slip of either. Read here: which rows an estimate is of, and what a case without an
output counts as. Counted in recount_yes_no, recount_classes, recount_masks and recount_marks, overall and by stratum, under every rule.
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
from validate.evidence import recount_cases, recount_classes, recount_masks, recount_yes_no
from validate.evidence.recount_cases import Marked, read_marked
from validate.evidence.recount_classes import Answer, Answers
from validate.evidence.recount_contrasts import ALL_BUT, BESIDE, of_contrasts
from validate.evidence.recount_marks import Case
from validate.evidence.recount_passes import of_passes
from validate.evidence.recount_yes_no import Found, Row
from validate.evidence.seal import read_document

UNITS = "results/units.parquet"
ACCEPTED = "shift/reference.json"
TOLERANCE = 1e-9
UNREADABLE = "decode:"  # how the reason begins where the file could not be read, and the model had no part in it
INFINITY = math.inf
YES_NO, MARKS = "classification.", "detection."


@dataclass(frozen=True, slots=True)
class Recount:
    """checked : estimates counted again      of : estimates that have a value      differences : each with its address"""

    checked: int
    differences: tuple[str, ...]
    of: int = 0


@dataclass(slots=True)
class Table:
    """A run as it is counted.    classes : how many there are, where there are several      marked : of a study of marks"""

    estimates: Sequence[Mapping[str, Any]]
    rows: Sequence[Mapping[str, Any]]
    protocol: Mapping[str, Any]
    classes: int
    models: Mapping[str, Mapping[str, Any]]
    marked: Marked | None = None
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
        marked = read_marked(folder)
    except (OSError, ValueError, yaml.YAMLError, pa.ArrowException) as error:
        raise EvidenceError(f"the tables can't be read to count again: {error}") from error
    reference = protocol.get("reference") or {}
    classes = len(reference.get("classes") or reference.get("grades") or ())
    models = {model["id"]: model for model in protocol.get("models", ())}
    table = Table(estimates, rows, protocol, classes, models, marked)
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
    counted |= dict(of_contrasts(table.estimates, counted, count=lambda one: count(table, one)))
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
    if metric.startswith(MARKS):
        return _marks(table, estimate, metric.removeprefix(MARKS))
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


def _marks(table: Table, estimate: Mapping[str, Any], name: str) -> Callable[[], Found] | None:
    """A stratum of lesions keeps every case and false mark; one of cases keeps theirs alone."""
    marked, model = table.marked, estimate["model"]
    if marked is None:
        return None
    of_lesions = {f"by.{key}": level for key, level in estimate["stratum"].items() if f"by.{key}" in marked.attributes}
    way = recount_cases.way_to_count(
        name, estimate["condition"], of_lesions=bool(of_lesions), threshold=table.threshold(model, estimate["target"]),
        inclusive=table.inclusive(model),
    )  # fmt: skip
    if way is None:
        return None
    of_cases = {key: level for key, level in estimate["stratum"].items() if f"by.{key}" not in of_lesions}

    def asked(lesion: Mapping[str, Any]) -> bool:
        return all(_is_of(lesion[key], level) for key, level in of_lesions.items())

    def cases(table: Table, _: Iterator[Mapping[str, Any]], rules: Rules) -> Iterator[Case]:
        for row in _chosen(table, {**estimate, "stratum": of_cases}):
            rule = _falls_under(row, rules)
            if rule != "excluded":
                yield marked.case(row, rule, asked)

    return lambda: way(_group(table, estimate, cases))


def _group(table: Table, estimate: Mapping[str, Any], made: Any) -> Any:
    """The cases of an estimate, in the form that its measures take; made once for all measures of a group."""
    rules = rules_of(table.protocol, estimate)
    key = (made.__name__, *_answer(estimate), rules, estimate.get(BESIDE), tuple(sorted(estimate["stratum"].items())))
    if key not in table.of_group:
        table.of_group[key] = list(made(table, _chosen(table, estimate), rules))
    return table.of_group[key]


def _chosen(table: Table, estimate: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    answer, stratum = _answer(estimate), dict(estimate["stratum"])
    rows: Sequence[Mapping[str, Any]] = table.of_answer[answer]
    if len(stratum) == 1 and not str(next(iter(stratum.values()))).startswith(ALL_BUT):
        ((name, level),) = stratum.items()
        rows, stratum = _levels(table, answer, name).get(level, []), {}
    both = (
        _left_in(table, (estimate[BESIDE], *answer[1:]), rules_of(table.protocol, estimate))
        if BESIDE in estimate
        else None
    )
    for row in rows:
        paired = both is None or row["unit"] in both
        if paired and all(_is_of(row.get(f"by.{name}"), level) for name, level in stratum.items()):
            yield row


def _left_in(table: Table, answer: tuple[Any, ...], rules: Rules) -> frozenset[Any]:
    """The cases that are not left out; made once."""
    key = ("left in", *answer, rules)
    if key not in table.of_group:
        rows = table.of_answer.get(answer, ())
        table.of_group[key] = frozenset(row["unit"] for row in rows if _falls_under(row, rules) != "excluded")
    cases: frozenset[Any] = table.of_group[key]
    return cases


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
    """Whether a measure of masks or marks is one of which less is better."""
    if metric.startswith(f"{MARKS}false_marks"):
        return True
    named = recount_masks.statistic(metric)
    known = MASK_MEASURES.get(named[1][0]) if named is not None and named[0] in {"mean", "median", "quantile"} else None
    return known is not None and known.better == "lower"


def _unequal(estimate: Mapping[str, Any], found: Found) -> Iterator[tuple[str, Any, Any]]:
    stored = estimate["value"]
    if stored is None or not math.isclose(stored, found.value, rel_tol=TOLERANCE, abs_tol=1e-12):
        yield "value", stored, found.value
    for key, now in (("numerator", found.numerator), ("denominator", found.denominator)):
        if now is not None and estimate[key] is not None and estimate[key] != now:
            yield key, estimate[key], now
