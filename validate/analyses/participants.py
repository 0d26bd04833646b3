"""Who is in, who is out, and why: the flow of the cohort, completed after inference (STARD 2015, item 19). Its sums are checked.

identified → eligible → readable → sent → output → reference available → analysed

data: {"steps": [{"id", "kind": "remain"|"leave"|"join", "label", "files", "images", "units", "series", "studies",
"patients", "reasons": {code: count}}], "by": [participants_by.py], "unit", "rule", "adds_up": true}. "units" counts rows of
the study and is null before there are any; "files" and "images" are null after that where a row is no image, "studies" where
it is a patient, and "series" where it is a study or a patient, or where the cohort's source knows none. "join" left on the
way for want of an output, and comes back to be counted as the rule says. "by" gives the same for each site and each class of
the reference, in units.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from validate.analyses.analysis import EVERY_TASK, Analysis, Evidence, Finding
from validate.analyses.participants_by import breakdowns
from validate.analyses.rows import ModelRows, model_rows
from validate.analyses.wording import count_of, plural
from validate.errors import EvidenceError
from validate.protocol.model import Model
from validate.protocol.schema import StudyProtocol

REFUSED = "preprocess:"  # how the reason begins where an image was read and could not be made into what the model takes
BOXES = (
    ("unreadable", "leave", "Could not be read"),
    ("readable", "remain", "Readable"),
    ("not_sent", "leave", "Not what the model takes"),
    ("sent", "remain", "Sent to the model"),
    ("no_output", "leave", "No output"),
    ("output", "remain", "With an output"),
    ("no_label", "leave", "No reference label, reported"),
    ("labelled", "remain", "Output and reference label"),
)
MORE_THAN_A_SERIES = {"study", "patient"}
RULES = {
    "worst_case": "counted as wrong",
    "best_case": "counted as right",
    "exclude_and_report": "left out",
}


class Options(BaseModel):
    """There is nothing to choose."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def findings(evidence: Evidence, _options: Options) -> tuple[Finding, ...]:
    """One flow per model. Raises EvidenceError, with the numbers, where the boxes do not add up."""
    return tuple(_finding(evidence, model) for model in evidence.protocol.models)


def _finding(evidence: Evidence, model: Model) -> Finding:
    rows = model_rows(evidence.units, model.id)
    rule = evidence.protocol.inference.on_failure
    unit = evidence.protocol.cohort.unit
    silent, analysed = rows.labelled & rows.failed, rows.labelled & ~rows.failed
    series = _series(evidence)
    returning = []
    for name, label, failed, counted in _failures(evidence.protocol, rows):
        if counted == "exclude_and_report":
            continue
        analysed |= rows.labelled & failed
        members = rows.where(rows.labelled & failed)
        returning.append(_counted(name, "join", f"{label}, {RULES[counted]}", members, unit=unit, series=series))
    boxes = _boxes(rows) | {"returned": analysed & rows.failed, "analysed": analysed}
    steps = [
        *_until_eligible(evidence, rows),
        *(
            _counted(name, kind, label, rows.where(boxes[name]), unit=unit, series=series)
            for name, kind, label in BOXES
        ),
        *returning,
        _counted("analysed", "remain", "Analysed", rows.where(analysed), unit=unit, series=series),
    ]
    check_sums(steps, rows, unit=unit, series=series)
    return Finding(
        id=f"participants/{model.id}",
        analysis="participants",
        model=model.id,
        title="Who is in, who is out, and why",
        statement=_statement(evidence, rows, analysed, silent),
        data={
            "steps": steps,
            "by": breakdowns(evidence, rows, boxes),
            "unit": unit,
            "rule": rule,
            "adds_up": True,
        },
    )


def _boxes(rows: ModelRows) -> dict[str, NDArray[np.bool_]]:
    """Which rows are in each box from "eligible" on: what leaves is apart from what remains."""
    refused = np.array([str(reason or "").startswith(REFUSED) for reason in rows.text("failure")], dtype=np.bool_)
    readable = ~rows.unreadable
    refused &= readable & rows.failed
    sent, output = readable & ~refused, ~rows.failed
    return {
        "eligible": np.ones(len(rows), dtype=np.bool_),
        "unreadable": ~readable,
        "readable": readable,
        "not_sent": refused,
        "sent": sent,
        "no_output": sent & ~output,
        "output": output,
        "no_label": output & ~rows.labelled,
        "labelled": output & rows.labelled,
    }


def _failures(protocol: StudyProtocol, rows: ModelRows) -> list[tuple[str, str, NDArray[np.bool_], str]]:
    """(id, label, rows, rule): what the protocol counts alike is one box."""
    ours, theirs = protocol.cohort.on_unreadable, protocol.inference.on_failure
    if ours == theirs:
        return [("failed", "Without output", rows.failed, theirs)]
    return [
        ("failed:unreadable", "Could not be read", rows.unreadable, ours),
        ("failed:no_output", "Without output", rows.failed & ~rows.unreadable, theirs),
    ]


def check_sums(
    steps: Sequence[Mapping[str, Any]], rows: ModelRows, *, unit: str, series: Mapping[str, str] | None = None
) -> None:
    """Every candidate ends in exactly one box: what remains is what remained before less what left since."""
    for level in ("files", "images", "units"):
        _check_level(steps, level)
    for step in steps:
        reasons = sum(step["reasons"].values())
        if step["reasons"] and reasons not in (step["files"], step["images"], step["units"]):
            raise EvidenceError(
                f"participant flow: '{step['id']}' holds {step['files']} files and {step['units']} rows, but its "
                f"reasons add up to {reasons}. The flow or the units table is not this run's."
            )
    _check_rows(steps, rows, unit=unit, series=series)


