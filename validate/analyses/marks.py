"""How well marks find lesions: the free-response curve, rates of false marks, sizes of lesions, and the cases that went worst.

data: {
 "rules": {"space", "criterion", "value", "repeated_hits", "unlisted", "rule"},
 "targets": [{"name", "words",
   "counts": {"cases", "abnormal", "normal", "failed", "without_reference", "lesions", "ignored_lesions", "marks", "hits", "false",
              "repeated", "ignored"},                       marks of all scores; failed cases have none
   "froc": {"points": [[false per case, sensitivity]], "band": {"level", "replicates", "points": [[rate, low, high]]} | null,
            "operating": {"false_per_case", "sensitivity", "threshold"} | null} | null,
   "rates": [{"rate", "value", "low": number | null, "high": number | null}],               at the seven rates of LUNA16
   "sizes": {"level", "sizes": [[size, found]], "points": [[size, share]], "band": [[size, low, high]]} | null, "size_unit",
   "worst": [{"case", "lesions", "found", "false_marks", "failed", "levels": {attribute: level}}]}],
 "endpoints": [{"endpoint", "label", "role", "target", "estimate": id}]}
Failed cases count in curves as the lock says; worst : by lesions missed and false marks at the operating point.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from validate.analyses.analysis import Analysis, Evidence, Finding
from validate.analyses.free_response import froc_band, froc_points, size_curve
from validate.analyses.samples import ModelSamples, model_samples
from validate.analyses.selection import Selection
from validate.analyses.wording import count_of, measure, printed_estimate, sentence_case
from validate.estimation.estimate import Estimate
from validate.estimation.sample import Sample
from validate.estimation.threshold import threshold_of
from validate.metrics.detection.rows import LUNA_RATES, sensitivities
from validate.protocol.model import Model
from validate.protocol.passes import CLEAN
from validate.protocol.targets import Target, headline, targets_of
from validate.results.units import STRATUM_PREFIX

WORST = 10


class Options(BaseModel):
    """There is nothing to choose."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def findings(evidence: Evidence, _options: Options) -> tuple[Finding, ...]:
    """One finding per model."""
    return tuple(_finding(evidence, model) for model in evidence.protocol.models)


def _finding(evidence: Evidence, model: Model) -> Finding:
    protocol, selection = evidence.protocol, Selection(evidence.estimates)
    block = protocol.detection
    assert block is not None
    found = [(e, selection.overall(e.id, model.id)) for e in protocol.endpoints]
    present = [(endpoint, estimate) for endpoint, estimate in found if estimate is not None]
    targets = [_target(evidence, model, target) for target in targets_of(protocol)]
    primary = [estimate for endpoint, estimate in present if endpoint.role == "primary"]
    return Finding(
        id=f"marks/{model.id}",
        analysis="marks",
        model=model.id,
        title="What it finds, and what it marks besides",
        statement=_statement(evidence, primary, targets),
        data={
            "rules": {
                "space": block.space,
                "criterion": block.hit.criterion,
                "value": block.hit.value,
                "repeated_hits": block.repeated_hits,
                "unlisted": protocol.reference.unlisted,
                "rule": protocol.inference.on_failure,
            },
            "targets": targets,
            "endpoints": [
                {
                    "endpoint": endpoint.id,
                    "label": measure(estimate, protocol),
                    "role": endpoint.role,
                    "target": estimate.target,
                    "estimate": estimate.id,
                }
                for endpoint, estimate in present
            ],
        },
        estimates=tuple(estimate.id for _, estimate in present),
    )


def _statement(evidence: Evidence, primary: list[Estimate], targets: list[dict[str, Any]]) -> str:
    protocol = evidence.protocol
    sentences = [f"{measure(e, protocol)}: {printed_estimate(e)}." for e in primary]
    name = headline(protocol).name
    counts = next(one for one in targets if one["name"] == name)["counts"]
    kinds = f"{count_of(counts['lesions'], 'lesion')} in {counts['abnormal']:,} of {count_of(counts['cases'], protocol.cohort.unit)}"
    sentences.append(f"{sentence_case(kinds)}; {counts['normal']:,} have none.")
    return " ".join(sentences)


def _target(evidence: Evidence, model: Model, target: Target) -> dict[str, Any]:
    samples = model_samples(evidence, model, target.name)
    sample = samples.locked(needs=("lesion",))
    shown = samples.shown(sample, np.ones(len(sample.rows), np.bool_))
    defined = bool(sample.rows["lesion"].any()) and bool(sample.rows["case"].any()) and shown
    return {
        "name": target.name,
        "words": target.words,
        "counts": _counts(evidence, model, target, samples),
        "froc": _froc(sample, samples, model, target) if defined else None,
        "rates": _rates(sample, samples) if defined else [],
        "sizes": size_curve(sample, _sizes(evidence, model, target, samples, sample), samples.weights)
        if defined
        else None,
        "size_unit": "mm"
        if evidence.protocol.detection is not None and evidence.protocol.detection.space == "mm"
        else "pixels",
        "worst": _worst(evidence, model, target),
    }


def _rows(table: pa.Table, model: Model, target: Target) -> pa.Table:
    return table.filter(
        pc.and_(
            pc.and_(pc.equal(table["model"], model.id), pc.equal(table["pass"], CLEAN.id)),
            pc.equal(table["target"], target.name),
        )
    )


