"""Precision of marks at the operating point: those that hit a lesion, of those that hit one or are false."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.metrics.classification.confusion import ratio
from validate.metrics.detection.rows import TASKS, refuse_none
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.stats.tallies.sum import Sum
from validate.stats.tallies.tally import Tally

SOURCE = "Maier-Hein et al. 2024, Metrics reloaded, doi:10.1038/s41592-023-02151-z"


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """Hits over hits and false marks. Raises Undefined where nothing is marked."""
    hits, false = (int(weights[rows[name] & rows["flagged"]].sum()) for name in ("lesion", "false_mark"))
    refuse_none("Precision of marks", mark=hits + false)
    return hits / (hits + false)


def tallies(rows: Rows) -> tuple[Tally, ...]:
    """Hits and false marks at the operating point."""
    return tuple(Sum((rows[name] & rows["flagged"]).astype(float)) for name in ("lesion", "false_mark"))


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    hits, false = (part[..., 0] for part in sums)
    return Values(*ratio(hits, hits + false))


METRIC = Metric(
    title="Precision of marks",
    symbol="Precision",
    tasks=TASKS,
    needs=("false_mark", "case", "flagged"),
    condition=("threshold",),
    value=value,
    fast=FastPath(tallies, finish),
    unit="proportion",
    intervals=("bootstrap",),
    resampled_by="bca",
    prevalence_dependent=True,
    explanation="Of the marks at or above the threshold, the share that hits a lesion.",
    source=SOURCE,
)
