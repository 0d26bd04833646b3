"""Top-k accuracy: the share of cases whose class is among the k that the model finds most likely."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from validate.metrics.metric import PROPORTION_INTERVALS, Metric, Rows
from validate.metrics.multiclass.shares import Share

K = 3


def among(rows: Rows) -> NDArray[np.bool_]:
    """Whether fewer than k other classes score as high as the true one: a tie counts against the model."""
    scores = rows["scores"]
    own = np.take_along_axis(scores, rows["true"][:, None], axis=1)
    return np.asarray((scores >= own).sum(axis=1) - 1 < int(rows.condition.get("k", K)))


def problem(options: Mapping[str, float]) -> str | None:
    """What is wrong with the options."""
    k = options.get("k", K)
    return None if k >= 1 and float(k).is_integer() else f"k: got {k:g}, expected a whole number from 1"


SHARE = Share("Top-k accuracy", among)

METRIC = Metric(
    title="Top-k accuracy",
    symbol="Top-k accuracy",
    tasks=frozenset({"multiclass"}),
    needs=("true", "scores"),
    options=("k",),
    check_options=problem,
    example={"k": 2.0},
    value=SHARE.value,
    fast=SHARE.fast,
    fraction=SHARE.fraction,
    unit="proportion",
    intervals=PROPORTION_INTERVALS,
    prevalence_dependent=True,
    explanation="Of all cases, the share whose class is among the k that the model finds most likely (three unless stated).",
    source="Russakovsky et al. 2015, doi:10.1007/s11263-015-0816-y",
)