def _counts(evidence: Evidence, model: Model, target: Target, samples: ModelSamples) -> dict[str, int]:
    assert evidence.marked is not None
    marks, lesions = (_rows(table, model, target) for table in (evidence.marked.marks, evidence.marked.lesions))
    units = _rows(evidence.every if evidence.every is not None else evidence.units, model, target)
    verdicts = Counter(marks["verdict"].to_pylist())
    ignored = sum(lesions["ignore"].to_pylist())
    return {
        "cases": samples.cases.cluster.size,
        "abnormal": int(samples.cases.positive.sum()),
        "normal": int((~samples.cases.positive).sum()),
        "failed": int(samples.cases.failed.sum()),
        "without_reference": units.num_rows - samples.cases.cluster.size,
        "lesions": lesions.num_rows - ignored,
        "ignored_lesions": ignored,
        "marks": sum(verdicts.values()) - verdicts["unjudged"],
        "hits": verdicts["hit"],
        "false": verdicts["false"],
        "repeated": verdicts["repeated"],
        "ignored": verdicts["ignored"],
    }


def _froc(sample: Sample, samples: ModelSamples, model: Model, target: Target) -> dict[str, Any]:
    rows, threshold = sample.rows, threshold_of(model, target.name)
    operating = None
    if threshold is not None:
        cases, lesions = int(rows["case"].sum()), int(rows["lesion"].sum())
        operating = {
            "threshold": threshold.value,
            "false_per_case": float((rows["false_mark"] & rows["flagged"]).sum() / cases),
            "sensitivity": float((rows["lesion"] & rows["flagged"]).sum() / lesions),
        }
    return {"points": froc_points(sample), "band": froc_band(sample, samples.weights), "operating": operating}


def _rates(sample: Sample, samples: ModelSamples) -> list[dict[str, Any]]:
    values = sensitivities(sample.rows, np.ones(len(sample.rows), np.int64), LUNA_RATES, "Sensitivity at a rate")
    band = froc_band(sample, samples.weights)
    limits = {rate: (low, high) for rate, low, high in band["points"]} if band is not None else {}
    return [
        {
            "rate": rate,
            "value": float(value),
            "low": limits.get(rate, (None, None))[0],
            "high": limits.get(rate, (None, None))[1],
        }
        for rate, value in zip(LUNA_RATES, values, strict=True)
    ]


def _sizes(evidence: Evidence, model: Model, target: Target, samples: ModelSamples, sample: Sample) -> Any:
    """(lesions,) of the sample, in its order."""
    assert evidence.marked is not None
    assert samples.cases.marked is not None
    table = _rows(evidence.marked.lesions, model, target)
    units = _rows(evidence.every if evidence.every is not None else evidence.units, model, target)
    labelled = {
        unit
        for unit, status in zip(units["unit"].to_pylist(), units["label_status"].to_pylist(), strict=True)
        if status == "present"
    }
    columns = zip(table["unit"].to_pylist(), table["ignore"].to_pylist(), table["size"].to_pylist(), strict=True)
    sizes = np.array(
        [np.nan if size is None else size for unit, ignore, size in columns if unit in labelled and not ignore]
    )
    lesions = int(sample.rows["lesion"].sum())
    if sizes.size != lesions:  # excluded by the rule for failures: which of them, the sample says by its cases
        kept = ~samples.cases.failed[samples.cases.marked.lesion_case]
        sizes = sizes[kept]
    return sizes


def _worst(evidence: Evidence, model: Model, target: Target) -> list[dict[str, Any]]:
    """Most lesions missed first, then most false marks; ties in the order of the cohort."""
    assert evidence.marked is not None
    units = _rows(evidence.every if evidence.every is not None else evidence.units, model, target)
    threshold = threshold_of(model, target.name)

    def flagged(score: float | None) -> bool:
        return score is not None and (threshold is None or bool(threshold.flags(np.array([score]))[0]))

    lesions: Counter[str] = Counter()
    found: Counter[str] = Counter()
    false: Counter[str] = Counter()
    for row in _rows(evidence.marked.lesions, model, target).select(["unit", "ignore", "score"]).to_pylist():
        if not row["ignore"]:
            lesions[row["unit"]] += 1
            found[row["unit"]] += flagged(row["score"])
    for row in _rows(evidence.marked.marks, model, target).select(["unit", "verdict", "score"]).to_pylist():
        false[row["unit"]] += row["verdict"] == "false" and flagged(row["score"])
    names = [name for name in units.column_names if name.startswith(STRATUM_PREFIX)]
    rows = [row for row in units.to_pylist() if row["label_status"] == "present"]
    order = sorted(rows, key=lambda row: (found[row["unit"]] - lesions[row["unit"]], -false[row["unit"]]))
    return [
        {
            "case": row["unit"],
            "lesions": lesions[row["unit"]],
            "found": found[row["unit"]],
            "false_marks": false[row["unit"]],
            "failed": row["status"] == "failed",
            "levels": {name.removeprefix(STRATUM_PREFIX): row[name] for name in names},
        }
        for row in order[:WORST]
        if lesions[row["unit"]] > found[row["unit"]] or false[row["unit"]]
    ]


ANALYSIS = Analysis(OPTIONS=Options, findings=findings, always=True, order=32, tasks=frozenset({"detection"}))
