"""The operating point, as numbers are read at it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.protocol.model import Model


@dataclass(frozen=True, slots=True)
class Threshold:
    """The operating point."""

    value: float
    inclusive: bool = True

    def flags(self, score: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which rows are flagged; -inf never is."""
        return np.asarray(score >= self.value if self.inclusive else score > self.value)


def threshold_of(model: Model, target: str) -> Threshold | None:
    """What flags a case on this target; None where there is no operating point, or its rule is no threshold."""
    point = model.operating_point
    if point is None:
        return None
    value = point.threshold if point.thresholds is None else point.thresholds.get(target)
    return None if value is None else Threshold(value, inclusive=point.rule == ">=")


def conditions(threshold: Threshold | None) -> dict[str, float]:
    """What a number is read under."""
    return {} if threshold is None else {"threshold": threshold.value}
