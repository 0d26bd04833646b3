"""Intervals of the difference of two independent proportions, such as one group's sensitivity less another's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from validate.stats.limits import Limits, normal_quantile
from validate.stats.proportion import wilson

STEPS = 80  # bisections: far below float64's resolution on [-1, 1]


def newcombe(x1: float, n1: float, x2: float, n2: float, *, level: float = 0.95) -> Limits:
    """x1/n1 - x2/n2 with Wilson limits squared and added (Newcombe 1998, method 10; PMID 9595617).

    n may be effective ones, x then p · n. Raises ValueError unless 0 ≤ x ≤ n and n > 0.
    """
    first, second = wilson(x1, n1, level=level), wilson(x2, n2, level=level)
    p1, p2 = x1 / n1, x2 / n2
    return Limits(
        np.asarray(p1 - p2 - np.hypot(p1 - first.low, second.high - p2)),
        np.asarray(p1 - p2 + np.hypot(first.high - p1, p2 - second.low)),
    )


def miettinen_nurminen(x1: float, n1: float, x2: float, n2: float, *, level: float = 0.95) -> Limits:
    """Score limits of x1/n1 - x2/n2 with the n/(n-1) factor (Miettinen & Nurminen 1985, doi:10.1002/sim.4780040211).

    Raises ValueError unless 0 ≤ x ≤ n and n > 0.
    """
    wilson(x1, n1), wilson(x2, n2)  # the same refusals
    z, seen = normal_quantile(level), x1 / n1 - x2 / n2

    def beyond(difference: float) -> bool:
        return abs(seen - difference) > z * _score_error(difference, x1, n1, x2, n2)

    return Limits(np.asarray(_edge(beyond, seen, -1.0)), np.asarray(_edge(beyond, seen, 1.0)))


def _edge(beyond: Callable[[float], bool], inside: float, outside: float) -> float:
    if not beyond(outside):
        return outside
    for _ in range(STEPS):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if beyond(middle) else (middle, outside)
    return (inside + outside) / 2


def _score_error(difference: float, x1: float, n1: float, x2: float, n2: float) -> float:
    """Standard error at the likeliest p1, p2 that differ by `difference`: the closed form of the cubic, appendix I."""
    total = n1 + n2
    a, b = total, (n1 + 2 * n2) * difference - total - x1 - x2
    c = (n2 * difference - total - 2 * x2) * difference + x1 + x2
    d = x2 * difference * (1 - difference)
    v = (b / (3 * a)) ** 3 - b * c / (6 * a * a) + d / (2 * a)
    u = np.copysign(np.sqrt(max((b / (3 * a)) ** 2 - c / (3 * a), 0.0)), v if v != 0 else 1.0)
    angle = (np.pi + np.arccos(np.clip(v / u**3, -1.0, 1.0))) / 3 if u != 0 else np.pi / 2
    p2 = float(np.clip(2 * u * np.cos(angle) - b / (3 * a), max(0.0, -difference), min(1.0, 1 - difference)))
    p1 = p2 + difference
    variance = (p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2) * total / (total - 1)
    return float(np.sqrt(max(variance, 0.0)))
