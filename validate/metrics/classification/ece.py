"""Expected calibration error: the gap between stated and observed frequency, averaged over equal-width bins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.confusion import ratio
from validate.metrics.classification.probability import probabilities
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.stats.tallies.tally import Binned, Sum

BINS = 10


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """Σ over bins of |Σ (p - y)| / n (doi:10.1609/aaai.v29i1.9602). Raises Undefined without rows."""
    total = int(weights.sum())
    if total == 0:
        raise Undefined("The calibration error needs at least one case with an output: there is none")
    gaps = np.bincount(bin_of(rows), weights * _excess(rows), bins(rows))
    return float(np.abs(gaps).sum() / total)


def bins(rows: Rows) -> int:
    """Number of bins: condition "bins", or 10."""
    return int(rows.condition.get("bins", BINS))


def bin_of(rows: Rows) -> NDArray[np.int32]:
    """Bin k holds probabilities in [k/bins, (k+1)/bins); the last one holds 1 too."""
    return np.minimum((probabilities(rows) * bins(rows)).astype(np.int32), bins(rows) - 1)


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    return Values(*ratio(np.abs(sums[0]).sum(axis=-1), sums[1][..., 0]))


def _excess(rows: Rows) -> NDArray[np.float64]:
    excess: NDArray[np.float64] = rows["score"] - rows["positive"]
    return excess


METRIC = Metric(
    title="Expected calibration error",
    symbol="ECE",
    tasks=frozenset({"classification"}),
    needs=("score", "positive"),
    value=value,
    fast=FastPath(lambda rows: (Binned(_excess(rows), bin_of(rows), bins(rows)), Sum(np.ones(len(rows)))), finish),
    options=("bins",),
    intervals=("bootstrap",),
    resampled_by="bca",
    better="lower",
    prevalence_dependent=True,
    failures="outputs_only",
    explanation="How far stated probabilities are from observed frequencies, on average over ten bins of equal width; 0 is perfect. "
    "It is never below zero by chance alone, so small studies overstate it.",
    source="Naeini et al. 2015, doi:10.1609/aaai.v29i1.9602",
)
