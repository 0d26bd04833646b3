"""Over-grading: the share of cases with a higher grade than the reference, or without one."""

from __future__ import annotations

from validate.metrics.metric import PROPORTION_INTERVALS, Metric
from validate.metrics.multiclass.shares import Share

SHARE = Share("Graded too high", lambda rows: rows["predicted"] > rows["true"])

METRIC = Metric(
    title="Graded too high",
    symbol="Graded too high",
    tasks=frozenset({"ordinal"}),
    needs=("true", "predicted"),
    value=SHARE.value,
    fast=SHARE.fast,
    fraction=SHARE.fraction,
    unit="proportion",
    intervals=PROPORTION_INTERVALS,
    better="lower",
    prevalence_dependent=True,
    explanation="Of all cases, the share that gets a higher grade than the reference. A case without a grade counts too.",
    source="Fleiss, Levin & Paik 2003, doi:10.1002/0471445428, chapter 18",
)
