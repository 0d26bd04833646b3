"""A stretch of the ROC curve: between two false positive rates, or, with the classes' roles swapped, two sensitivities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.classification.confusion import cases
from validate.metrics.metric import Rows
from validate.stats.tallies.tally import Curve

Array = NDArray[Any]
RANGES = (("fpr_low", "fpr_high"), ("tpr_low", "tpr_high"))


@dataclass(frozen=True, slots=True)
class Stretch:
    """low, high : false positive rates; with `swapped` they are 1 - sensitivities and the curve is read from the side."""

    low: float
    high: float
    swapped: bool = False

    def tally(self, rows: Rows) -> Curve:
        """For the kernel."""
        if self.swapped:
            return Curve(-rows["score"], ~rows["positive"], self.low, self.high)
        return Curve(rows["score"], rows["positive"], self.low, self.high)

    def parts(self, rows: Rows, weights: NDArray[np.int64], what: str) -> tuple[float, float, float, float]:
        """The definition of what the tally sums: area in pairs, weight reached, of positives, of negatives.

        Raises Undefined unless both classes carry weight.
        """
        asked = self.tally(rows)
        positives, negatives = int(weights[rows["positive"]].sum()), int(weights[~rows["positive"]].sum())
        if positives == 0 or negatives == 0:
            raise Undefined(
                f"{what} needs both classes: {cases(positives, 'positive')} and {cases(negatives, 'negative')}"
            )
        levels, place = np.unique(-asked.scores, return_inverse=True)
        up = np.bincount(place[asked.positive], weights[asked.positive], levels.size)
        right = np.bincount(place[~asked.positive], weights[~asked.positive], levels.size)
        height, along = np.concatenate(([0.0], np.cumsum(up))), np.concatenate(([0.0], np.cumsum(right)))
        within = along <= (asked.high + 1e-9) * along[-1]
        return _area(along, height, asked.low, asked.high), float(height[within][-1]), height[-1], along[-1]


def stretch_of(condition: Mapping[str, float]) -> Stretch:
    """From an endpoint's options; checked by `check_range`."""
    if "fpr_high" in condition:
        return Stretch(condition.get("fpr_low", 0.0), condition["fpr_high"])
    return Stretch(1.0 - condition.get("tpr_high", 1.0), 1.0 - condition["tpr_low"], swapped=True)


def check_range(options: Mapping[str, float]) -> str | None:
    """What is wrong with a range of false positive rates or of sensitivities."""
    expected = "expected a range: fpr_high (and fpr_low), or tpr_low (and tpr_high), such as {fpr_high: 0.1}"
    given = [pair for pair in RANGES if any(name in options for name in pair)]
    if len(given) != 1 or ("fpr_high" not in options and "tpr_low" not in options):
        return expected
    low_name, high_name = given[0]
    low, high = options.get(low_name, 0.0), options.get(high_name, 1.0)
    if not 0 <= low < high <= 1:
        return f"got {low:g} to {high:g}, expected 0 ≤ {low_name} < {high_name} ≤ 1"
    return None


def _area(along: Array, height: Array, low: float, high: float) -> float:
    """Trapezia between two rates, cut at both ends on straight lines."""
    left, right = low * along[-1], high * along[-1]
    begin, stop = np.maximum(along[:-1], left), np.minimum(along[1:], right)
    wide = stop > begin
    slope = np.divide(np.diff(height), np.diff(along), out=np.zeros(along.size - 1), where=np.diff(along) > 0)
    middle = height[:-1] + slope * ((begin + stop) / 2 - along[:-1])
    return float(((stop - begin) * middle)[wide].sum())
