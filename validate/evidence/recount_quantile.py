"""A quantile as the second count has it: linear between the two values around the place (Hyndman and Fan's type 7)."""

from __future__ import annotations

import math
from collections.abc import Iterable

QUARTERS = {"least": 0.0, "lower_quartile": 0.25, "median": 0.5, "upper_quartile": 0.75, "most": 1.0}


def quantile(values: Iterable[float], share: float) -> float:
    """Raises IndexError where there are none."""
    order = sorted(values)
    place = (len(order) - 1) * share
    low, high = order[math.floor(place)], order[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))
