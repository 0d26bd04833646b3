"""Limits of a difference from the limits of its two sides: the method of variance estimates recovery (MOVER).

Each side's own limits say how uncertain it is on the side that matters, so what is skewed or near the end of its scale stays
so in the difference (Zou & Donner 2008, doi:10.1002/sim.3095; of two that go together Zou 2007,
doi:10.1037/1082-989X.12.4.399). With Wilson's limits it is Newcombe's method 10.
"""

from __future__ import annotations

import numpy as np

from validate.stats.limits import Array, Limits


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


def mover_sum(
    coefficients: Array, values: Array, low: Array, high: Array, *, correlation: Array | None = None
) -> Limits:
    """Of Σ coefficient · value, such as a difference of standardised proportions (Zou, Huang & Zhang 2009,
    doi:10.1016/j.csda.2008.09.033). With 1 and -1 it is `mover`.

    low, high : (k,) limits of each value, of one level, which is then that of the sum
    correlation : (k, k) of the values, None where they share nobody
    """
    terms, ends = coefficients * values, np.stack([coefficients * low, coefficients * high])
    down, up = terms - ends.min(axis=0), ends.max(axis=0) - terms
    together = np.eye(terms.size) if correlation is None else correlation
    together = together * np.sign(np.outer(coefficients, coefficients))
    np.fill_diagonal(together, 1.0)
    total = terms.sum()
    return Limits(
        np.asarray(total - np.sqrt(max(float(down @ together @ down), 0.0))),
        np.asarray(total + np.sqrt(max(float(up @ together @ up), 0.0))),
    )
