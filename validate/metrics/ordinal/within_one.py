"""Agreement within one grade: the share of cases graded right, or one grade beside."""

from __future__ import annotations

from validate.metrics.metric import PROPORTION_INTERVALS, Metric
from validate.metrics.multiclass.shares import Share
from validate.metrics.multiclass.table import classes

SHARE = Share(
    "Agreement within one grade",
    lambda rows: (rows["predicted"] < classes(rows)) & (abs(rows["true"] - rows["predicted"]) <= 1),
)

METRIC = Metric(
    title="Agreement within one grade",
    symbol="Within one grade",
    tasks=frozenset({"ordinal"}),
    needs=("true", "predicted"),
    value=SHARE.value,
    fast=SHARE.fast,
    fraction=SHARE.fraction,
    unit="proportion",
    intervals=PROPORTION_INTERVALS,
    prevalence_dependent=True,
    explanation="Of all cases, the share that gets the grade of the reference or one beside it. A case without a "
    "grade is not within one.",
    source="Fleiss, Levin & Paik 2003, doi:10.1002/0471445428, chapter 18",
)
