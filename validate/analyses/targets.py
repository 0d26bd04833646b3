"""Each class, finding or step of a scale by itself, and the table of reference against answer. Only where there are several.

data: {"task", "headline": name, "rule",
 "targets": [{"name", "words", "headline": bool, "labelled", "positives", "without_label",
              "endpoints": [{"endpoint", "metric", "label", "role", "estimate": id}],
              "roc": {"points": [[fpr, sensitivity]], "auroc": id | null} | null}],
 "together": [{"endpoint", "label", "role", "estimate": id}],            measures of all classes at once
 "table": {"classes": [K], "cells": [K][K + 1]} | null,                  rows: reference; the last column: no answer
 "steps": [{"off", "cases"}] | null}                                     answers so many grades too high (+) or too low (−)
Failures are counted as the lock says; where that leaves them out, they are in no cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from validate.analyses.analysis import Analysis, Evidence, Finding
from validate.analyses.roc import roc_curve
from validate.analyses.samples import model_samples
from validate.analyses.selection import Selection
from validate.analyses.wording import count_of, measure, metric_of, plural, printed, printed_estimate
from validate.estimation.estimate import Estimate
from validate.protocol.model import Model
from validate.protocol.passes import CLEAN
from validate.protocol.targets import Target, class_names, headline, targets_of

TITLES = {
    "multiclass": "Each class against the rest, and all together",
    "ordinal": "Each step of the scale, and all grades together",
    "multilabel": "Each finding by itself",
}


class Options(BaseModel):
    """There is nothing to choose."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def findings(evidence: Evidence, _options: Options) -> tuple[Finding, ...]:
    """One per model; none in a study of one question."""
    if evidence.protocol.task == "classification":
        return ()
    return tuple(_finding(evidence, model) for model in evidence.protocol.models)


def _finding(evidence: Evidence, model: Model) -> Finding:
    protocol, selection = evidence.protocol, Selection(evidence.estimates)
    found = [(e, selection.overall(e.id, model.id)) for e in protocol.endpoints]
    present = [(endpoint, estimate) for endpoint, estimate in found if estimate is not None]
    targets = targets_of(protocol)
    cells = _cells(evidence, model) if targets[-1].kind == "all" else None
    singles = [target for target in targets if target.kind != "all"]
    return Finding(
        id=f"targets/{model.id}",
        analysis="targets",
        model=model.id,
        title=TITLES[protocol.task],
        statement=_statement(evidence, cells, [e for _, e in present]),
        data={
            "task": protocol.task,
            "headline": headline(protocol).name,
            "rule": protocol.inference.on_failure,
            "targets": [_target(evidence, model, target, [e for _, e in present]) for target in singles],
            "together": [
                {"endpoint": endpoint.id, "label": measure(e, protocol), "role": endpoint.role, "estimate": e.id}
                for endpoint, e in present
                if e.target == targets[-1].name and targets[-1].kind == "all"
            ],
            "table": None
            if cells is None
            else {"classes": list(class_names(protocol.reference)), "cells": cells.tolist()},
            "steps": _steps(cells) if cells is not None and protocol.task == "ordinal" else None,
        },
        estimates=tuple(e.id for _, e in present),
    )


def _target(evidence: Evidence, model: Model, target: Target, estimates: Sequence[Estimate]) -> dict[str, Any]:
    mine = [e for e in estimates if e.target == target.name]
    counted = _counts(evidence, model, target)
    return {
        "name": target.name,
        "words": target.words,
        "headline": target == headline(evidence.protocol),
        **counted,
        "endpoints": [
            {"endpoint": e.endpoint, "metric": e.metric, "label": metric_of(e).title, "role": e.role, "estimate": e.id}
            for e in mine
        ],
        "roc": _roc(evidence, model, target, mine) if counted["labelled"] else None,
    }


