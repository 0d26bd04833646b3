"""Each product inside the inputs that its maker claims for it: cases that both claim, cases that either claims.

data of a pair (in the comparison's finding, "scope"; null where no model states claimed_input): {
 "claims": {model: [rule in words]}, "counts": [{"where": "test"|"reference"|"both"|"either"|"neither", "rows", "patients"}],
 "endpoints": [{"endpoint", "label", "unit", "where": [{"where": "both"|"either", "rows", "first", "second",
                "value", "low", "high", "reason"}]}]}
first : the model under test, second : the one it is held against; value : first less second, by the shared resamples.
A case outside of a claim is no failure here: both models have seen it, and the table says where that matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.analyses.analysis import Evidence
from validate.analyses.differences import GroupValues, differences, group_values
from validate.analyses.samples import ModelSamples, samples_of
from validate.analyses.selection import Selection
from validate.analyses.wording import attribute_words, measure, metric_of
from validate.cohort.select import meets
from validate.estimation.fit import distinct
from validate.estimation.suppression import why_suppressed
from validate.protocol.cohort import Rule
from validate.protocol.model import Model
from validate.protocol.passes import CLEAN
from validate.protocol.question import Endpoint
from validate.protocol.schema import StudyProtocol

Claim = NDArray[np.bool_]
NOTHING = {"first": None, "second": None, "value": None, "low": None, "high": None}


def claimed_scope(evidence: Evidence, test: Model, reference: Model) -> dict[str, Any] | None:
    """Of one pair of models."""
    if not test.claimed_input and not reference.claimed_input:
        return None
    one, two, patients = _claims(evidence, test, reference)
    places = {"both": one & two, "either": one | two}
    counts = {"test": one, "reference": two, **places, "neither": ~(one | two)}
    endpoints = [e for e in evidence.protocol.endpoints if e.role == "primary"] or list(evidence.protocol.endpoints[:1])
    return {
        "claims": {model.id: [_words(rule) for rule in model.claimed_input] for model in (test, reference)},
        "counts": [
            {"where": where, "rows": int(members.sum()), "patients": distinct(patients[members])}
            for where, members in counts.items()
        ],
        "endpoints": [
            _told(evidence.protocol, found, {where: distinct(patients[members]) for where, members in places.items()})
            for e in endpoints
            if (found := _endpoint(evidence, test, reference, e, places)) is not None
        ],
    }


def _told(protocol: StudyProtocol, entry: dict[str, Any], patients: Mapping[str, int]) -> dict[str, Any]:
    """No number of so few patients that the protocol tells none of them."""
    return {
        **entry,
        "where": [
            {**one, **NOTHING, "reason": reason}
            if (reason := why_suppressed(protocol, {"scope": one["where"]}, patients[one["where"]]))
            else one
            for one in entry["where"]
        ],
    }


def _claims(evidence: Evidence, test: Model, reference: Model) -> tuple[Claim, Claim, NDArray[np.int64]]:
    """Of the labelled cases, in table order: who claims each, and whose it is."""
    rows = [
        row for row in evidence.units.select(["unit", "model", "pass", "label_status", "patient"]).to_pylist()
        if row["model"] == test.id and row["pass"] == CLEAN.id and row["label_status"] == "present"
    ]  # fmt: skip
    cases = {row["unit"]: row for row in evidence.cases.to_pylist()}
    claimed = [
        np.array([all(_meets(rule, cases[row["unit"]]) for rule in model.claimed_input) for row in rows], np.bool_)
        for model in (test, reference)
    ]
    _, patients = np.unique([row["patient"] for row in rows], return_inverse=True)
    return claimed[0], claimed[1], patients.astype(np.int64)


def _meets(rule: Rule, case: Mapping[str, Any]) -> bool:
    """What a header does not say is not claimed."""
    value = case.get(rule.attribute)
    return value is not None and meets(rule, value)


def _endpoint(
    evidence: Evidence, test: Model, reference: Model, endpoint: Endpoint, places: Mapping[str, Claim]
) -> dict[str, Any] | None:
    overall = Selection(evidence.estimates).overall(endpoint.id, test.id)
    if overall is None:
        return None
    samples = [samples_of(evidence, model, endpoint) for model in (test, reference)]
    entry = {"endpoint": endpoint.id, "label": measure(overall, evidence.protocol), "unit": overall.unit}
    found = [_values(one, overall, places) for one in samples]
    if found[0] is None or found[1] is None:
        reason = "this measure is not of every labelled case, or can't be resampled"
        nothing = {**NOTHING, "reason": reason}
        return {**entry, "where": [{"where": w, "rows": int(m.sum()), **nothing} for w, m in places.items()]}
    apart = differences(found[0], found[1], [True] * len(places))
    return {
        **entry,
        "where": [
            {
                "where": where, "rows": int(members.sum()), "first": _value(found[0], n), "second": _value(found[1], n),
                "value": one.value, "low": one.low, "high": one.high, "reason": one.reason,
            }
            for n, ((where, members), one) in enumerate(zip(places.items(), apart, strict=True))
        ],
    }  # fmt: skip


def _values(samples: ModelSamples, overall: Any, places: Mapping[str, Claim]) -> GroupValues | None:
    """None where rows are left out of the sample, so that claims and rows would not fit."""
    metric = metric_of(overall)
    sample = samples.locked(overall.condition, needs=metric.needs if samples.cases.measures is not None else ())
    groups = np.stack(list(places.values()))
    if metric.failures == "outputs_only" or len(sample.rows) != groups.shape[1]:
        return None
    return group_values([metric], sample, groups, weights=samples.weights)[0]


def _value(found: GroupValues, place: int) -> float | None:
    return float(found.value[place]) if found.defined[place] else None


def _words(rule: Rule) -> str:
    """As in "manufacturer GE or Siemens"."""
    name = attribute_words(rule.attribute)
    if rule.one_of is not None:
        return f"{name} {' or '.join(str(x) for x in rule.one_of)}"
    if rule.none_of is not None:
        return f"{name} not {' or '.join(str(x) for x in rule.none_of)}"
    ends = [f"{sign} {end:g}" for sign, end in (("≥", rule.at_least), ("≤", rule.at_most)) if end is not None]
    return f"{name} {' and '.join(ends)}"
