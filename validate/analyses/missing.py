"""What is missing, and what it could change: failures by reason and class, and each endpoint under every rule.

data: {
 "rule", "rows", "outputs", "failed", "share",
 "failures": [{"reason", "positives", "negatives", "no_label", "total"}],
 "labels": [{"status": "present"|"missing"|"indeterminate", "rows", "patients"}],
 "endpoints": [{"endpoint", "label", "role", "rules": [{"rule", "label", "estimate": id, "locked": bool}]}]}
The numbers of a rule are those of the estimate it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from validate.analyses.analysis import EVERY_TASK, Analysis, Evidence, Finding
from validate.analyses.rows import ModelRows, model_rows
from validate.analyses.selection import Selection
from validate.analyses.wording import count_of, measure, plural, printed, printed_estimate
from validate.estimation.estimate import Estimate
from validate.protocol.model import Model
from validate.protocol.question import Endpoint

RULES = {
    "worst_case": "Counted as wrong",
    "best_case": "Counted as right",
    "excluded": "Left out",
    "exclude_and_report": "Left out",
    "outputs_only": "Outputs only",
}
ORDER = tuple(RULES)


class Options(BaseModel):
    """There is nothing to choose."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def findings(evidence: Evidence, _options: Options) -> tuple[Finding, ...]:
    """One finding per model."""
    return tuple(_finding(evidence, model) for model in evidence.protocol.models)


def _finding(evidence: Evidence, model: Model) -> Finding:
    rows = model_rows(evidence.units, model.id)
    selection = Selection(evidence.estimates)
    endpoints = [
        entry for endpoint in evidence.protocol.endpoints if (entry := _endpoint(evidence, selection, endpoint, model))
    ]
    failed = int(rows.failed.sum())
    data = {
        "rule": evidence.protocol.inference.on_failure,
        "rows": len(rows),
        "outputs": len(rows) - failed,
        "failed": failed,
        "share": failed / len(rows) if len(rows) else None,
        "failures": _failures(rows),
        "labels": _labels(rows),
        "endpoints": endpoints,
    }
    return Finding(
        id=f"missing/{model.id}",
        analysis="missing",
        model=model.id,
        title="What is missing, and what it could change",
        statement=_statement(evidence, selection, rows, model),
        data=data,
        estimates=tuple(rule["estimate"] for entry in endpoints for rule in entry["rules"]),
    )


def _failures(rows: ModelRows) -> list[dict[str, Any]]:
    reasons = np.array([reason or "" for reason in rows.text("failure")], dtype=np.object_)
    table = []
    for reason in sorted(set(reasons[rows.failed])):
        here = rows.failed & (reasons == reason)
        table.append(
            {
                "reason": str(reason),
                "positives": int((here & rows.positive).sum()),
                "negatives": int((here & rows.labelled & ~rows.positive).sum()),
                "no_label": int((here & ~rows.labelled).sum()),
                "total": int(here.sum()),
            }
        )
    return table


def _labels(rows: ModelRows) -> list[dict[str, Any]]:
    statuses = np.array(rows.text("label_status"), dtype=np.object_)
    kept = {status: rows.where(statuses == status) for status in ("present", "missing", "indeterminate")}
    return [
        {"status": status, "rows": len(found), "patients": found.distinct("patient")} for status, found in kept.items()
    ]


def _endpoint(evidence: Evidence, selection: Selection, endpoint: Endpoint, model: Model) -> Mapping[str, Any] | None:
    locked = selection.overall(endpoint.id, model.id)
    if locked is None:
        return None
    others = selection.other_rules(endpoint.id, model.id)
    found = sorted([locked, *others], key=lambda estimate: ORDER.index(estimate.missing_rule))
    return {
        "endpoint": endpoint.id,
        "label": measure(locked, evidence.protocol),
        "role": endpoint.role,
        "rules": [
            {
                "rule": estimate.missing_rule,
                "label": RULES[estimate.missing_rule],
                "estimate": estimate.id,
                "locked": estimate is locked,
            }
            for estimate in found
        ],
    }


def _statement(evidence: Evidence, selection: Selection, rows: ModelRows, model: Model) -> str:
    unit, failed = evidence.protocol.cohort.unit, int(rows.failed.sum())
    sentences = []
    if failed == 0:
        sentences.append(f"There is an output for every {unit}.")
    else:
        share = printed(failed / len(rows), "proportion")
        sentences.append(f"There is no output for {failed:,} of {count_of(len(rows), unit)} ({share}).")
        sentences += _effects(evidence, selection, model)
    without = int((~rows.labelled).sum())
    if without:
        sentences.append(
            f"{count_of(without, unit)} {plural(without, 'has')} no usable reference label: "
            f"{'it is' if without == 1 else 'they are'} counted here and not analysed."
        )
    return " ".join(sentences)


def _effects(evidence: Evidence, selection: Selection, model: Model) -> list[str]:
    """For each primary endpoint, what it would be had the failures been left out."""
    sentences = []
    for endpoint in evidence.protocol.endpoints:
        locked = selection.overall(endpoint.id, model.id)
        other = next((e for e in selection.other_rules(endpoint.id, model.id) if _left_out(e)), None)
        if endpoint.role == "primary" and locked is not None and other is not None and other.value is not None:
            title = measure(locked, evidence.protocol)
            sentences.append(
                f"{title}: {printed_estimate(locked)} as locked; {printed_estimate(other)} with them left out."
            )
    return sentences


def _left_out(estimate: Estimate) -> bool:
    return estimate.missing_rule in ("excluded", "exclude_and_report")


ANALYSIS = Analysis(OPTIONS=Options, findings=findings, always=True, order=70, tasks=EVERY_TASK)
