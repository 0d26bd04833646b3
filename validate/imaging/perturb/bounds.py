"""What a file could hold, kept to in one look at each value."""

from __future__ import annotations

from typing import Any

import numpy as np

from validate.stats.compiled import compiled

LARGEST = np.finfo(np.float32).max
ZERO = np.float32(0)


@compiled
def within(values: Any, low: Any, high: Any) -> bool:
    """Values brought into [low, high], written over. False where one is no number or without end, and then not all are brought there."""
    odd = 0
    for place in range(values.size):
        value = values[place]
        odd += not abs(value) <= LARGEST
        values[place] = min(max(value, low), high)
    return odd == 0
