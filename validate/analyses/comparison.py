"""The models side by side on the same cases: paired differences, who misses what, and who is ahead on which scanner.

data: {
 "differences": [{"endpoint", "label", "unit", "estimate": id, "declared": bool, "hypothesis", "margin", "rationale",
                  "method", "p", "adjusted_p", "alpha_one_sided", "rules": [{"rule", "estimate": id}]}],
 "tables": [{"metric", "label", "both", "first_only", "second_only", "neither", "rows", "clustered",
             "exact_p", "mid_p"}],          of rows with (sensitivity) or without (specificity) the finding
 "predictive": [{"metric", "label", "first", "second", "statistic", "p"} | {"metric", "label", "reason"}],
 "levels": [{"attribute", "endpoint", "label", "levels": [{"level", "estimate": id, "ahead": model | null}],
             "compared"}],
 "family": {"method", "order"} | null, "scope": claimed_scope.py | null}
`levels` holds primary and declared endpoints. `first` is the model under test, `second` the one it is held against. The
tables' p-values take rows for independent: where patients have several rows they are null and only the paired limits count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from validate.analyses.analysis import EVERY_TASK, Analysis, Evidence, Finding
from validate.analyses.claimed_scope import claimed_scope
from validate.analyses.samples import model_samples
from validate.analyses.wording import attribute_words, measure, printed_estimate
from validate.errors import Undefined
from validate.estimation.estimate import Estimate
from validate.estimation.fit import distinct
from validate.estimation.paired import paired_table
from validate.estimation.sample import Sample
from validate.metrics.metric import Metric
from validate.protocol.model import Model
from validate.protocol.passes import CLEAN
from validate.protocol.question import Comparison
from validate.registry import load
from validate.stats.multiplicity import benjamini_hochberg, holm
from validate.stats.paired_proportions import PredictiveTable, mcnemar, weighted_generalised_score

RATES = {"classification.sensitivity": "with", "classification.specificity": "without"}
VALUES = {"classification.ppv": True, "classification.npv": False}
ADJUST = {"holm": holm, "benjamini_hochberg": benjamini_hochberg}


class Options(BaseModel):
    """There is nothing to choose."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def findings(evidence: Evidence, _options: Options) -> tuple[Finding, ...]:
    """One per pair of models; none where there is one model only."""
    declared = {
        frozenset((c.test, c.reference)): (c.test, c.reference) for c in reversed(evidence.protocol.comparisons)
    }
    models = {model.id: model for model in evidence.protocol.models}
    found = []
    for first, second in combinations(evidence.protocol.models, 2):
        test, reference = declared.get(frozenset((first.id, second.id)), (second.id, first.id))
        found.append(_finding(evidence, models[test], models[reference]))
    return tuple(found)


def _finding(evidence: Evidence, test: Model, reference: Model) -> Finding:
    differences = [
        e for e in evidence.estimates
        if e.contrast is not None and e.pass_id == CLEAN.id and {e.model, e.contrast["against"]} == {test.id, reference.id}
    ]  # fmt: skip
    overall = [e for e in differences if not e.stratum and "/missing=" not in e.id]
    told = {e.endpoint for e in overall if e.test is not None}
    told |= {e.id for e in evidence.protocol.endpoints if e.role == "primary"}
    shown = told or {e.endpoint for e in overall[:1]}
    flagged = test.operating_point is not None and reference.operating_point is not None
    both = (model_samples(evidence, model).locked() for model in (test, reference))
    samples = _side_by_side(*both) if flagged else None
    family = evidence.protocol.multiplicity
    return Finding(
        id=f"comparison/{test.id}/{reference.id}",
        analysis="comparison",
        model=None,
        title=f"{test.name} against {reference.name} on the same cases",
        statement=_statement(evidence, overall),
        data={
            "test": test.id,
            "reference": reference.id,
            "differences": [_difference(evidence, one, differences) for one in overall],
            "tables": list(_tables(evidence, samples)) if samples is not None else [],
            "predictive": list(_predictive(samples)) if samples is not None else [],
            "levels": list(_levels([e for e in differences if e.stratum and e.endpoint in shown])),
            "family": None if family is None else {"method": family.method, "order": list(family.order)},
            "scope": claimed_scope(evidence, test, reference),
        },
        estimates=tuple(e.id for e in differences),
        prespecified=all(e.prespecified for e in differences),
    )


def _statement(evidence: Evidence, overall: list[Estimate]) -> str:
    names = {model.id: model.name for model in evidence.protocol.models}
    primary = [e for e in overall if e.role == "primary"] or overall[:1]
    return " ".join(
        f"{measure(e, evidence.protocol)}, {names[e.model]} less {names[(e.contrast or {})['against']]}: "
        f"{printed_estimate(e)}."
        for e in primary
    )


