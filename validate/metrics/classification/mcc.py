"""Matthews correlation coefficient: how far flags and findings go together, -1 to 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.confusion import (
    Confusion,
    confusion_of,
    confusion_tally,
    ratio,
    weighted_confusion,
)
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """(TP TN - FP FN) / √(P N F U). Raises Undefined where a class, or the flagged or unflagged, has none of the cases."""
    numerator, denominator = _parts(weighted_confusion(rows, weights))
    if denominator == 0:
        raise Undefined("The MCC needs positive, negative, flagged and unflagged cases: of one kind there is none")
    return float(np.clip(numerator / denominator, -1.0, 1.0))  # roots round: a perfect one may come out a hair above 1


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    value, defined = ratio(*_parts(confusion_of(sums[0])))
    return Values(np.clip(value, -1.0, 1.0), defined)


def _parts(counts: Confusion) -> tuple[Array, Array]:
    hit, alarm = np.float64(counts.true_positive), np.float64(counts.false_positive)
    miss, clear = np.float64(counts.false_negative), np.float64(counts.true_negative)
    scale = np.sqrt(hit + alarm) * np.sqrt(hit + miss) * np.sqrt(clear + alarm) * np.sqrt(clear + miss)
    return np.asarray(hit * clear - alarm * miss), np.asarray(scale)


METRIC = Metric(
    title="Matthews correlation coefficient",
    symbol="MCC",
    tasks=frozenset({"classification"}),
    needs=("positive", "flagged"),
    condition=("threshold",),
    value=value,
    fast=FastPath(lambda rows: (confusion_tally(rows),), finish),
    intervals=("bootstrap",),
    bounds=(-1.0, 1.0),
    prevalence_dependent=True,
    explanation="How far flags and findings go together: 1 is perfect, 0 is chance, below 0 is worse. It depends on how common "
    "the finding is.",
    source="Matthews 1975, doi:10.1016/0005-2795(75)90109-9",
)
