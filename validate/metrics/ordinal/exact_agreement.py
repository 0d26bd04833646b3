"""Exact agreement: the share of cases with the very grade of the reference."""

from __future__ import annotations

from validate.metrics.metric import PROPORTION_INTERVALS, Metric
from validate.metrics.multiclass.shares import Share

SHARE = Share("Exact agreement of grades", lambda rows: rows["true"] == rows["predicted"])

METRIC = Metric(
    title="Exact agreement of grades",
    symbol="Exact agreement",
    tasks=frozenset({"ordinal"}),
    needs=("true", "predicted"),
    value=SHARE.value,
    fast=SHARE.fast,
    fraction=SHARE.fraction,
    unit="proportion",
    intervals=PROPORTION_INTERVALS,
    prevalence_dependent=True,
    explanation="Of all cases, the share that gets the very grade of the reference.",
    source="Fleiss, Levin & Paik 2003, doi:10.1002/0471445428, chapter 18",
)
