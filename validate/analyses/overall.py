"""How well it works over all cases: the table at the operating point, the ROC curve and the scores of both classes.

data: {
 "operating_point": {"threshold", "rule", "source"} | null,
 "tables": [{"rule", "label", "locked", "true_positives", "false_negatives", "false_positives", "true_negatives",
             "positives", "negatives"}],                                           empty without an operating point
 "roc": {"points": [[fpr, sensitivity]], "corners", "deviation", "auroc": id | null,
         "band": {"points": [[fpr, low, high]], "level", "method", "replicates", "undefined_replicates"} | null,
         "operating": {"false_positive_rate", "sensitivity", "ids": {"sensitivity", "specificity"}} | null} | null,
 "histogram": {"edges": [n + 1], "positives": [n], "negatives": [n], "outputs", "kind"} | null,
 "endpoints": [{"endpoint", "label", "role", "estimate": id}]}
The curve counts failures as the lock says; the histogram holds outputs only. What has no value is null, and
"why_no_curve" says why.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from validate.analyses.analysis import Analysis, Evidence, Finding
from validate.analyses.metric_rows import ranked_scores
from validate.analyses.resampling import cluster_weights
from validate.analyses.roc import Band, roc_band, roc_curve
from validate.analyses.rows import ModelRows, model_rows
from validate.analyses.selection import Selection
from validate.analyses.two_by_two import TwoByTwo, two_by_two
from validate.analyses.wording import count_of, measure, plural, printed_estimate
from validate.estimation.estimate import Estimate
from validate.protocol.schema import Model

LEVEL = 0.95
BINS = 20
BAND = "percentile bootstrap of the declared clusters, at each false positive rate by itself"
LABELS = {
    "worst_case": "Failures counted as wrong",
    "best_case": "Failures counted as right",
    "exclude_and_report": "Outputs only",
}


class Options(BaseModel):
    """There is nothing to choose."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def findings(evidence: Evidence, _options: Options) -> tuple[Finding, ...]:
    """One finding per model."""
    return tuple(_finding(evidence, model) for model in evidence.protocol.models)


def _finding(evidence: Evidence, model: Model) -> Finding:
    rows, selection = model_rows(evidence.units, model.id), Selection(evidence.estimates)
    found = [(e, selection.overall(e.id, model.id)) for e in evidence.protocol.endpoints]
    present = [(endpoint, estimate) for endpoint, estimate in found if estimate is not None]
    tables = _tables(evidence, rows, model)
    curve, why = _roc(evidence, rows, model, selection)
    return Finding(
        id=f"overall/{model.id}",
        analysis="overall",
        model=model.id,
        title="How well it works over all cases",
        statement=_statement(evidence, [estimate for _, estimate in present], tables),
        data={
            "operating_point": model.operating_point.model_dump() if model.operating_point else None,
            "tables": [
                {**entry, "positives": table.positives, "negatives": table.negatives, **asdict(table)}
                for entry, table in tables
            ],
            "roc": curve,
            "why_no_curve": why,
            "histogram": _histogram(rows, model),
            "endpoints": [
                {
                    "endpoint": endpoint.id,
                    "label": measure(estimate, evidence.protocol),
                    "role": endpoint.role,
                    "estimate": estimate.id,
                }
                for endpoint, estimate in present
            ],
        },
        estimates=tuple(estimate.id for _, estimate in present),
    )


def _tables(evidence: Evidence, rows: ModelRows, model: Model) -> list[tuple[dict[str, Any], TwoByTwo]]:
    """By the locked rule, and of outputs only where that is another rule."""
    if model.operating_point is None:
        return []
    locked = evidence.protocol.inference.on_failure
    return [
        ({"rule": rule, "label": LABELS[rule], "locked": rule == locked}, two_by_two(rows, model, rule))
        for rule in dict.fromkeys([locked, "exclude_and_report"])
    ]


