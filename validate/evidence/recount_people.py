"""Rows, series, studies and patients of the clean pass, whatever became of them: in a box of the flow, in a group, with a reason."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from validate.evidence.recount_moved import CLEAN
from validate.evidence.recount_quantile import QUARTERS, quantile
from validate.evidence.recount_table import MISSING, UNREADABLE, Entry, Table, falls_under, rules_of

CASES, EXCLUSIONS, IDENTIFIED = "cohort/cases.parquet", "cohort/exclusions.parquet", "cohort/identified.parquet"
NOT_TAKEN = "preprocess:"  # how a failure begins where the model does not take such an image
NOT_SAID, NO_LABEL, WITH_LABEL = "not said", "no reference", "with a reference"
OLDEST = 90.0  # stands for all who are older
SITES = ("site", "institution")
Mask = NDArray[np.bool_]


@dataclass(slots=True)
class People:
    """In the order of the cases. boxes : by name, who is in it      codes : of studies and patients"""

    rows: Sequence[Entry]
    boxes: Mapping[str, Mask]
    codes: Mapping[str, NDArray[np.int64]]
    levels: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)

    def group(self, table: Table, attribute: str, level: str) -> Mask:
        if attribute not in self.levels:
            texts = [_level(self, table, attribute, row) for row in self.rows]
            self.names[attribute] = sorted(set(texts))
            place = {name: number for number, name in enumerate(self.names[attribute])}
            self.levels[attribute] = np.array([place[one] for one in texts], np.int64)
        names = self.names[attribute]
        code = names.index(level) if level in names else -1
        return np.asarray(self.levels[attribute] == code)


def counted(table: Table, line: Entry) -> float | None:
    """A count.

    asked : {"count": rows, series, studies or patients, "box", "reason", "groups": {attribute: level}}, or what else it is of
    """
    asked, name = line["asked"], str(line["metric"]).removeprefix("people.")
    if name in {"summary", "summed"}:
        return _summary(table, asked, counted_only=name == "summed")
    if name == "left":
        return _left(table, asked)
    if name == "identified":
        return _identified(table, asked)
    people = people_of(table, line["model"], line["target"])
    chosen = people.boxes[asked["box"]]
    for attribute, level in asked.get("groups", {}).items():
        chosen = chosen & people.group(table, attribute, level)
    if "reason" in asked:
        column = "label_status" if asked["box"] == "no_label" else "failure"
        chosen = chosen & np.array([str(row[column]) == asked["reason"] for row in people.rows], np.bool_)
    if asked["count"] == "rows":
        return int(chosen.sum())
    if asked["count"] == "series":
        cases = case_of(table)
        return len({cases[row["unit"]]["series"] for row, inside in zip(people.rows, chosen, strict=True) if inside})
    return len(np.unique(people.codes[asked["count"]][chosen]))


def people_of(table: Table, model: str, target: str) -> People:
    found: People = table.once(("people", model, target), lambda: _people(table, model, target))
    return found


def _people(table: Table, model: str, target: str) -> People:
    rows = [row for row in table.rows if row["model"] == model and row["pass"] == CLEAN and row["target"] == target]
    failure = [str(row["failure"] or "") for row in rows]
    failed = np.array([row["status"] != "ok" for row in rows], np.bool_)
    unreadable = np.array([one.startswith(UNREADABLE) for one in failure], np.bool_)
    labelled = np.array([row["label_status"] == "present" for row in rows], np.bool_)
    positive = labelled & np.array([row["label"] == 1.0 for row in rows], np.bool_)
    refused = failed & ~unreadable & np.array([one.startswith(NOT_TAKEN) for one in failure], np.bool_)
    rules = rules_of(table.protocol, {"missing_rule": table.locked_rule})
    counts = np.array([falls_under(row, rules) != "excluded" for row in rows], np.bool_)
    status = {f"label_{one}": np.array([row["label_status"] == one for row in rows], np.bool_)
              for one in ("present", "missing", "indeterminate")}  # fmt: skip
    boxes = {
        "all": np.ones(len(rows), np.bool_), "failed": failed, "output": ~failed, "unreadable": unreadable, "readable": ~unreadable,
        "not_sent": refused, "sent": ~unreadable & ~refused, "no_output": ~unreadable & ~refused & failed,
        "no_label": ~failed & ~labelled, "labelled": ~failed & labelled, "analysed": labelled & counts,
        "returned": labelled & counts & failed, "failed_labelled": labelled & failed, "unreadable_labelled": labelled & unreadable,
        "silent_labelled": labelled & failed & ~unreadable, "positives": positive, "negatives": labelled & ~positive,
        "unlabelled": ~labelled, "failed_positives": failed & positive, "failed_negatives": failed & labelled & ~positive,
        "failed_unlabelled": failed & ~labelled, **status,
    }  # fmt: skip
    codes = {
        f"{one}s" if one == "patient" else "studies": np.unique([str(row[one]) for row in rows], return_inverse=True)[1]
        for one in ("patient", "study")
    }
    return People(rows, boxes, codes)


def level_text(value: Any) -> str:
    """3.0 is "3", true is "yes", and nothing is "missing"."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).strip() or MISSING


