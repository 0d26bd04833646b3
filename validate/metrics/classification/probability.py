"""What calibration metrics ask of their rows: probabilities, and whole weights as repeated rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.metrics.metric import Rows


def probabilities(rows: Rows) -> NDArray[np.float64]:
    """The scores. Raises ValueError where one is no probability."""
    stated: NDArray[np.float64] = rows["score"]
    if stated.size and not (float(stated.min()) >= 0.0 and float(stated.max()) <= 1.0):
        raise ValueError(
            f"scores from {float(stated.min()):g} to {float(stated.max()):g}; calibration needs probabilities from 0 to 1. "
            "Give the model an activation, or measure something else."
        )
    return stated


def repeated(rows: Rows, weights: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Probabilities and truth with each row as often as it weighs."""
    return np.repeat(probabilities(rows), weights), np.repeat(rows["positive"], weights)
