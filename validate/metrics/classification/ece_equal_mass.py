"""Expected calibration error over bins of equal counts: every bin rests on as many cases."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.probability import repeated
from validate.metrics.metric import Metric, Rows
from validate.stats.calibration import expected_calibration_error

BINS = 10


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """Σ over bins of |mean stated - share positive| · n / N; equal outputs share their bin's mean.

    Raises Undefined without rows.
    """
    stated, truth = repeated(rows, weights)
    if stated.size == 0:
        raise Undefined("The calibration error needs at least one case with an output: there is none")
    levels, place = np.unique(stated, return_inverse=True)
    averaged = (np.bincount(place, truth) / np.bincount(place))[place]  # so that the order of ties changes nothing
    bins = int(rows.condition.get("bins", BINS))
    del levels
    return expected_calibration_error(stated, averaged, bins=bins, binning="mass")


METRIC = Metric(
    title="Expected calibration error, bins of equal counts",
    symbol="ECE, equal mass",
    tasks=frozenset({"classification"}),
    needs=("score", "positive"),
    value=value,
    options=("bins",),
    intervals=("bootstrap",),
    resampled_by="bca",
    better="lower",
    prevalence_dependent=True,
    failures="outputs_only",
    explanation="How far stated probabilities are from observed frequencies, on average over ten bins of equal counts; 0 is perfect. "
    "It is never below zero by chance alone, so small studies overstate it.",
    source="Nixon et al. 2019, arXiv:1904.01685",
)