def _check_level(steps: Sequence[Mapping[str, Any]], level: str) -> None:
    before: int | None = None
    left: list[int] = []
    for step in (step for step in steps if step[level] is not None):
        if step["kind"] in {"leave", "join"}:
            left.append(step[level] if step["kind"] == "leave" else -step[level])
            continue
        if before is not None and before - sum(left) != step[level]:
            raise EvidenceError(
                f"participant flow: '{step['id']}' holds {step[level]} {level}, but {before} came in and {sum(left)} "
                f"left since ({' + '.join(map(str, left)) or '0'}). Nothing may be lost: the cohort is not this run's."
            )
        before, left = step[level], []


def _check_rows(
    steps: Sequence[Mapping[str, Any]], rows: ModelRows, *, unit: str, series: Mapping[str, str] | None
) -> None:
    """Those counted as eligible before inference must be the rows of the units table."""
    eligible = next(step for step in steps if step["id"] == "eligible")
    counted = {"patients": rows.distinct("patient")}
    if unit != "patient":
        counted["studies"] = rows.distinct("study")
    if unit == "image":
        counted["images"] = len(rows)
    if series is not None:
        counted["series"] = _distinct(rows, series)
    for level, count in counted.items():
        if eligible[level] != count:
            raise EvidenceError(
                f"participant flow: 'eligible' holds {eligible[level]} {level}, but the units table has {count}. "
                "The cohort and the results are not of one run."
            )


def _until_eligible(evidence: Evidence, rows: ModelRows) -> list[dict[str, Any]]:
    """The flow as the cohort stage counted it; without one, a table of cases that somebody else chose."""
    unit = evidence.protocol.cohort.unit
    if not evidence.flow:
        return [_counted("eligible", "remain", "Eligible", rows, unit=unit, series=None)]
    return [
        {
            "id": step.id,
            "kind": step.kind,
            "label": step.label,
            "files": step.files,
            "images": step.images,
            "units": len(rows) if step.id == "eligible" else None,
            "series": step.series,
            "studies": step.studies,
            "patients": step.patients,
            "reasons": dict(step.reasons),
        }
        for step in evidence.flow
    ]


COLUMNS = {"no_label": "label_status", **dict.fromkeys(("no_output", "unreadable", "not_sent", "failed"), "failure")}


def _series(evidence: Evidence) -> Mapping[str, str] | None:
    """By unit, its series; None where the cohort knows none, or a row is more than one."""
    eligible = next((step for step in evidence.flow if step.id == "eligible"), None)
    if evidence.protocol.cohort.unit in MORE_THAN_A_SERIES or eligible is None or eligible.series is None:
        return None
    return dict(zip(evidence.cases["unit"].to_pylist(), evidence.cases["series"].to_pylist(), strict=True))


def _distinct(rows: ModelRows, series: Mapping[str, str]) -> int:
    return len({series[str(unit)] for unit in rows.text("unit")})


def _counted(
    name: str, kind: str, label: str, rows: ModelRows, *, unit: str, series: Mapping[str, str] | None
) -> dict[str, Any]:
    column = COLUMNS.get(name.partition(":")[0])
    reasons = Counter(str(reason) for reason in rows.text(column)) if column else Counter[str]()
    images = len(rows) if unit == "image" else None
    return {
        "id": name,
        "kind": kind,
        "label": label,
        "files": images,
        "images": images,
        "units": len(rows),
        "series": None if series is None else _distinct(rows, series),
        "studies": None if unit == "patient" else rows.distinct("study"),
        "patients": rows.distinct("patient"),
        "reasons": dict(sorted(reasons.items())),
    }


def _statement(evidence: Evidence, rows: ModelRows, analysed: NDArray[np.bool_], silent: NDArray[np.bool_]) -> str:
    protocol = evidence.protocol
    unit, patients = protocol.cohort.unit, count_of(rows.where(analysed).distinct("patient"), "patient")
    parts = [f"{count_of(int(analysed.sum()), unit)} of {patients} {plural(int(analysed.sum()), 'is')} analysed."]
    without = int((~rows.labelled).sum())
    if without:
        parts.append(f"{count_of(without, unit)} without a reference label {plural(without, 'is')} left out.")
    count = int(silent.sum())
    if count:
        parts.append(f"For {count_of(count, unit)} there is no output: {_how(protocol, rows)}, as the protocol says.")
    found = next((step for step in evidence.flow if step.id == "found"), None)
    if found is not None:
        left = [step for step in evidence.flow if step.id.startswith("excluded:")]
        excluded = sum(step.files for step in left)
        parts.insert(
            0, f"Of {count_of(found.files, 'file')} found, {excluded:,} {_were(excluded)} excluded beforehand."
        )
    return " ".join(parts)


def _how(protocol: StudyProtocol, rows: ModelRows) -> str:
    """Such as "counted as wrong", or, of two rules, "2 left out, 5 counted as wrong"."""
    boxes = [(int((rows.labelled & failed).sum()), RULES[rule]) for _, _, failed, rule in _failures(protocol, rows)]
    known = [(count, words) for count, words in boxes if count]
    return known[0][1] if len(known) == 1 else ", ".join(f"{count:,} {words}" for count, words in known)


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


ANALYSIS = Analysis(OPTIONS=Options, findings=findings, always=True, order=10, tasks=EVERY_TASK)
