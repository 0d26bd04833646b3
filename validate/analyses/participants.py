"""Who is in, who is out, and why: the flow of the cohort, completed after inference. Its sums are checked.

data: {"steps": [{"id", "kind": "remain"|"leave"|"among", "label", "files", "images", "studies", "patients",
"reasons": {code: count}}], "unit", "rule", "adds_up": true}. "among" says that these stay in, counted as the rule says;
counts of a step are of the named things, and `files` is null where a step is known by its rows only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from validate.analyses.analysis import Analysis, Evidence, Finding
from validate.analyses.rows import ModelRows, model_rows
from validate.analyses.wording import count_of, plural
from validate.cohort.case import FlowStep
from validate.errors import EvidenceError
from validate.protocol.schema import Model

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
    steps = [_stored(step) for step in evidence.flow] or _from_rows(rows)
    silent = rows.labelled & rows.failed
    analysed = rows.labelled & ~rows.failed if rule == "exclude_and_report" else rows.labelled
    kind = "leave" if rule == "exclude_and_report" else "among"
    reasons = Counter(str(reason) for reason, out in zip(rows.text("failure"), silent, strict=True) if out)
    steps.append(_counted("no_output", kind, f"No output, {RULES[rule]}", rows.where(silent), reasons))
    steps.append(_counted("analysed", "remain", "Analysed", rows.where(analysed), {}))
    check_sums(steps, rows, unit=evidence.protocol.cohort.unit)
    return Finding(
        id=f"participants/{model.id}",
        analysis="participants",
        model=model.id,
        title="Who is in, who is out, and why",
        statement=_statement(evidence, rows, analysed, silent),
        data={"steps": steps, "unit": evidence.protocol.cohort.unit, "rule": rule, "adds_up": True},
    )


def check_sums(steps: Sequence[Mapping[str, Any]], rows: ModelRows, *, unit: str) -> None:
    """Every candidate ends in exactly one box: what remains is what remained before less what left since."""
    levels = ("files", "images") if unit == "image" else ("files",)
    for level in levels:
        _check_level(steps, level)
    for step in steps:
        if step["reasons"] and sum(step["reasons"].values()) not in (step["files"], step["images"]):
            raise EvidenceError(
                f"participant flow: '{step['id']}' holds {step['images']} images and {step['files']} files, but its "
                f"reasons add up to {sum(step['reasons'].values())}. The flow or the units table is not this run's."
            )
    _check_rows(steps, rows, unit=unit)


def _check_level(steps: Sequence[Mapping[str, Any]], level: str) -> None:
    before: int | None = None
    left: list[int] = []
    for step in steps:
        count = step[level]
        if count is None or step["kind"] == "among":
            continue
        if step["kind"] == "leave":
            left.append(count)
            continue
        if before is not None and before - sum(left) != count:
            raise EvidenceError(
                f"participant flow: '{step['id']}' holds {count} {level}, but {before} came in and {sum(left)} left "
                f"since ({' + '.join(map(str, left)) or '0'}). Nothing may be lost: the cohort is not this run's."
            )
        before, left = count, []


def _check_rows(steps: Sequence[Mapping[str, Any]], rows: ModelRows, *, unit: str) -> None:
    """The flow that was counted before inference must find its studies and patients in the units table."""
    expected = {"eligible": rows, "labelled": rows.where(rows.labelled)}
    for step in (step for step in steps if step["id"] in expected):
        found = expected[step["id"]]
        counted = {"studies": found.distinct("study"), "patients": found.distinct("patient")}
        if unit == "image":
            counted["images"] = len(found)
        for level, count in counted.items():
            if step[level] != count:
                raise EvidenceError(
                    f"participant flow: '{step['id']}' holds {step[level]} {level}, but the units table has {count}. "
                    "The cohort and the results are not of one run."
                )


def _stored(step: FlowStep) -> dict[str, Any]:
    return {
        "id": step.id,
        "kind": step.kind,
        "label": step.label,
        "files": step.files,
        "images": step.images,
        "studies": step.studies,
        "patients": step.patients,
        "reasons": dict(step.reasons),
    }


def _from_rows(rows: ModelRows) -> list[dict[str, Any]]:
    """The flow where no cohort stage counted one: a table of cases that somebody else chose."""
    statuses = rows.table["label_status"].to_pylist()
    reasons = Counter(str(status) for status in statuses if status != "present")
    return [
        _counted("eligible", "remain", "Eligible", rows, {}),
        _counted("no_label", "leave", "No reference label, reported", rows.where(~rows.labelled), reasons),
        _counted("labelled", "remain", "With a reference label", rows.where(rows.labelled), {}),
    ]


def _counted(name: str, kind: str, label: str, rows: ModelRows, reasons: Mapping[str, int]) -> dict[str, Any]:
    return {
        "id": name,
        "kind": kind,
        "label": label,
        "files": None,
        "images": len(rows),
        "studies": rows.distinct("study"),
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
        how = RULES[protocol.inference.on_failure]
        parts.append(f"The model gave no output for {count_of(count, unit)}: {how}, as the protocol says.")
    found = next((step for step in evidence.flow if step.id == "found"), None)
    if found is not None:
        left = [step for step in evidence.flow if step.id.startswith("excluded:")]
        excluded = sum(step.files for step in left)
        parts.insert(
            0, f"Of {count_of(found.files, 'file')} found, {excluded:,} {_were(excluded)} excluded beforehand."
        )
    return " ".join(parts)


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


ANALYSIS = Analysis(OPTIONS=Options, findings=findings, always=True, order=10)
