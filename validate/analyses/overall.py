"""How well it works over all cases: the table at the operating point, the ROC curve and the scores of both classes.

data: {
 "operating_point": {"threshold", "rule", "source"} | null,
 "tables": [{"rule", "label", "locked", "true_positives", "false_negatives", "false_positives", "true_negatives",
             "positives", "negatives"}],                                           empty without an operating point
 "roc": {"points": [[fpr, sensitivity]], "corners", "deviation", "auroc": id | null,
         "band": {"points": [[fpr, low, high]], "level", "method", "replicates", "undefined_replicates"} | null,
         "operating": {"false_positive_rate", "sensitivity", "ids": {"sensitivity", "specificity"}} | null} | null,
 "precision_recall": {"points": [[recall, precision]], "prevalence", "average_precision": id | null,
         "band": {"points": [[recall, low, high]], …} | null, "operating": {"recall", "precision"} | null} | null,
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
from validate.analyses.precision_recall import precision_band, precision_recall
from validate.analyses.roc import Band, roc_band, roc_curve
from validate.analyses.samples import ModelSamples, model_samples
from validate.analyses.selection import Selection, about_headline
from validate.analyses.two_by_two import TwoByTwo, two_by_two
from validate.analyses.wording import count_of, measure, plural, printed_estimate
from validate.estimation.estimate import Estimate
from validate.estimation.threshold import threshold_of
from validate.protocol.model import Model
from validate.protocol.targets import headline

LEVEL = 0.95
BINS = 20
RATES = ("sensitivity", "specificity")
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
    samples, selection = model_samples(evidence, model), Selection(evidence.estimates)
    found = [(e, selection.overall(e.id, model.id)) for e in evidence.protocol.endpoints]
    present = [(endpoint, estimate) for endpoint, estimate in found if estimate is not None]
    tables = _tables(samples)
    curve, why = _roc(samples, about_headline(evidence.protocol, evidence.estimates))
    return Finding(
        id=f"overall/{model.id}",
        analysis="overall",
        model=model.id,
        title="How well it works over all cases",
        statement=_statement(evidence, [e for endpoint, e in present if endpoint.role == "primary"], tables),
        data={
            "operating_point": _operating_point(evidence, model),
            "tables": [
                {**entry, "positives": table.positives, "negatives": table.negatives, **asdict(table)}
                for entry, table in tables
            ],
            "roc": curve,
            "why_no_curve": why,
            "precision_recall": _precision_recall(samples, about_headline(evidence.protocol, evidence.estimates)),
            "histogram": _histogram(samples),
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


def _operating_point(evidence: Evidence, model: Model) -> dict[str, Any] | None:
    """The threshold that holds for the headline; None in its place where the answer is by another rule."""
    point = model.operating_point
    if point is None:
        return None
    found = threshold_of(model, headline(evidence.protocol).name)
    ranks = {} if point.k is None else {"k": point.k}
    return {"threshold": None if found is None else found.value, "rule": point.rule, **ranks, "source": point.source}


def _tables(samples: ModelSamples) -> list[tuple[dict[str, Any], TwoByTwo]]:
    """By the locked rule, and of outputs only where that is another rule."""
    if samples.model.operating_point is None:
        return []
    locked, outputs = samples.locked(), samples.outputs_only()
    rule = samples.protocol.inference.on_failure
    entries = [({"rule": rule, "label": LABELS[rule], "locked": True}, two_by_two(locked))]
    if len(outputs.rows) != len(locked.rows):
        left_out = {"rule": "exclude_and_report", "label": LABELS["exclude_and_report"], "locked": False}
        entries.append((left_out, two_by_two(outputs)))
    return entries


def _roc(samples: ModelSamples, selection: Selection) -> tuple[dict[str, Any] | None, str | None]:
    sample = samples.locked()
    positive = sample.rows["positive"]
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if positives == 0 or negatives == 0:
        found = f"{count_of(positives, 'positive')} and {count_of(negatives, 'negative')}"
        return None, f"A curve needs both classes; here are {found}."
    score = sample.rows["score"]
    curve = roc_curve(score, positive)
    band = roc_band(score, positive, cluster=sample.cluster, weights=samples.weights, level=LEVEL)
    auroc = selection.of_metric("classification.auroc", samples.model.id)
    return {
        "points": np.column_stack([curve.false_positive_rate, curve.sensitivity]).tolist(),
        "corners": curve.corners,
        "deviation": curve.deviation,
        "auroc": auroc.id if auroc is not None else None,
        "band": _band(band) if band is not None else None,
        "operating": _operating(samples, selection),
    }, None


def _precision_recall(samples: ModelSamples, selection: Selection) -> dict[str, Any] | None:
    """Where there are both classes."""
    sample = samples.locked()
    positive, score = sample.rows["positive"], sample.rows["score"]
    if not positive.any() or positive.all():
        return None
    curve = precision_recall(score, positive)
    band = precision_band(score, positive, cluster=sample.cluster, weights=samples.weights, level=LEVEL)
    area = selection.of_metric("classification.average_precision", samples.model.id)
    operating = None
    if samples.model.operating_point is not None:
        table = two_by_two(sample)
        flags = table.true_positives + table.false_positives
        operating = (
            {"recall": table.true_positives / table.positives, "precision": table.true_positives / flags}
            if flags
            else None
        )
    return {
        "points": np.column_stack([curve.recall, curve.precision]).tolist(),
        "prevalence": curve.prevalence,
        "average_precision": area.id if area is not None else None,
        "band": None if band is None else {
            "points": np.column_stack([band.recall, band.low, band.high]).tolist(), "level": LEVEL,
            "replicates": band.replicates, "undefined_replicates": band.undefined_replicates,
        },
        "operating": operating,
    }  # fmt: skip


def _band(band: Band) -> dict[str, Any]:
    return {
        "points": np.column_stack([band.false_positive_rate, band.low, band.high]).tolist(),
        "level": LEVEL,
        "method": BAND,
        "replicates": band.replicates,
        "undefined_replicates": band.undefined_replicates,
    }


def _operating(samples: ModelSamples, selection: Selection) -> dict[str, Any] | None:
    if samples.model.operating_point is None:
        return None
    table = two_by_two(samples.locked())
    found = {name: selection.of_metric(f"classification.{name}", samples.model.id) for name in RATES}
    return {
        "false_positive_rate": table.false_positives / table.negatives,
        "sensitivity": table.true_positives / table.positives,
        "ids": {name: estimate.id if estimate is not None else None for name, estimate in found.items()},
    }


def _histogram(samples: ModelSamples) -> dict[str, Any] | None:
    """Outputs with a reference label, in 20 equal classes of [0, 1], or of their own range where they are scores."""
    rows, kind = samples.outputs_only().rows, samples.model.output.kind
    if len(rows) == 0:
        return None
    low, high = (0.0, 1.0) if kind == "probability" else _range(rows["score"])
    edges = np.linspace(low, high, BINS + 1)
    counts = {
        name: np.histogram(rows["score"][keep], bins=edges)[0].tolist()
        for name, keep in (("positives", rows["positive"]), ("negatives", ~rows["positive"]))
    }
    return {"edges": edges.tolist(), **counts, "outputs": len(rows), "kind": kind}


def _range(score: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(score.min()), float(score.max())
    margin = max(0.5, 0.01 * abs(low))
    return (low, high) if low < high else (low - margin, high + margin)


def _statement(evidence: Evidence, estimates: list[Estimate], tables: list[tuple[dict[str, Any], TwoByTwo]]) -> str:
    """The primary endpoints, and what goes wrong at the operating point."""
    sentences = [f"{measure(estimate, evidence.protocol)}: {printed_estimate(estimate)}." for estimate in estimates]
    if not tables:
        sentences.append("The protocol states no operating point, so nothing is said of missed cases and false alarms.")
    else:
        sentences.append(f"At the operating point {_mistakes(tables[0][1], evidence.protocol.cohort.unit)}.")
    return " ".join(sentences)


def _mistakes(table: TwoByTwo, unit: str) -> str:
    """Such as "62 of 540 positive images are missed and 51 of 734 negative images are flagged"."""
    sides = (
        (table.false_negatives, table.positives, f"positive {unit}", "missed"),
        (table.false_positives, table.negatives, f"negative {unit}", "flagged"),
    )
    said = (f"{wrong:,} of {count_of(n, noun)} {plural(wrong, 'is')} {verb}" for wrong, n, noun, verb in sides if n)
    return " and ".join(said)


ANALYSIS = Analysis(OPTIONS=Options, findings=findings, always=True, order=30)
