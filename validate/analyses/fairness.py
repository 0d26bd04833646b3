"""Gaps between groups of patients: against a reference group, with limits that hold for all groups at once; who is under-diagnosed.

data: {
 "rationale", "reference",
 "attributes": [{"attribute", "label", "reference": level, "missing": rows, "missing_share", "missing_patients"}],
 "endpoints": [{"endpoint", "label", "unit", "margin", "statement",
   "groups": [{"attribute", "level", "estimate": id, "reference_estimate": id, "difference": id, "ratio": id, "conclusion"}],
   "gaps": [{"attribute", "value", "highest", "lowest"}],                          largest less smallest: descriptive only
   "missing": missing_groups.missing_bounds}],
 "names": [{"attribute", "demographic_parity_difference", "demographic_parity_ratio", "equal_opportunity_difference",
            "equalized_odds_difference"}],                                          as Fairlearn defines them; descriptive only
 "under_diagnosis": [{"attribute", "levels": [{"level", "missed", "positives", "share"}], "worst": level | null}],
 "adjusted": [standardised.Adjusted], "weighted": [weighted.Weighted], "intersections": [intersections.Crossing]}
conclusion : "within" the margin, "beyond" it, "shown" (a difference, and no margin or not beyond it), "open", "not compared"
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from validate.analyses.analysis import EVERY_TASK, Analysis, Evidence, Finding
from validate.analyses.fairness_names import names_people_know, under_diagnosis
from validate.analyses.gap_conclusion import gap_conclusion
from validate.analyses.intersections import Crossing, crossings
from validate.analyses.missing_groups import missing_bounds
from validate.analyses.samples import ModelSamples, model_samples
from validate.analyses.selection import Selection
from validate.analyses.standardised import Adjusted, adjusted_gaps
from validate.analyses.weighted import Weighted, weighted_gaps
from validate.analyses.wording import (
    attribute_words,
    group_phrase,
    listed,
    measure,
    plural,
    printed_estimate,
    printed_goal,
    sentence_case,
)
from validate.canonical import canonical_json
from validate.estimation.estimate import Estimate
from validate.estimation.group_gaps import DIFFERENCE, RATIO, reference_level
from validate.protocol.fairness import NAME, FairnessOptions
from validate.protocol.model import Model
from validate.protocol.passes import CLEAN
from validate.protocol.question import Endpoint
from validate.results.levels import MISSING

TITLE = "Does it serve every group of patients alike?"


def findings(evidence: Evidence, options: FairnessOptions) -> tuple[Finding, ...]:
    """One finding per model."""
    return tuple(_finding(evidence, model, options) for model in evidence.protocol.models)


def _finding(evidence: Evidence, model: Model, options: FairnessOptions) -> Finding:
    samples = model_samples(evidence, model)
    endpoints = [e for name in options.endpoints for e in evidence.protocol.endpoints if e.id == name]
    entries = [_endpoint(evidence, model, options, endpoint) for endpoint in endpoints]
    under = under_diagnosis(samples, options.attributes) if model.operating_point is not None else []
    return Finding(
        id=f"{NAME}/{model.id}",
        analysis=NAME,
        model=model.id,
        title=TITLE,
        statement=_statement(entries, under, options, comparator=evidence.protocol.reference.kind == "comparator"),
        data={
            "rationale": options.rationale,
            "reference": options.reference if isinstance(options.reference, str) else dict(options.reference),
            "attributes": list(_attributes(samples, options)),
            "endpoints": entries,
            "names": names_people_know(samples, options.attributes) if model.operating_point is not None else [],
            "under_diagnosis": under,
            "adjusted": [_plain(one) for e in endpoints for one in adjusted_gaps(evidence, model, e, options)],
            "weighted": [_plain(one) for e in endpoints for one in weighted_gaps(evidence, model, e, options)],
            "intersections": [_plain(one) for e in endpoints for one in crossings(evidence, model, e, options)],
        },
        estimates=tuple(
            group[name]
            for entry in entries
            for group in entry["groups"]
            for name in ("difference", "ratio")
            if group[name]
        ),
    )


def _plain(one: Adjusted | Weighted | Crossing) -> Any:
    """As JSON has it: lists, and no tuples."""
    return json.loads(canonical_json(asdict(one)))


def _attributes(samples: ModelSamples, options: FairnessOptions) -> Iterator[dict[str, Any]]:
    sample = samples.locked()
    for attribute in options.attributes:
        place = reference_level(options, sample, attribute)
        unknown = [at for at in sample.groups.of(attribute) if sample.groups.levels[at] == MISSING]
        rows = np.zeros(len(sample.rows), np.bool_) if not unknown else sample.groups.members[unknown[0]]
        yield {
            "attribute": attribute,
            "label": sentence_case(attribute_words(attribute)),
            "reference": None if place is None else sample.groups.levels[place],
            "missing": int(rows.sum()),
            "missing_share": float(rows.mean()) if len(rows) else None,
            "missing_patients": len(np.unique(sample.patient[rows])),
        }


def _endpoint(evidence: Evidence, model: Model, options: FairnessOptions, endpoint: Endpoint) -> dict[str, Any]:
    selection = Selection(evidence.estimates)
    overall = selection.overall(endpoint.id, model.id)
    contrasts = [
        e for e in evidence.estimates
        if e.endpoint == endpoint.id and e.model == model.id and e.pass_id == CLEAN.id and e.contrast is not None
    ]  # fmt: skip
    ratios = {(*_key(e),): e for e in contrasts if (e.contrast or {})["kind"] == RATIO}
    groups: list[tuple[dict[str, Any], Estimate]] = []
    for difference in (e for e in contrasts if (e.contrast or {})["kind"] == DIFFERENCE):
        attribute, level = _key(difference)
        reference = (difference.contrast or {})["against"].partition("=")[2]
        mine, other = (selection.level(endpoint.id, model.id, attribute, name) for name in (level, reference))
        ratio = ratios.get((attribute, level))
        entry = {
            "attribute": attribute,
            "level": level,
            "against": reference,
            "estimate": mine.id if mine is not None else None,
            "reference_estimate": other.id if other is not None else None,
            "difference": difference.id,
            "ratio": ratio.id if ratio is not None else None,
            "conclusion": gap_conclusion(difference, options.margin_of(endpoint.id)),
        }
        groups.append((entry, difference))
    return {
        "endpoint": endpoint.id,
        "label": measure(overall, evidence.protocol) if overall is not None else endpoint.id,
        "unit": overall.unit if overall is not None else "index",
        "margin": options.margin_of(endpoint.id),
        "statement": _about(evidence, groups, options.margin_of(endpoint.id), overall),
        "groups": [entry for entry, _ in groups],
        "gaps": list(_gaps(selection, model, endpoint, options)),
        "missing": missing_bounds(evidence, model, endpoint, options),
    }


def _key(estimate: Estimate) -> tuple[str, str]:
    ((attribute, level),) = estimate.stratum.items()
    return attribute, level


def _gaps(selection: Selection, model: Model, endpoint: Endpoint, options: FairnessOptions) -> Iterator[dict[str, Any]]:
    for attribute in options.attributes:
        known = [
            (e.value, e.stratum[attribute])
            for e in selection.levels(endpoint.id, model.id, attribute)
            if e.value is not None and e.stratum[attribute] != MISSING and e.n_events >= options.min_events
        ]
        if len(known) > 1:
            (high, highest), (low, lowest) = max(known), min(known)
            yield {"attribute": attribute, "value": high - low, "highest": highest, "lowest": lowest}


def _about(
    evidence: Evidence,
    groups: Sequence[tuple[dict[str, Any], Estimate]],
    margin: float | None,
    overall: Estimate | None,
) -> str:
    """One or two sentences on one endpoint."""
    if overall is None or not groups:
        return "No two groups could be compared."
    by_conclusion: dict[str, list[Estimate]] = {}
    for group, estimate in groups:
        by_conclusion.setdefault(group["conclusion"], []).append(estimate)
    label, sentences = measure(overall, evidence.protocol), []
    for name, words in (("beyond", "a gap larger than the margin"), ("shown", "a gap")):
        for estimate in by_conclusion.get(name, []):
            reference = (estimate.contrast or {})["against"].partition("=")[2]
            where = f"{group_phrase(estimate.stratum)}, against {reference}"
            sentences.append(f"{label} shows {words} {where}: {printed_estimate(estimate)}.")
    if margin is not None and len(by_conclusion.get("within", [])) == len(groups):
        within = printed_goal(margin, f"{overall.unit}_difference")
        sentences.append(
            f"{label}: no group differs from its reference by more than {within}, by limits that hold for all at once."
        )
    left = len(by_conclusion.get("open", []))
    if left:
        sentences.append(f"{label}: for {left} {plural(left, 'group')} a gap is neither shown nor ruled out.")
    small = [group_phrase(e.stratum) for e in by_conclusion.get("not compared", [])]
    if small:
        sentences.append(f"Too few to compare: {listed(small)}.")
    return " ".join(sentences)


def _statement(
    entries: Sequence[dict[str, Any]], under: Sequence[dict[str, Any]], options: FairnessOptions, *, comparator: bool
) -> str:
    sentences = [entry["statement"] for entry in entries]
    if options.margin is None:
        sentences.append("No margin was fixed beforehand, so nothing here is called equal, and nothing decides.")
    elif without := [entry["label"] for entry in entries if entry["margin"] is None]:
        sentences.append(
            f"No margin was fixed beforehand for {listed(without)}, so that is not called equal, and does not decide."
        )
    for one in under:
        worst = next((level for level in one["levels"] if level["level"] == one["worst"]), None)
        if worst is not None:
            words = (
                "Of those that the comparator calls positive most are not flagged"
                if comparator
                else "Under-diagnosis: of those with the finding most are missed"
            )
            where = group_phrase({one["attribute"]: worst["level"]})
            sentences.append(f"{words} {where} ({worst['missed']:,} of {worst['positives']:,}).")
    return " ".join(sentences)


ANALYSIS = Analysis(OPTIONS=FairnessOptions, findings=findings, order=45, tasks=EVERY_TASK)
