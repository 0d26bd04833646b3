"""F1 of lesions at the operating point: twice the hits, over twice the hits, false marks and lesions missed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.metrics.classification.confusion import ratio
from validate.metrics.detection.precision import SOURCE
from validate.metrics.detection.rows import TASKS, refuse_none
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.stats.tallies.sum import Sum
from validate.stats.tallies.tally import Tally


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """2 · hits / (lesions + hits + false marks). Raises Undefined where there is neither a lesion nor a mark."""
    hits, false = (int(weights[rows[name] & rows["flagged"]].sum()) for name in ("lesion", "false_mark"))
    lesions = int(weights[rows["lesion"]].sum())
    refuse_none("F1 of lesions", lesion_or_mark=lesions + hits + false)
    return 2 * hits / (lesions + hits + false)


def tallies(rows: Rows) -> tuple[Tally, ...]:
    """Hits, false marks and lesions."""
    flagged = [rows[name] & rows["flagged"] for name in ("lesion", "false_mark")]
    return tuple(Sum(part.astype(float)) for part in (*flagged, rows["lesion"]))


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    hits, false, lesions = (part[..., 0] for part in sums)
    return Values(*ratio(2 * hits, lesions + hits + false))


METRIC = Metric(
    title="F1 of lesions",
    symbol="F1",
    tasks=TASKS,
    needs=("false_mark", "case", "flagged"),
    condition=("threshold",),
    value=value,
    fast=FastPath(tallies, finish),
    intervals=("bootstrap",),
    resampled_by="bca",
    prevalence_dependent=True,
    explanation="One number for finding lesions and not inventing any: 1 where every lesion is marked and nothing else is.",
    source=SOURCE,
)