def case_of(table: Table) -> Mapping[str, Entry]:
    """By unit, what its header and the tables say of a case."""
    found: Mapping[str, Entry] = table.once(
        ("cases",), lambda: {row["unit"]: row for row in pq.read_table(table.folder / CASES).to_pylist()}
    )
    return found


def _level(_people: People, table: Table, attribute: str, row: Entry) -> str:
    """Of the participant flow (a name with an asterisk) it is the site, or the class of the reference."""
    if attribute == "reference*":
        return _class(table, row)
    value = case_of(table)[row["unit"]].get(attribute.removesuffix("*"))
    if attribute.endswith("*"):
        if not any(name in case_of(table)[row["unit"]] for name in SITES):
            value = _sites(table).get(row["unit"])
        return NOT_SAID if value is None else level_text(value)
    return level_text(value)


def _class(table: Table, row: Entry) -> str:
    if row["label_status"] != "present":
        return "indeterminate" if row["label_status"] == "indeterminate" else NO_LABEL
    if table.protocol["task"] in {"classification", "multilabel"}:
        return "positive" if row["label"] == 1.0 else "negative"
    if table.protocol["task"] not in {"multiclass", "ordinal"}:
        return WITH_LABEL
    reference = table.protocol["reference"]
    names = [level_text(one) for one in reference.get("classes") or reference.get("grades") or ()]
    labels: Mapping[str, float] = table.once(
        ("all labels",),
        lambda: {one["unit"]: one["label"] for one in table.rows if one["target"] == "all" and one["pass"] == CLEAN},
    )
    return names[int(labels[row["unit"]])]


def _sites(table: Table) -> Mapping[str, Any]:
    return {row["unit"]: row["site"] for row in identified(table)}


def identified(table: Table) -> Sequence[Entry]:
    there = (table.folder / IDENTIFIED).is_file()
    found: Sequence[Entry] = table.once(
        ("identified",), lambda: pq.read_table(table.folder / IDENTIFIED).to_pylist() if there else []
    )
    return found


def _identified(table: Table, asked: Entry) -> int:
    """Of those who are not in the study, how many are of a level."""
    column = "reference" if asked["attribute"] == "reference" else "site"
    left = [NOT_SAID if row[column] is None else str(row[column]) for row in identified(table) if not row["in_study"]]
    return len(left) if asked["level"] is None else left.count(asked["level"])


def _left(table: Table, asked: Entry) -> int:
    """Files that were left out, of one reason or of all."""
    reasons: list[str] = table.once(
        ("exclusions",),
        lambda: list(pq.read_table(table.folder / EXCLUSIONS, columns=["reason"])["reason"].to_pylist()),
    )
    return len(reasons) if asked["reason"] is None else reasons.count(asked["reason"])


def _summary(table: Table, asked: Entry, *, counted_only: bool) -> float | None:
    """Five numbers of an attribute; of an age one a patient, the first, and none above 90."""
    name = asked["attribute"]
    known = [(row["patient"], row[name]) for row in case_of(table).values() if row[name] is not None]
    if name == "age":
        first: dict[str, float] = {}
        for patient, value in known:
            first.setdefault(patient, value)
        known = [(patient, min(value, OLDEST)) for patient, value in first.items()]
    if counted_only:
        return len(known)
    return quantile((float(value) for _, value in known), QUARTERS[asked["quarter"]])
