"""How a plain estimate is counted: which measure, and the cases of its group in the form that the measure takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from validate.casewise.measure import MEASURES as MASK_MEASURES
from validate.evidence import (
    recount_calibration,
    recount_cases,
    recount_classes,
    recount_curves,
    recount_masks,
    recount_yes_no,
)
from validate.evidence.recount_classes import Answer, Answers
from validate.evidence.recount_marks import Case
from validate.evidence.recount_table import BESIDE, Entry, Table, answer_of, counted_cases, group_of, is_of
from validate.evidence.recount_yes_no import Found, Row

INFINITY = math.inf
YES_NO, MARKS = "classification.", "detection."
Way = Callable[[], Found]


def count(table: Table, estimate: Entry) -> Found | None:
    """One plain estimate; None where it is not counted here."""
    way = way_to_count(table, estimate)
    return None if way is None else way()


def way_to_count(table: Table, estimate: Entry) -> Way | None:
    """How a plain estimate is counted, not counted yet; None where it is not counted here."""
    metric, condition = str(estimate["metric"]), estimate["condition"]
    if answer_of(estimate) not in table.of_answer:
        return None
    if metric.startswith(YES_NO):
        return _yes_no(table, estimate, metric.removeprefix(YES_NO))
    if metric.startswith(MARKS):
        return _marks(table, estimate, metric.removeprefix(MARKS))
    if metric in recount_classes.MEASURES and table.classes:
        measure = recount_classes.MEASURES[metric]
        return lambda: measure(Answers(answers_of(table, estimate), table.classes), condition)
    named = recount_masks.statistic(metric)
    if named is None:
        return None
    return lambda: recount_masks.STATISTICS[named[0]](list(mask_values(table, estimate, named[1]).values()), condition)


def _yes_no(table: Table, estimate: Entry, name: str) -> Way | None:
    condition, rows = estimate["condition"], yes_no_rows(table, estimate)
    asked = set(condition) - {"threshold"}
    under = recount_calibration.MEASURES.get(name) or recount_curves.MEASURES.get(name)
    if under is not None:
        measure, options = under
        whole = name in recount_curves.MEASURES or table.once(
            ("finite", *group_of(table, estimate)), lambda: all(math.isfinite(row.score) for row in rows)
        )
        return (lambda: measure(rows, condition)) if asked <= options and whole else None
    if name not in recount_yes_no.MEASURES or asked - {"prevalence"}:
        return None
    if name not in recount_yes_no.OF_SCORES and table.once(
        ("nothing flags", *group_of(table, estimate)), lambda: any(row.flagged is None for row in rows)
    ):
        return None
    if asked:
        at = condition["prevalence"]
        return (lambda: recount_yes_no.at_prevalence(name, rows, at)) if name in {"ppv", "npv"} else None
    return lambda: recount_yes_no.MEASURES[name](rows)


def _marks(table: Table, estimate: Entry, name: str) -> Way | None:
    if table.marked is None:
        return None
    way = recount_cases.way_to_count(
        name, estimate["condition"], of_lesions=bool(of_lesions(table, estimate)),
        threshold=table.threshold(estimate["model"], estimate["target"]), inclusive=table.inclusive(estimate["model"]),
    )  # fmt: skip
    return None if way is None else lambda: way(marked_cases(table, estimate))


def of_lesions(table: Table, estimate: Entry) -> dict[str, Any]:
    """The part of a stratum that is one of lesions, by column."""
    attributes = table.marked.attributes if table.marked is not None else ()
    return {f"by.{key}": level for key, level in estimate["stratum"].items() if f"by.{key}" in attributes}


def of_cases(table: Table, estimate: Entry) -> Entry:
    """A stratum of lesions keeps every case and false mark; one of cases keeps theirs alone."""
    lesions = of_lesions(table, estimate)
    return {
        **estimate,
        "stratum": {key: level for key, level in estimate["stratum"].items() if f"by.{key}" not in lesions},
    }


def marked_cases(table: Table, estimate: Entry) -> list[Case]:
    asked, marked = of_lesions(table, estimate), table.marked
    assert marked is not None

    def is_asked(lesion: Mapping[str, Any]) -> bool:
        return all(is_of(lesion[key], level) for key, level in asked.items())

    found: list[Case] = table.once(
        ("marked", *group_of(table, estimate)),
        lambda: [marked.case(row, rule, is_asked) for row, rule in counted_cases(table, of_cases(table, estimate))],
    )
    return found


def yes_no_rows(table: Table, estimate: Entry) -> list[Row]:
    """Each row is read once, whatever groups it is in."""
    every = {key: value for key, value in estimate.items() if key != BESIDE} | {"stratum": {}}
    of_row: dict[int, Row] = table.once(
        ("every row", *group_of(table, every)),
        lambda: {id(row): _row(table, row, rule) for row, rule in counted_cases(table, every)},
    )
    found: list[Row] = table.once(
        ("rows", *group_of(table, estimate)),
        lambda: [of_row[id(row)] for row, _ in counted_cases(table, estimate)],
    )
    return found


def _row(table: Table, row: Entry, rule: str | None) -> Row:
    positive, threshold = row["label"] == 1.0, table.threshold(row["model"], row["target"])
    if rule is not None:
        high = positive == (rule == "best_case")
        return Row(
            positive, INFINITY if high else -INFINITY, high if threshold is not None or "answer" in row else None
        )
    score = float(row["score"])
    if threshold is not None:
        return Row(positive, score, score >= threshold if table.inclusive(row["model"]) else score > threshold)
    return Row(positive, score, row["answer"] == 1.0 if row.get("answer") is not None else None)


def answers_of(table: Table, estimate: Entry) -> list[Answer]:
    found: list[Answer] = table.once(
        ("answers", *group_of(table, estimate)),
        lambda: [_answer(table, row, rule) for row, rule in counted_cases(table, estimate)],
    )
    return found


def _answer(table: Table, row: Entry, rule: str | None) -> Answer:
    true = int(row["label"])
    if rule is None:
        scores = row.get("scores")
        return Answer(true, int(row["answer"]), None if scores is None else tuple(scores))
    right = rule == "best_case"
    scores = tuple(INFINITY if (place == true) == right else -INFINITY for place in range(table.classes))
    return Answer(true, true if right else table.classes, scores)


def mask_values(table: Table, estimate: Entry, columns: Sequence[str]) -> dict[str, list[float]]:
    """By case what the statistic needs; of a comparison only cases that have it of the other model too."""
    alone = {key: value for key, value in estimate.items() if key != BESIDE}
    key = ("masks", tuple(columns), *group_of(table, alone))
    own: dict[str, list[float]] = table.once(key, lambda: dict(_measured(table, alone, columns)))
    if BESIDE not in estimate:
        return own
    other = mask_values(table, {**alone, "model": estimate[BESIDE]}, columns)
    return {unit: values for unit, values in own.items() if unit in other}


def _measured(table: Table, estimate: Entry, columns: Sequence[str]) -> Iterator[tuple[str, list[float]]]:
    for row, rule in counted_cases(table, estimate):
        values = []
        for column in columns:
            known = MASK_MEASURES.get(column)
            least = known.worst if known is not None else None
            if known is not None and known.lesions and row["label"] != 1.0:
                least = None  # without a lesion in the reference there is nothing to miss
            values.append(recount_masks.counted(column, row, rule, least, known.best if known is not None else 0.0))
        whole = [value for value in values if value is not None]
        if len(whole) == len(values):
            yield row["unit"], whole
