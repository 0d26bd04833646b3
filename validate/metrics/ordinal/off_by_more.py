"""Off by more: the share of cases graded two or more grades beside the reference, or not graded."""

from __future__ import annotations

from validate.metrics.metric import PROPORTION_INTERVALS, Metric
from validate.metrics.multiclass.shares import Share
from validate.metrics.multiclass.table import classes

SHARE = Share(
    "Off by two grades or more",
    lambda rows: (rows["predicted"] == classes(rows)) | (abs(rows["true"] - rows["predicted"]) >= 2),
)

METRIC = Metric(
    title="Off by two grades or more",
    symbol="Off by two or more",
    tasks=frozenset({"ordinal"}),
    needs=("true", "predicted"),
    value=SHARE.value,
    fast=SHARE.fast,
    fraction=SHARE.fraction,
    unit="proportion",
    intervals=PROPORTION_INTERVALS,
    better="lower",
    prevalence_dependent=True,
    explanation="Of all cases, the share that is two grades or more beside the reference, or gets no grade.",
    source="Fleiss, Levin & Paik 2003, doi:10.1002/0471445428, chapter 18",
)
