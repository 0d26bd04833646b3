"""Does it hold on every scanner, and is it the scanner? Without each one, at the same case mix, and in the scores themselves.

data: {"attributes": [{"attribute", "label",
  "endpoints": [{"endpoint", "label", "unit", "overall": id,
    "levels": [{"level", "estimate": id, "without": value | null, "change", "low", "high", "simultaneous_low", "simultaneous_high",
                "reason"}]}],                 the measure over all other cases; change: overall less that, with paired limits
  "adjusted": [standardised.Adjusted],        each level against all others, as it is and at the same mix of `adjust_for`
  "weighted": [weighted.Weighted],            the same by inverse-probability weights
  "confounding": [confounding.confounding],   who is imaged where
  "rest": [{"endpoint", "level", "estimate": id, "margin", "conclusion"}],   each level less all others, against the margin
  "scores": [{"level", "with": SHIFT | null, "without": SHIFT | null}],
  "thresholds": [{"level", "sensitivity", "threshold", "specificity"} | {"level", "reason"}]}]}
SHIFT is {"value", "low", "high", "rows"}: the chance that a case of this level scores above one of the others with the same truth;
0.5 is no shift (Obuchowski's limits, patients resampled). `thresholds` would restore the sensitivity over all cases on each level:
found by looking, so exploratory whatever was locked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.analyses.analysis import EVERY_TASK, Analysis, Evidence, Finding
from validate.analyses.confounding import confounding
from validate.analyses.differences import differences, group_values
from validate.analyses.gap_conclusion import gap_conclusion
from validate.analyses.samples import ModelSamples, model_samples, samples_of
from validate.analyses.selection import Selection
from validate.analyses.standardised import against_rest
from validate.analyses.weighted import weighted_against_rest
from validate.analyses.wording import (
    attribute_words,
    group_phrase,
    listed,
    measure,
    metric_of,
    printed,
    printed_goal,
    sentence_case,
)
from validate.canonical import canonical_json
from validate.errors import Undefined
from validate.estimation.estimate import Estimate
from validate.estimation.group_gaps import REST
from validate.estimation.sample import Sample
from validate.estimation.threshold import threshold_of
from validate.protocol.model import Model
from validate.protocol.question import Endpoint
from validate.protocol.scanner_shift import NAME, ScannerShiftOptions
from validate.results.levels import MISSING
from validate.stats.obuchowski import clustered_auroc, obuchowski_limits

FEWEST = 10  # rows of one truth on a level, and off it, for their scores to be compared


def findings(evidence: Evidence, options: ScannerShiftOptions) -> tuple[Finding, ...]:
    """One finding per model."""
    return tuple(_finding(evidence, model, options) for model in evidence.protocol.models)


def _finding(evidence: Evidence, model: Model, options: ScannerShiftOptions) -> Finding:
    entries = [_attribute(evidence, model, options, attribute) for attribute in options.attributes]
    return Finding(
        id=f"{NAME}/{model.id}",
        analysis=NAME,
        model=model.id,
        title="Does it hold on every scanner, and is it the scanner?",
        statement=_statement(entries),
        data={"attributes": entries},
        estimates=tuple(
            level["estimate"] for entry in entries for endpoint in entry["endpoints"] for level in endpoint["levels"]
        ),
    )


def _attribute(evidence: Evidence, model: Model, options: ScannerShiftOptions, attribute: str) -> dict[str, Any]:
    endpoints = [e for name in options.endpoints for e in evidence.protocol.endpoints if e.id == name]
    headline = model_samples(evidence, model)
    adjusted = [one for e in endpoints for one in against_rest(evidence, model, e, attribute, options.adjust_for)]
    return {
        "attribute": attribute,
        "label": sentence_case(attribute_words(attribute)),
        "endpoints": [entry for e in endpoints if (entry := _without_each(evidence, model, e, attribute)) is not None],
        "adjusted": [json.loads(canonical_json(asdict(one))) for one in adjusted],
        "weighted": [
            json.loads(canonical_json(asdict(one)))
            for e in endpoints
            for one in weighted_against_rest(evidence, model, e, attribute, options.adjust_for)
        ],
        "confounding": confounding(headline, attribute, options.adjust_for),
        "rest": list(_rest(evidence, model, options, attribute)),
        "scores": list(_score_shift(headline, attribute)),
        "thresholds": list(_thresholds(headline, attribute)),
    }


def _rest(evidence: Evidence, model: Model, options: ScannerShiftOptions, attribute: str) -> Iterator[dict[str, Any]]:
    """Each level less all others, judged by limits that hold for all levels at once."""
    for found in evidence.estimates:
        if found.model == model.id and (found.contrast or {}).get("kind") == REST and attribute in found.stratum:
            margin = options.margin_of(found.endpoint)
            yield {
                "endpoint": found.endpoint, "level": found.stratum[attribute], "estimate": found.id, "margin": margin,
                "conclusion": gap_conclusion(found, margin),
            }  # fmt: skip


def _without_each(evidence: Evidence, model: Model, endpoint: Endpoint, attribute: str) -> dict[str, Any] | None:
    """Leave one level out: what the measure is over all other cases, and how far the level moves it."""
    selection = Selection(evidence.estimates)
    overall, levels = selection.overall(endpoint.id, model.id), selection.levels(endpoint.id, model.id, attribute)
    levels = tuple(e for e in levels if e.stratum[attribute] != MISSING)
    if overall is None or overall.value is None or len(levels) < 2:
        return None
    sample, samples = _sample(evidence, model, endpoint, overall)
    places = {sample.groups.levels[place]: place for place in sample.groups.of(attribute)}
    members = np.stack([sample.groups.members[places[e.stratum[attribute]]] for e in levels])
    everybody = np.ones_like(members)
    (found,) = group_values(
        [metric_of(overall)], sample, np.concatenate([everybody, ~members]), weights=samples.weights
    )
    entry = {
        "endpoint": endpoint.id,
        "label": measure(overall, evidence.protocol),
        "unit": overall.unit,
        "overall": overall.id,
    }
    if found is None:
        nothing = {
            "without": None,
            "change": None,
            "low": None,
            "high": None,
            "simultaneous_low": None,
            "simultaneous_high": None,
        }
        reason = "this measure can't be resampled"
        return {**entry, "levels": [{**_named(e, attribute), **nothing, "reason": reason} for e in levels]}
    count = len(levels)
    moved = differences(found.of(slice(0, count)), found.of(slice(count, None)), [e.value is not None for e in levels])
    rest = found.of(slice(count, None))
    return {
        **entry,
        "levels": [
            {
                **_named(e, attribute),
                "without": float(rest.value[place]) if rest.defined[place] and e.value is not None else None,
                "change": one.value if e.value is not None else None,
                "low": one.low, "high": one.high,
                "simultaneous_low": one.simultaneous_low, "simultaneous_high": one.simultaneous_high,
                "reason": one.reason if e.value is not None else e.reason,
            }
            for place, (e, one) in enumerate(zip(levels, moved, strict=True))
        ],
    }  # fmt: skip


def _named(estimate: Estimate, attribute: str) -> dict[str, Any]:
    return {"level": estimate.stratum[attribute], "estimate": estimate.id}


def _sample(evidence: Evidence, model: Model, endpoint: Endpoint, overall: Estimate) -> tuple[Sample, ModelSamples]:
    samples = samples_of(evidence, model, endpoint)
    condition = {name: float(x) for name, x in endpoint.options.items() if isinstance(x, int | float)}
    outputs_only = metric_of(overall).failures == "outputs_only"
    needs = metric_of(overall).needs if samples.cases.measures is not None else ()
    return (samples.outputs_only if outputs_only else samples.locked)(condition, needs=needs), samples


def _score_shift(samples: ModelSamples, attribute: str) -> Iterator[dict[str, Any]]:
    """Scores of each level against all others, among those with the finding and among those without it."""
    sample = samples.outputs_only()
    if not {"score", "positive"} <= sample.rows.columns.keys():
        return  # marks have scores, cases with marks have none
    positive = sample.rows["positive"]
    for place in sample.groups.of(attribute):
        members = sample.groups.members[place]
        if sample.groups.levels[place] != MISSING and samples.shown(sample, members):
            sides = {"with": positive, "without": ~positive}
            yield {
                "level": sample.groups.levels[place],
                **{name: _shift(sample, members, of) for name, of in sides.items()},
            }


def _shift(sample: Sample, members: NDArray[np.bool_], among: NDArray[np.bool_]) -> dict[str, Any] | None:
    inside, rows = members[among], int((members & among).sum())
    if min(rows, int((~inside).sum())) < FEWEST:
        return None
    try:
        found = clustered_auroc(sample.rows["score"][among], inside, sample.cluster[among])
        limits = obuchowski_limits(found)
    except Undefined:
        return None
    if not limits.low < limits.high:
        return None
    return {"value": found.auroc, "low": float(limits.low), "high": float(limits.high), "rows": rows}


def _thresholds(samples: ModelSamples, attribute: str) -> Iterator[dict[str, Any]]:
    """The highest score on each level at which as many are found as over all cases at the locked threshold."""
    sample = samples.locked()
    if (
        not {"score", "positive", "flagged"} <= sample.rows.columns.keys()
        or threshold_of(samples.model, samples.cases.target) is None
    ):
        return
    score, positive, flagged = (sample.rows[name] for name in ("score", "positive", "flagged"))
    wanted = float(flagged[positive].mean()) if positive.any() else None
    for place in sample.groups.of(attribute):
        level, members = sample.groups.levels[place], sample.groups.members[place]
        mine, others = score[members & positive], score[members & ~positive]
        if level == MISSING or wanted is None or not samples.shown(sample, members):
            continue
        if mine.size < FEWEST or others.size < FEWEST:
            yield {
                "level": level,
                "reason": f"{mine.size} cases with the finding and {others.size} without it: too few",
            }
            continue
        needed = int(np.ceil(wanted * mine.size - 1e-9))
        threshold = float(np.sort(mine)[::-1][max(needed, 1) - 1])
        if not np.isfinite(threshold):
            yield {"level": level, "reason": "no threshold finds so many: too many cases have no output"}
            continue
        yield {
            "level": level, "sensitivity": float((mine >= threshold).mean()), "threshold": threshold,
            "specificity": float((others < threshold).mean()),
        }  # fmt: skip


def _statement(entries: Sequence[dict[str, Any]]) -> str:
    """Which level differs from all others, what moves the result beyond chance, and which scores lie elsewhere at the same truth."""
    sentences = [sentence for entry in entries for sentence in _against_rest(entry)]
    moved = []
    for entry in entries:
        for endpoint in entry["endpoints"]:
            for one in endpoint["levels"]:
                low, high = one["simultaneous_low"], one["simultaneous_high"]
                if low is not None and high is not None and (low > 0 or high < 0):
                    where = group_phrase({entry["attribute"]: one["level"]})
                    without = printed(one["without"], endpoint["unit"])
                    moved.append(
                        f"{endpoint['label']} without the cases {where} is {without}: more than chance explains."
                    )
        shifted = [one["level"] for one in entry["scores"] if any(_apart(one[side]) for side in ("with", "without"))]
        if shifted:
            named = ", ".join(shifted)
            moved.append(
                f"At the same truth scores lie elsewhere where {attribute_words(entry['attribute'])} is {named}."
            )
    nothing = "Leaving out any one level moves the result no more than chance would; that is no proof of none."
    return " ".join([*sentences, *(moved or [nothing])])


def _against_rest(entry: dict[str, Any]) -> Iterator[str]:
    """By the limits that hold for all levels at once."""
    words = attribute_words(entry["attribute"])
    for endpoint in entry["endpoints"]:
        mine = [one for one in entry["rest"] if one["endpoint"] == endpoint["endpoint"]]
        label = endpoint["label"]
        for conclusion, said in (("beyond", "by more than the margin"), ("shown", "beyond chance")):
            levels = [one["level"] for one in mine if one["conclusion"] == conclusion]
            if levels:
                yield f"{label} differs from that of all other cases {said} where {words} is {listed(levels)}."
        if mine and all(one["conclusion"] == "within" for one in mine):
            margin = printed_goal(mine[0]["margin"], f"{endpoint['unit']}_difference")
            yield f"{label}: no {words} differs from all other cases by more than {margin}, by limits that hold for all at once."


def _apart(shift: dict[str, Any] | None) -> bool:
    return shift is not None and (shift["low"] > 0.5 or shift["high"] < 0.5)


ANALYSIS = Analysis(OPTIONS=ScannerShiftOptions, findings=findings, order=42, tasks=EVERY_TASK)
