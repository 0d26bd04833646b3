"""What recount.R reads: results, marks, lesions and every estimate that is counted once more, as CSV, with the script beside them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from validate.casewise.measure import MEASURES
from validate.evidence import recount_moved, recount_shift, recount_survival
from validate.evidence.recount_cases import Marked
from validate.evidence.recount_finding_tables import finding_lines, finding_tables
from validate.evidence.recount_masks import statistic
from validate.evidence.recount_parts import parts_of
from validate.evidence.recount_sizes import events_of, other_counts
from validate.evidence.recount_table import ALL_BUT, BESIDE, UNREADABLE, Entry, Table, read_table, rules_of
from validate.evidence.recount_way import way_to_count

FOLDER = "evidence/recount/"
ANSWER = ("model", "pass", "target")
KEYS = (
    *(*ANSWER, "unit", "patient", "study", "label_status", "label", "status", "failure", "unreadable", "not_made"),
    *("score", "answer", "empty"),
)
COUNTS = ("n_cases", "n_patients", "n_events", "n_failed")
STORED = ("value", "numerator", "denominator", *COUNTS)
CONDITIONS = (
    *("prevalence", "goal", "share", "rate", "bins", "k", "threshold_probability", "sensitivity", "specificity"),
    *("fpr_low", "fpr_high", "tpr_low", "tpr_high"),
)
OF_MASKS = ("column", "column_2", "worst", "best", "lesions")
# One line for each plain estimate that an estimate is made of; the first line of each has what was stored of it.
COLUMNS = (
    *(
        "address",
        "how",
        "weight",
        "constant",
        "metric",
        "events",
        *ANSWER,
        "beside",
        "all_but",
        "rule_unreadable",
        "rule_failure",
    ),
    *(
        "threshold",
        "inclusive",
        "classes",
        "allowed",
        "check",
        *OF_MASKS,
        *(f"with.{name}" for name in CONDITIONS),
        *STORED,
    ),
)
AREAS = range(4)
OF_MARKS = (*ANSWER, "unit", "score", "verdict", "lesion", "rank", "place")
OF_LESIONS = (*ANSWER, "unit", "lesion", "ignore", "size")


def recount_files(folder: Path, table: Table | None = None) -> Iterator[tuple[str, bytes]]:
    """File name and content; nothing where no estimate can be counted by hand.    table : where it was read already"""
    table = read_table(folder) if table is None else table
    lines = [line for index, one in enumerate(table.estimates) for line in _lines(table, index, one)]
    found = finding_lines(table, _plain)
    if not lines and not found:
        return
    by, of_findings = (sorted({x for line in part for x in line if x.startswith("by.")}) for part in (lines, found))
    yield f"{FOLDER}units.csv", _units(table, sorted({*by, *of_findings}))
    yield f"{FOLDER}estimates.csv", _csv((*COLUMNS, *by), lines)
    if found:
        yield from ((f"{FOLDER}{name}", content) for name, content in finding_tables(table, found, _csv))
    if table.marked is not None:
        yield f"{FOLDER}marks.csv", _marks(table.marked)
        yield f"{FOLDER}lesions.csv", _lesions(table.marked)
    if mirrored := list(_mirrors(table)):
        yield f"{FOLDER}mirrors.csv", _csv(("check", "target", "mirrored"), mirrored)
    if told := list(_cohorts(table)):
        names = sorted({name for row in told for name in row if name.startswith("x.")}, key=lambda n: int(n[2:]))
        yield f"{FOLDER}told_apart.csv", _csv(("model", "second", "fold", *names), told)
    if became := list(recount_survival.asked(table)):
        yield f"{FOLDER}survival.csv", _csv(("model", "score", "time", "happened", "flagged"), _patients(table, became))
        yield (
            f"{FOLDER}survival_stored.csv",
            _csv(("address", "kind", "model", "flagged", "time", "value"), _survival(became)),
        )
    yield f"{FOLDER}recount.R", Path(__file__).with_name("recount.R").read_bytes()


def _lines(table: Table, index: int, one: Entry) -> Iterator[dict[str, Any]]:
    """Nothing of an estimate without a value, or of one that is not counted here."""
    if one["value"] is None:
        return
    counts = [name for name in COUNTS if name in one] if other_counts(table, one) is not None else []
    base = {"address": f"estimates.json#/estimates/{index}", "constant": 0.0, "weight": 1.0}
    base |= {name: one[name] for name in ("value", "numerator", "denominator", *counts)}
    check, parts = recount_moved.check_of(one, table.protocol), parts_of(table, one)
    if check is not None:
        contrast = str(one["contrast"]["check"])
        yield {**base, **_answer(one), "how": check.kind, "allowed": check.allowed, "check": contrast}
    elif recount_shift.asked(one):
        yield {**base, **_answer(one), "how": "told_apart"}
    elif parts is not None and all(way_to_count(table, plain) is not None for _, plain in parts.plain):
        how = "ratio" if parts.ratio else "sum"
        for place, (weight, plain) in enumerate(parts.plain):
            stored = base if place == 0 else {"address": base["address"]}
            yield {**stored, "how": how, "weight": weight, "constant": parts.constant, **_plain(table, plain)}


def _answer(one: Entry) -> dict[str, Any]:
    return {name: one[name] for name in ANSWER}


def _plain(table: Table, plain: Entry) -> dict[str, Any]:
    rules, metric = rules_of(table.protocol, plain), str(plain["metric"])
    levels = {f"by.{name}": str(level).removeprefix(ALL_BUT) for name, level in plain["stratum"].items()}
    return {
        **_answer(plain),
        **levels,
        "metric": metric,
        "events": events_of(metric),
        "beside": plain.get(BESIDE),
        "all_but": any(str(level).startswith(ALL_BUT) for level in plain["stratum"].values()) or None,
        "rule_unreadable": rules[0],
        "rule_failure": rules[1],
        "threshold": table.threshold(plain["model"], plain["target"]),
        "inclusive": table.inclusive(plain["model"]),
        "classes": table.classes or None,
        **{f"with.{name}": plain["condition"].get(name) for name in CONDITIONS},
        **_of_masks(metric),
    }


def _of_masks(metric: str) -> dict[str, Any]:
    """The columns that a statistic of masks is of, and the worst and best that a failed case counts as."""
    named = statistic(metric)
    if named is None:
        return {}
    measure = MEASURES.get(named[1][0])
    return {
        "metric": f"segmentation.{named[0]}",
        "column": named[1][0],
        "column_2": named[1][1] if len(named[1]) > 1 else None,
        "worst": measure.worst if measure else None,
        "best": measure.best if measure else None,
        "lesions": bool(measure and measure.lesions),
    }


def _units(table: Table, by: Sequence[str]) -> bytes:
    first: Entry = next(iter(table.rows), {})
    measured, scores = [name for name in first if name.startswith("case.")], list[str]()
    if "scores" in first:
        scores = [f"scores.{place}" for place in range(table.classes)]

    def flat() -> Iterator[dict[str, Any]]:
        for row in table.rows:
            failure = str(row["failure"] or "")
            ours = {
                "unreadable": failure.startswith(UNREADABLE),
                "not_made": failure.startswith(recount_moved.NOT_MADE),
            }
            yield {**row, **ours, **dict(zip(scores, row.get("scores") or (), strict=False))}

    return _csv((*KEYS, *scores, *(name for name in by if name in first), *sorted(measured)), flat())


def _marks(marked: Marked) -> bytes:
    names = [f"{name}.{area}" for name in ("matched", "passed_over") for area in AREAS]
    rows = (
        {**mark, **dict(zip(names, [*(mark["matched"] or ()), *(mark["passed_over"] or ())], strict=False))}
        for marks in marked.marks.values()
        for mark in marks
    )
    return _csv((*OF_MARKS, *names), rows)


def _lesions(marked: Marked) -> bytes:
    names = [f"counted.{area}" for area in AREAS]
    rows = (
        {**lesion, **dict(zip(names, lesion["counted"] or (), strict=False))}
        for lesions in marked.lesions.values()
        for lesion in lesions
    )
    return _csv((*OF_LESIONS, *names, *sorted(marked.attributes)), rows)


def _mirrors(table: Table) -> Iterator[dict[str, str]]:
    told = set[str]()
    for one in table.estimates:
        check = recount_moved.check_of(one, table.protocol)
        name = str((one["contrast"] or {}).get("check"))
        if check is not None and name not in told:
            told.add(name)
            for target, other in check.mirror.items():
                yield {"check": name, "target": target, "mirrored": other}


def _cohorts(table: Table) -> Iterator[dict[str, Any]]:
    """Both cohorts as the classifier that tells them apart has them: by model, the accepted one first."""
    for one in table.estimates:
        if recount_shift.asked(one) and one["value"] is not None:
            both = recount_shift.cohorts_of(table, str(one["model"]))
            for features, second, fold in zip(
                both.features.tolist(), both.second.tolist(), both.fold.tolist(), strict=True
            ):
                named = {f"x.{place}": value for place, value in enumerate(features)}
                yield {"model": one["model"], "second": second, "fold": fold, **named}


def _patients(table: Table, became: Iterable[tuple[str, Any]]) -> Iterator[dict[str, Any]]:
    for model, _ in became:
        for one in recount_survival.everybody(table, model):
            yield {"model": model, **one}


def _survival(became: Iterable[tuple[str, Iterable[recount_survival.Stored]]]) -> Iterator[dict[str, Any]]:
    for model, numbers in became:
        for one in numbers:
            yield {"model": model, **asdict(one)}


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return repr(value) if isinstance(value, float) else str(value)
