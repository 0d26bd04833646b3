"""What recount.R reads: the results table and the estimates that can be counted by hand, as CSV, with the script beside them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from validate.evidence.recount import Answers, answers, countable

FOLDER = "evidence/recount/"
KEYS = ("model", "pass", "target", "label_status", "label", "status", "score")
COLUMNS = (
    *("address", "metric", "model", "pass", "target", "attribute", "level", "missing_rule", "threshold", "rule"),
    "value",
)


def recount_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """File name and content; nothing where no estimate can be counted by hand, or only by crossings of attributes."""
    found = answers(folder)
    counted = [(i, e) for i, e in countable(found) if len(e["stratum"]) <= 1]
    if not counted:
        return
    by = sorted({f"by.{name}" for _i, e in counted for name in e["stratum"]})
    yield f"{FOLDER}units.csv", _csv((*KEYS, *by), found.table)
    yield f"{FOLDER}estimates.csv", _csv(COLUMNS, [_row(i, e, found) for i, e in counted])
    yield f"{FOLDER}recount.R", Path(__file__).with_name("recount.R").read_bytes()


def _row(index: int, estimate: Mapping[str, Any], found: Answers) -> dict[str, Any]:
    (attribute, level) = next(iter(estimate["stratum"].items()), (None, None))
    return {
        "address": f"estimates.json#/estimates/{index}",
        "metric": str(estimate["metric"]).removeprefix("classification."),
        **{name: estimate[name] for name in ("model", "pass", "target", "missing_rule", "value")},
        "attribute": attribute,
        "level": level,
        "threshold": estimate["condition"].get("threshold"),
        "rule": found.rules[estimate["model"]],
    }


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[name]) for name in columns] for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return repr(value) if isinstance(value, float) else str(value)