def _counts(evidence: Evidence, model: Model, target: Target) -> dict[str, int]:
    rows = evidence.every if evidence.every is not None else evidence.units
    keys = zip(rows["model"].to_pylist(), rows["pass"].to_pylist(), rows["target"].to_pylist(), strict=True)
    part = rows.filter(pa.array([key == (model.id, CLEAN.id, target.name) for key in keys]))
    labels = [x for x in part["label"].to_pylist() if x is not None]
    return {"labelled": len(labels), "positives": labels.count(1.0), "without_label": part.num_rows - len(labels)}


def _roc(evidence: Evidence, model: Model, target: Target, estimates: Sequence[Estimate]) -> dict[str, Any] | None:
    sample = model_samples(evidence, model, target.name).locked()
    positive = sample.rows["positive"]
    if not positive.any() or positive.all():
        return None
    curve = roc_curve(sample.rows["score"], positive)
    auroc = next((e for e in estimates if e.metric == "classification.auroc"), None)
    return {
        "points": np.column_stack([curve.false_positive_rate, curve.sensitivity]).tolist(),
        "auroc": auroc.id if auroc is not None else None,
    }


def _cells(evidence: Evidence, model: Model) -> NDArray[np.int64]:
    """(K, K + 1): cases of each class by answer, under the locked rule; the last column is no answer."""
    sample = model_samples(evidence, model, targets_of(evidence.protocol)[-1].name).locked()
    k = len(class_names(evidence.protocol.reference))
    codes = sample.rows["true"] * (k + 1) + sample.rows["predicted"]
    return np.bincount(codes, minlength=k * (k + 1)).reshape(k, k + 1)


def _steps(cells: NDArray[np.int64]) -> list[dict[str, int]]:
    """Every difference of answer and reference that the scale allows, in order."""
    k = cells.shape[0]
    return [{"off": off, "cases": int(np.trace(cells[:, :k], offset=off))} for off in range(1 - k, k)]


def _statement(evidence: Evidence, cells: NDArray[np.int64] | None, estimates: Sequence[Estimate]) -> str:
    unit = evidence.protocol.cohort.unit
    if cells is None:
        return _range(evidence, estimates)
    total, right, silent = int(cells.sum()), int(np.trace(cells)), int(cells[:, -1].sum())
    told = [e for e in estimates if e.role == "primary" and e.target == targets_of(evidence.protocol)[-1].name]
    sentences = [f"{measure(e, evidence.protocol)}: {printed_estimate(e)}." for e in told]
    if evidence.protocol.task == "ordinal":
        beside = int(np.trace(cells[:, :-1], offset=1) + np.trace(cells[:, :-1], offset=-1))
        further = total - right - beside - silent
        sentences.append(
            f"Of {count_of(total, unit)}, {right:,} {plural(right, 'is')} given the grade of the reference, {beside:,} one grade "
            f"beside it, and {further:,} further off."
        )
    else:
        sentences.append(f"Of {count_of(total, unit)}, {right:,} {plural(right, 'is')} put in the right class.")
    if silent:
        sentences.append(f"{count_of(silent, unit)} without an answer {plural(silent, 'is')} counted as wrong.")
    return " ".join(sentences)


def _range(evidence: Evidence, estimates: Sequence[Estimate]) -> str:
    """From the lowest to the highest finding, for each measure of several: descriptive, in no order of merit."""
    by_metric: dict[str, list[tuple[float, Estimate]]] = {}
    for estimate in estimates:
        if estimate.value is not None:
            by_metric.setdefault(estimate.metric, []).append((estimate.value, estimate))
    words = {target.name: target.words for target in targets_of(evidence.protocol)}
    sentences = []
    for found in by_metric.values():
        if len(found) > 1:
            (low, lowest), (high, highest) = (pick(found, key=lambda pair: pair[0]) for pick in (min, max))
            sentences.append(
                f"{metric_of(lowest).title}: from {printed(low, lowest.unit)} ({words[lowest.target]}) to "
                f"{printed(high, highest.unit)} ({words[highest.target]})."
            )
    return " ".join(sentences) or "Each finding was judged by itself."


ANALYSIS = Analysis(OPTIONS=Options, findings=findings, always=True, order=35)
