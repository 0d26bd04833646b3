"""Patients whose group is not known: how far the gap could lie from what is seen, whichever group each of them belongs to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.analyses.analysis import Evidence
from validate.analyses.samples import ModelSamples, samples_of
from validate.errors import Undefined
from validate.estimation.group_gaps import reference_level
from validate.estimation.sample import Sample
from validate.metrics.metric import Fraction, Metric
from validate.protocol.fairness import FairnessOptions
from validate.protocol.model import Model
from validate.protocol.question import Endpoint
from validate.registry import load
from validate.results.levels import MISSING

Rows = NDArray[np.bool_]


def missing_bounds(
    evidence: Evidence, model: Model, endpoint: Endpoint, options: FairnessOptions
) -> list[dict[str, Any]]:
    """[{"attribute", "level", "difference", "low", "high", "sharp"}]: each group against the reference as it is, and bounds.

    sharp : of a proportion, the least and largest difference that any belonging of the unknown rows can give: at the most all
        that count for it are in the group, and all that don't in the reference group. Of another measure False, and low and high
        are with all of the unknown on the one side or on the other.
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
            value = _difference(sample, metric, mine, other)
            if value is None:
                continue
            known: tuple[float, ...]
            if metric.fraction is not None:
                known = _extremes(metric.fraction(sample.rows), mine, other, lost)
            else:
                sides = _difference(sample, metric, mine | lost, other), _difference(sample, metric, mine, other | lost)
                known = (value, *(side for side in sides if side is not None))
            found.append(
                {"attribute": attribute, "level": groups.levels[place], "difference": value, "low": min(known),
                 "high": max(known), "sharp": metric.fraction is not None}
            )  # fmt: skip
    return found


def _extremes(fraction: Fraction, mine: Rows, other: Rows, lost: Rows) -> tuple[float, float]:
    """(a + u)/(n + u) - b/(m + v) is the largest, a/(n + v) - (b + u)/(m + u) the least.

    a of n rows of the group and b of m of the reference count for the proportion; u of the unknown do, and v do not
    """
    (a, n), (b, m), (u, of) = (
        (int((fraction.numerator & fraction.denominator & rows).sum()), int((fraction.denominator & rows).sum()))
        for rows in (mine, other, lost)
    )
    v = of - u
    return a / (n + v) - (b + u) / (m + u), (a + u) / (n + u) - b / (m + v)


def _difference(sample: Sample, metric: Metric, mine: Any, other: Any) -> float | None:
    try:
        one, two = (
            metric.value(rows, np.ones(len(rows), np.int64))
            for rows in (sample.rows.where(mine), sample.rows.where(other))
        )
    except Undefined:
        return None
    return float(one - two)