def _difference(evidence: Evidence, estimate: Estimate, all_rules: list[Estimate]) -> Mapping[str, Any]:
    declared = _declared(evidence, estimate)
    return {
        "endpoint": estimate.endpoint,
        "label": measure(estimate, evidence.protocol),
        "unit": estimate.unit,
        "estimate": estimate.id,
        "declared": declared is not None,
        "hypothesis": declared.hypothesis if declared is not None else None,
        "margin": declared.margin if declared is not None else None,
        "rationale": declared.rationale if declared is not None else None,
        "method": estimate.test.method if estimate.test is not None else None,
        "p": estimate.test.p if estimate.test is not None else None,
        "adjusted_p": _adjusted(evidence, estimate),
        "alpha_one_sided": declared.alpha_one_sided if declared is not None else None,
        "rules": [
            {"rule": e.missing_rule, "estimate": e.id}
            for e in all_rules
            if e.endpoint == estimate.endpoint and not e.stratum and "/missing=" in e.id
        ],
    }


def _declared(evidence: Evidence, estimate: Estimate) -> Comparison | None:
    against = (estimate.contrast or {}).get("against")
    return next(
        (
            c for c in evidence.protocol.comparisons
            if (c.test, c.reference, c.endpoint) == (estimate.model, against, estimate.endpoint)
        ),
        None,
    )  # fmt: skip


def _adjusted(evidence: Evidence, estimate: Estimate) -> float | None:
    """Within the declared family; None where there is none, or its rule adjusts no p (a fixed sequence)."""
    family = evidence.protocol.multiplicity
    if family is None or family.method not in ADJUST or estimate.endpoint not in family.order:
        return None
    tested = {
        e.endpoint: e.test.p for e in evidence.estimates
        if e.test is not None and not e.stratum and "/missing=" not in e.id and e.endpoint in family.order
    }  # fmt: skip
    if estimate.endpoint not in tested:
        return None
    adjusted = ADJUST[family.method](list(tested.values()))
    return float(adjusted[list(tested).index(estimate.endpoint)])


def _side_by_side(one: Sample, other: Sample) -> tuple[Sample, Sample] | None:
    """Both, row by row; None where failures are left out, and not of the same cases: then there are no pairs."""
    return (one, other) if one.is_beside(other) else None


def _tables(evidence: Evidence, samples: tuple[Sample, Sample]) -> Iterator[Mapping[str, Any]]:
    everyone = np.ones(len(samples[0].rows), np.bool_)
    for name, kind in RATES.items():
        metric: Metric = load("metrics", name)
        try:
            table = paired_table(metric, samples, everyone)
        except Undefined:
            continue
        clustered = distinct(samples[0].cluster) < len(samples[0].rows)
        test = mcnemar(table)
        yield {
            "metric": name,
            "label": f"{evidence.protocol.cohort.unit} {kind} the finding",
            "both": table.both,
            "first_only": table.first_only,
            "second_only": table.second_only,
            "neither": table.neither,
            "rows": table.rows,
            "clustered": clustered,
            "exact_p": None if clustered else test.exact,
            "mid_p": None if clustered else test.mid_p,
        }


def _predictive(samples: tuple[Sample, Sample]) -> Iterator[Mapping[str, Any]]:
    """Weighted generalised score tests; of independent rows only."""
    one, two = samples[0].rows, samples[1].rows
    if distinct(samples[0].cluster) < len(one):
        return
    for name, flagged in VALUES.items():
        first, second = (rows["flagged"] == flagged for rows in (one, two))
        right = one["positive"] == flagged
        table = PredictiveTable(
            int((right & first & second).sum()), int((right & first & ~second).sum()),
            int((right & ~first & second).sum()), int((~right & first & second).sum()),
            int((~right & first & ~second).sum()), int((~right & ~first & second).sum()),
        )  # fmt: skip
        metric: Metric = load("metrics", name)
        entry = {"metric": name, "label": metric.title}
        try:
            found = weighted_generalised_score(table)
        except Undefined as reason:
            yield {**entry, "reason": f"{reason}."}
            continue
        yield {**entry, "first": found.first, "second": found.second, "statistic": found.statistic, "p": found.p}


def _levels(differences: list[Estimate]) -> Iterator[Mapping[str, Any]]:
    """Who is ahead in which group: claimed only by limits that allow for looking at every level of the attribute."""
    keys = dict.fromkeys((next(iter(e.stratum)), e.endpoint) for e in differences)
    for attribute, endpoint in keys:
        mine = [e for e in differences if attribute in e.stratum and e.endpoint == endpoint]
        yield {
            "attribute": attribute,
            "label": attribute_words(attribute),
            "endpoint": endpoint,
            "compared": len(mine),
            "levels": [{"level": e.stratum[attribute], "estimate": e.id, "ahead": _ahead(e)} for e in mine],
        }


def _ahead(estimate: Estimate) -> str | None:
    interval = estimate.interval
    if interval is None or interval.simultaneous_low is None or interval.simultaneous_high is None:
        return None
    metric: Metric = load("metrics", estimate.metric)
    if metric.better == "neither" or interval.simultaneous_low <= 0 <= interval.simultaneous_high:
        return None
    above = interval.simultaneous_low > 0
    return estimate.model if above == (metric.better == "higher") else (estimate.contrast or {})["against"]


ANALYSIS = Analysis(OPTIONS=Options, findings=findings, always=True, order=45, tasks=EVERY_TASK)
