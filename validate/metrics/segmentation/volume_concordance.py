"""Lin's concordance correlation of predicted and reference volumes: 1 where both are equal in every case."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.metrics.segmentation.column import TASKS, column, refuse_few
from validate.stats.tallies.sum import Sum
from validate.stats.tallies.tally import Tally

SIDES = ("volume_reference", "volume_prediction")


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """2·s_xy / (s_x² + s_y² + (mean x - mean y)²), moments over n. Raises Undefined where all volumes are equal."""
    refuse_few(weights, "The concordance of volumes", least=2)
    x, y = (column(rows, side) for side in SIDES)
    n = int(weights.sum())
    means = math.fsum(weights * x) / n, math.fsum(weights * y) / n
    shared = math.fsum(weights * (x - means[0]) * (y - means[1])) / n
    spread = math.fsum(weights * (x - means[0]) ** 2) / n + math.fsum(weights * (y - means[1]) ** 2) / n
    below = spread + (means[0] - means[1]) ** 2
    if below == 0:
        raise Undefined(f"The concordance of volumes needs volumes that differ: all {n} are equal")
    return 2 * shared / below


def tallies(rows: Rows) -> tuple[Tally, ...]:
    """Sums of centred volumes, their squares and products."""
    x, y = _centred(rows)
    return Sum(x), Sum(y), Sum(x * x), Sum(y * y), Sum(x * y), Sum(np.ones(len(rows)))


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    x, y, xx, yy, xy, n = (part[..., 0] for part in sums)
    count = np.maximum(n, 1.0)
    shared = xy / count - x * y / count**2
    below = xx / count - (x / count) ** 2 + yy / count - (y / count) ** 2 + ((x - y) / count) ** 2
    defined = (n >= 2) & (below > 0)
    return Values(2 * np.divide(shared, below, out=np.zeros_like(shared), where=defined), defined)


def _centred(rows: Rows) -> tuple[Array, Array]:
    """Both less the same constant, so that sums of squares do not cancel."""
    x, y = (column(rows, side) for side in SIDES)
    middle = float((x.mean() + y.mean()) / 2) if x.size else 0.0
    return x - middle, y - middle


METRIC = Metric(
    title="Concordance correlation of volumes",
    symbol="CCC of volumes",
    tasks=TASKS,
    needs=SIDES,
    value=value,
    fast=FastPath(tallies, finish),
    bounds=(-1.0, 1.0),
    intervals=("bootstrap",),
    resampled_by="bca",
    failures="outputs_only",
    explanation="How closely predicted volumes follow those of the reference, in order and in size: 1 where they are equal.",
    source="Lin 1989, doi:10.2307/2532051",
)
