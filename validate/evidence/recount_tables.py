"""What recount.R reads: the results table and the estimates that can be counted by hand, as CSV, with the script beside them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from validate.casewise.measure import MEASURES
from validate.evidence.recount import MARKS, UNREADABLE, Table, read_table, rules_of, way_to_count
from validate.evidence.recount_masks import statistic

FOLDER = "evidence/recount/"
KEYS = ("model", "pass", "target", "label_status", "label", "status", "unreadable", "score", "answer")
COLUMNS = (
    *(
        "address",
        "metric",
        "column",
        "model",
        "pass",
        "target",
        "attribute",
        "level",
        "rule_unreadable",
        "rule_failure",
    ),
    *("threshold", "inclusive", "prevalence", "classes", "goal", "share", "worst", "best", "lesions", "value"),
)


def recount_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """File name and content; nothing where no estimate can be counted by hand, or only by crossings of attributes."""
    table = read_table(folder)
    counted = [(i, e) for i, e in enumerate(table.estimates) if _by_hand(e) and way_to_count(table, e) is not None]
    if not counted:
        return
    by = sorted({f"by.{name}" for _, e in counted for name in e["stratum"]})
    measured = sorted({name for row in table.rows[:1] for name in row if name.startswith("case.")})
    rows = ({**row, "unreadable": str(row["failure"] or "").startswith(UNREADABLE)} for row in table.rows)
    yield f"{FOLDER}units.csv", _csv((*KEYS, *by, *measured), rows)
    yield f"{FOLDER}estimates.csv", _csv(COLUMNS, (_row(i, e, table) for i, e in counted))
    yield f"{FOLDER}recount.R", Path(__file__).with_name("recount.R").read_bytes()


def _by_hand(estimate: Mapping[str, Any]) -> bool:
    """Of marks none: the script reads one row a case, and they have many."""
    of_cases = not str(estimate["metric"]).startswith(MARKS)
    return of_cases and estimate["status"] == "ok" and estimate["contrast"] is None and len(estimate["stratum"]) <= 1


def _row(index: int, estimate: Mapping[str, Any], table: Table) -> dict[str, Any]:
    (attribute, level) = next(iter(estimate["stratum"].items()), (None, None))
    rules, condition = rules_of(table.protocol, estimate), estimate["condition"]
    metric = str(estimate["metric"])
    named = statistic(metric)
    measure = None if named is None else MEASURES.get(named[1][0])
    return {
        "address": f"estimates.json#/estimates/{index}",
        "metric": metric if named is None else f"segmentation.{named[0]}",
        "column": None if named is None else named[1][0],
        **{name: estimate[name] for name in ("model", "pass", "target", "value")},
        "attribute": attribute,
        "level": level,
        "rule_unreadable": rules[0],
        "rule_failure": rules[1],
        "threshold": table.threshold(estimate["model"], estimate["target"]),
        "inclusive": table.inclusive(estimate["model"]),
        "classes": table.classes or None,
        **{name: condition.get(name) for name in ("prevalence", "goal", "share")},
        "worst": measure.worst if measure else None,
        "best": measure.best if measure else None,
        "lesions": bool(measure and measure.lesions),
    }


def _csv(columns: Sequence[str], rows: Iterator[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return repr(value) if isinstance(value, float) else str(value)
