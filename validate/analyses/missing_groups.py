"""Patients whose group is not known: what the gap would be if all of them belonged to one group, or to the other."""

from __future__ import annotations

from typing import Any

import numpy as np

from validate.analyses.analysis import Evidence
from validate.analyses.samples import ModelSamples, samples_of
from validate.errors import Undefined
from validate.estimation.cases import Sample
from validate.estimation.group_gaps import reference_level
from validate.metrics.metric import Metric
from validate.protocol.fairness import FairnessOptions
from validate.protocol.schema import Endpoint, Model
from validate.registry import load
from validate.results.levels import MISSING


def missing_bounds(
    evidence: Evidence, model: Model, endpoint: Endpoint, options: FairnessOptions
) -> list[dict[str, Any]]:
    """Difference of each group against the reference as it is, and the least and largest with the unknown on either side.

    Attributes without unknown rows are left out. No limits: this is about who is missing, not about chance.
    """
    samples = samples_of(evidence, model, endpoint)
    metric: Metric = load("metrics", endpoint.metric)
    condition = {key: float(x) for key, x in endpoint.options.items() if isinstance(x, int | float)}
    needs = metric.needs if samples.cases.measures is not None else ()
    sample = (samples.outputs_only if metric.failures == "outputs_only" else samples.locked)(condition, needs=needs)
    return [entry for attribute in options.attributes for entry in _of(samples, sample, metric, options, attribute)]


def _of(
    samples: ModelSamples, sample: Sample, metric: Metric, options: FairnessOptions, attribute: str
) -> list[dict[str, Any]]:
    groups, reference = sample.groups, reference_level(options, sample, attribute)
    unknown = [place for place in groups.of(attribute) if groups.levels[place] == MISSING]
    if reference is None or not unknown:
        return []
    lost = groups.members[unknown[0]]
    found = []
    for place in groups.of(attribute):
        if place not in (reference, unknown[0]) and samples.shown(sample, groups.members[place]):
            mine, other = groups.members[place], groups.members[reference]
            sides = [(mine, other), (mine | lost, other), (mine, other | lost)]
            values = [_difference(sample, metric, *side) for side in sides]
            known = [value for value in values if value is not None]
            if values[0] is not None:
                found.append(
                    {"attribute": attribute, "level": groups.levels[place], "difference": values[0], "low": min(known),
                     "high": max(known)}
                )  # fmt: skip
    return found


def _difference(sample: Sample, metric: Metric, mine: Any, other: Any) -> float | None:
    try:
        one, two = (
            metric.value(rows, np.ones(len(rows), np.int64))
            for rows in (sample.rows.where(mine), sample.rows.where(other))
        )
    except Undefined:
        return None
    return float(one - two)
