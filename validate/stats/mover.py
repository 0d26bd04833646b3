"""Limits of a difference from the limits of its two sides: the method of variance estimates recovery (MOVER).

Each side's own limits say how uncertain it is on the side that matters, so what is skewed or near the end of its scale stays
so in the difference (Zou & Donner 2008, doi:10.1002/sim.3095; of two that go together Zou 2007,
doi:10.1037/1082-989X.12.4.399). With Wilson's limits it is Newcombe's method 10.
"""

from __future__ import annotations

import numpy as np

from validate.stats.limits import Limits


def mover(first: float, of_first: Limits, second: float, of_second: Limits, *, correlation: float = 0.0) -> Limits:
    """First - second.

    of_first, of_second : limits of each, of one level, which is then that of the difference
    correlation : of the two estimates, 0 where nobody is in both
    """
    down, up = first - float(of_first.low), float(of_first.high) - first
    other_down, other_up = second - float(of_second.low), float(of_second.high) - second
    return Limits(
        np.asarray(first - second - _together(down, other_up, correlation)),
        np.asarray(first - second + _together(up, other_down, correlation)),
    )


def _together(one: float, other: float, correlation: float) -> float:
    return float(np.sqrt(max(one * one + other * other - 2.0 * correlation * one * other, 0.0)))
