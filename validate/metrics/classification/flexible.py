"""How far each stated probability lies from the smooth curve of what was observed: what ICI, E50, E90 and Emax sum up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.confusion import cases
from validate.metrics.classification.probability import repeated
from validate.metrics.metric import Rows
from validate.stats.loess import loess


def distances(rows: Rows, weights: NDArray[np.int64]) -> NDArray[np.float64]:
    """|loess(p) - p| of each row, as often as it weighs. Raises Undefined unless both classes carry weight."""
    stated, truth = repeated(rows, weights)
    positives = int(truth.sum())
    if positives in (0, truth.size):
        raise Undefined(
            f"A calibration curve needs both classes: {cases(positives, 'positive')} and "
            f"{cases(truth.size - positives, 'negative')}"
        )
    return np.asarray(np.abs(loess(stated, truth.astype(np.float64)) - stated))
