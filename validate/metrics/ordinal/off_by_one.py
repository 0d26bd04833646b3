"""Off by one: the share of cases graded exactly one grade beside the reference."""

from __future__ import annotations

from validate.metrics.metric import PROPORTION_INTERVALS, Metric
from validate.metrics.multiclass.shares import Share
from validate.metrics.multiclass.table import classes

SHARE = Share(
    "Off by one grade", lambda rows: (rows["predicted"] < classes(rows)) & (abs(rows["true"] - rows["predicted"]) == 1)
)

METRIC = Metric(
    title="Off by one grade",
    symbol="Off by one",
    tasks=frozenset({"ordinal"}),
    needs=("true", "predicted"),
    value=SHARE.value,
    fast=SHARE.fast,
    fraction=SHARE.fraction,
    unit="proportion",
    intervals=PROPORTION_INTERVALS,
    better="neither",
    prevalence_dependent=True,
    explanation="Of all cases, the share that gets a grade exactly one beside the reference.",
    source="Fleiss, Levin & Paik 2003, doi:10.1002/0471445428, chapter 18",
)