def _roc(
    evidence: Evidence, rows: ModelRows, model: Model, selection: Selection
) -> tuple[dict[str, Any] | None, str | None]:
    rule = evidence.protocol.inference.on_failure
    kept = rows.where(rows.labelled & ~rows.failed if rule == "exclude_and_report" else rows.labelled)
    positives = int(kept.positive.sum())
    if positives == 0 or positives == len(kept):
        only = f"{count_of(positives, 'positive')} and {count_of(len(kept) - positives, 'negative')}"
        return None, f"A curve needs both classes; here are {only}."
    score = ranked_scores(kept, rule)
    curve = roc_curve(score, kept.positive)
    weights = cluster_weights(evidence, rows)
    band = roc_band(score, kept.positive, cluster=kept.cluster, weights=weights, level=LEVEL)
    return {
        "points": np.column_stack([curve.false_positive_rate, curve.sensitivity]).tolist(),
        "corners": curve.corners,
        "deviation": curve.deviation,
        "auroc": _id(evidence, selection, model, "classification.auroc"),
        "band": _band(band) if band is not None else None,
        "operating": _operating(evidence, selection, model, rows),
    }, None


def _band(band: Band) -> dict[str, Any]:
    return {
        "points": np.column_stack([band.false_positive_rate, band.low, band.high]).tolist(),
        "level": LEVEL,
        "method": BAND,
        "replicates": band.replicates,
        "undefined_replicates": band.undefined_replicates,
    }


def _operating(evidence: Evidence, selection: Selection, model: Model, rows: ModelRows) -> dict[str, Any] | None:
    if model.operating_point is None:
        return None
    table = two_by_two(rows, model, evidence.protocol.inference.on_failure)
    return {
        "false_positive_rate": table.false_positives / table.negatives,
        "sensitivity": table.true_positives / table.positives,
        "ids": {
            name: _id(evidence, selection, model, f"classification.{name}") for name in ("sensitivity", "specificity")
        },
    }


def _id(evidence: Evidence, selection: Selection, model: Model, metric: str) -> str | None:
    """The overall estimate of the first endpoint with this metric."""
    endpoints = (endpoint.id for endpoint in evidence.protocol.endpoints if endpoint.metric == metric)
    found = (selection.overall(endpoint, model.id) for endpoint in endpoints)
    return next((estimate.id for estimate in found if estimate is not None), None)


def _histogram(rows: ModelRows, model: Model) -> dict[str, Any] | None:
    """Outputs with a reference label, in 20 equal classes of [0, 1], or of their own range where they are scores."""
    kept = rows.where(rows.labelled & ~rows.failed)
    if len(kept) == 0:
        return None
    low, high = (0.0, 1.0) if model.output.kind == "probability" else _range(kept.score)
    edges = np.linspace(low, high, BINS + 1)
    counts = {
        name: np.histogram(kept.score[keep], bins=edges)[0].tolist()
        for name, keep in (("positives", kept.positive), ("negatives", ~kept.positive))
    }
    return {"edges": edges.tolist(), **counts, "outputs": len(kept), "kind": model.output.kind}


def _range(score: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(score.min()), float(score.max())
    margin = max(0.5, 0.01 * abs(low))
    return (low, high) if low < high else (low - margin, high + margin)


def _statement(evidence: Evidence, estimates: list[Estimate], tables: list[tuple[dict[str, Any], TwoByTwo]]) -> str:
    sentences = [f"{measure(estimate, evidence.protocol)}: {printed_estimate(estimate)}." for estimate in estimates]
    if tables:
        _, table = tables[0]
        missed, alarms = table.false_negatives, table.false_positives
        sentences.append(
            f"At the operating point {missed:,} of {count_of(table.positives, f'positive {evidence.protocol.cohort.unit}')} "
            f"{plural(missed, 'is')} missed and {alarms:,} of "
            f"{count_of(table.negatives, f'negative {evidence.protocol.cohort.unit}')} {plural(alarms, 'is')} flagged."
        )
    else:
        sentences.append(
            "The protocol states no operating point, so nothing is said about missed cases or false alarms."
        )
    return " ".join(sentences)


ANALYSIS = Analysis(OPTIONS=Options, findings=findings, always=True, order=30)
