"""Accuracy over several classes: the share of cases whose answer is their class."""

from __future__ import annotations

from validate.metrics.metric import PROPORTION_INTERVALS, Metric
from validate.metrics.multiclass.shares import Share

SHARE = Share("Accuracy over all classes", lambda rows: rows["true"] == rows["predicted"])

METRIC = Metric(
    title="Accuracy over all classes",
    symbol="Accuracy",
    tasks=frozenset({"multiclass"}),
    needs=("true", "predicted"),
    value=SHARE.value,
    fast=SHARE.fast,
    fraction=SHARE.fraction,
    unit="proportion",
    intervals=PROPORTION_INTERVALS,
    prevalence_dependent=True,
    explanation="Of all cases, the share that the model puts in the right class. It depends on how common each class is.",
    source="Grandini et al. 2020, doi:10.48550/arXiv.2008.05756",
)
