"""Is this still the cohort that it was accepted on? Metadata, images and outputs against a reference, and charts over time.

data: {"reference": {"kind", "sha256", "cases", "outcome"}, "patients_in_both",
 "alpha", "permutations",
 "embedding": {"size", "components", "share", "cases", "reference_cases"} | {"reason"} | null,      null where none is declared
 "features": [{"feature", "label", "group": "metadata" | "images" | "outputs" | "embedding", "test": "ks" | "total_variation",
   "statistic", "p", "adjusted", "here": text, "reference": text, "shifted": bool}],
 "left_out": [{"feature", "label", "group", "reason"}],
 "together": {"statistic", "p", "groups": [{"group", "statistic", "p", "adjusted"}]} | null,     MMD over all features, and of each group
 "classifier": id,
 "chart": {"order_by", "allowance", "decision", "points": [{"when", "cases", "patients", "z", "upper", "lower"}], "alarm": when | null,
   "run_length"} | null,                            of the output
 "further_charts": [{"feature", "label", "group", …as chart}],   of every other number
 "since": [{"endpoint", "label", "estimate": id, "conclusion": "stands" | "fallen" | "open"}],
 "stands": "yes" | "no" | "open" | null}
p : by exchanging patients; adjusted : Holm's, over all features, or over the groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa

from validate.analyses.analysis import EVERY_TASK, Analysis, Evidence, Finding
from validate.analyses.shift_charts import further_charts, output_chart
from validate.analyses.shift_tables import ShiftTables
from validate.analyses.still_stands import endpoint_since, stands
from validate.analyses.two_cohorts import TwoCohorts
from validate.analyses.wording import listed, plural, printed_estimate
from validate.estimation.estimate import Estimate
from validate.estimation.shift import CHECK, SINCE, since_accepted, told_apart
from validate.protocol.compared import SHIFT
from validate.protocol.model import Model
from validate.protocol.schema import StudyProtocol
from validate.protocol.shift import ShiftOptions, shift_of

NOTHING_NAMED = "No reference is named, so nothing was compared. Image statistics are kept: a later cohort can be held against this one."
NOTHING_THERE = "The run folder holds no reference cohort, so nothing was compared."
TITLE = "Is this still the cohort that it was accepted on?"


def shift_estimates(
    protocol: StudyProtocol, estimates: Sequence[Estimate], units: pa.Table, cases: pa.Table, tables: ShiftTables | None
) -> Iterator[Estimate]:
    """The domain classifier of each model, and its endpoints less those of the accepted run."""
    options = shift_of(protocol)
    if options is None or tables is None:
        return
    for model in protocol.models:
        both = TwoCohorts(options, model, units, cases, tables)
        yield told_apart(model.id, both.matrix(), both.second, both.patient)
    yield from since_accepted(options, estimates, tables.facts["estimates"])


def findings(evidence: Evidence, options: ShiftOptions) -> tuple[Finding, ...]:
    """One finding per model."""
    tables = cast("ShiftTables | None", evidence.shift)
    return tuple(_finding(evidence, model, options, tables) for model in evidence.protocol.models)


def _finding(evidence: Evidence, model: Model, options: ShiftOptions, tables: ShiftTables | None) -> Finding:
    if tables is None:
        return Finding(
            id=f"{SHIFT}/{model.id}", analysis=SHIFT, model=model.id, title=TITLE, status="not_available",
            statement=NOTHING_NAMED if options.reference is None else NOTHING_THERE,
        )  # fmt: skip
    assert evidence.every is not None
    both = TwoCohorts(options, model, evidence.every, evidence.cases, tables)
    features = both.features(options)
    mine = [e for e in evidence.estimates if e.model == model.id and e.contrast is not None]
    classifier = next((e for e in mine if e.id == f"{SHIFT}/{model.id}/{CHECK}"), None)
    since = [endpoint_since(evidence, e, options) for e in mine if (e.contrast or {})["kind"] == SINCE]
    kept = stands(since)
    embedding = _embedding(both)
    chart, further = output_chart(both, options), list(further_charts(both, options))
    shared = int(np.intersect1d(both.patient[both.second], both.patient[~both.second]).size)
    return Finding(
        id=f"{SHIFT}/{model.id}",
        analysis=SHIFT,
        model=model.id,
        title=TITLE,
        statement=_statement(features, classifier, chart, further, since, kept)
        + _inner(both, embedding)
        + _shared(shared),
        data={
            "reference": {key: tables.facts[key] for key in ("kind", "sha256", "cases", "outcome")},
            "patients_in_both": shared,
            "alpha": options.alpha,
            "permutations": options.permutations,
            "embedding": embedding,
            "features": features,
            "left_out": both.left_out(options),
            "together": both.together(options),
            "classifier": classifier.id if classifier is not None else None,
            "chart": chart,
            "further_charts": further,
            "since": since,
            "stands": kept,
        },
        estimates=tuple(e.id for e in mine if (e.contrast or {})["kind"] in {SINCE, SHIFT}),
    )


def _statement(
    features: Sequence[Mapping[str, Any]], classifier: Estimate | None, chart: Mapping[str, Any] | None,
    further: Sequence[Mapping[str, Any]], since: Sequence[Mapping[str, Any]], kept: str | None,
) -> str:  # fmt: skip
    sentences = []
    if kept is not None:
        sentences.append(
            {
                "yes": "The acceptance still stands: no endpoint has fallen by more than the tolerance, by its limits.",
                "no": "The acceptance no longer stands.",
                "open": "Whether the acceptance still stands is not shown: the tolerance lies inside the limits.",
            }[kept]
        )
    sentences += [f"{one['label']} less that of the accepted run: {one['said']}." for one in since]
    shifted = [feature["label"] for feature in features if feature["shifted"]]
    if shifted:
        sentences.append(
            f"Shifted against the reference, allowing for all {len(features)} that were looked at: {listed(shifted)}."
        )
    elif features:
        sentences.append(f"None of {len(features)} features is shown to have shifted; that is no proof that none has.")
    if classifier is not None and classifier.value is not None:
        sentences.append(
            f"A classifier tells the two cohorts apart with an AUROC of {printed_estimate(classifier)}; 0.5 is not at all."
        )
    if chart is not None and chart["alarm"] is not None:
        sentences.append(f"The chart of the output over time raises an alarm at {chart['alarm']}.")
    raised = [f"{one['label']} at {one['alarm']}" for one in further if one["alarm"] is not None]
    if raised:
        sentences.append(f"Alarms among {len(further)} further charts: {listed(raised)}.")
    return " ".join(sentences) or "There was nothing that both cohorts have."


def _embedding(both: TwoCohorts) -> dict[str, Any] | None:
    found = both.embedding
    if found is None:
        return None
    if isinstance(found, str):
        return {"reason": found}
    known = ~np.isnan(found.scores[:, 0])
    return {
        "size": found.size, "components": found.scores.shape[1], "share": found.share,
        "cases": int((known & both.second).sum()), "reference_cases": int((known & ~both.second).sum()),
    }  # fmt: skip


def _inner(both: TwoCohorts, told: Mapping[str, Any] | None) -> str:
    """Told : what the finding has of it"""
    found = both.embedding
    if found is None:
        return ""
    if isinstance(found, str):
        return f" Embeddings were not compared: {found}."
    assert told is not None
    sides = ((told["cases"], both.second), (told["reference_cases"], ~both.second))
    without = [int(side.sum()) - there for there, side in sides]
    lacking = (
        f"; {without[0]} {plural(without[0], 'case')} here and {without[1]} of the reference have none"
        if any(without)
        else ""
    )
    count = found.scores.shape[1]
    return (
        f" Of the {found.size} numbers of an embedding {count} leading {plural(count, 'component')} with {found.share:.0%} of its spread "
        f"{'is' if count == 1 else 'are'} compared{lacking}."
    )


def _shared(patients: int) -> str:
    if not patients:
        return ""
    return f" {patients:,} {plural(patients, 'patient')} are in both cohorts: they can't tell them apart, and are not exchanged."


ANALYSIS = Analysis(OPTIONS=ShiftOptions, findings=findings, order=47, tasks=EVERY_TASK)
