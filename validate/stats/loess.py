"""A smooth curve through 0s and 1s: local quadratic regression with tricube weights, without robustness steps.

Cleveland & Devlin 1988, doi:10.1080/01621459.1988.10478639; as R's loess(y ~ x, span = 0.75, degree = 2,
surface = "direct", family = "gaussian"). Robustness steps would take the rarer class for outliers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.stats.compiled import compiled

SPAN = 0.75
MOST_POINTS = 2000  # distinct values; beyond this neighbours are joined, a two-thousandth of the rows each
MOST_PLACES = 128  # at which the regression is made; between them the curve is a straight line

Array = NDArray[np.float64]


def loess(x: Array, y: Array, weights: Array | None = None, *, span: float = SPAN) -> Array:
    """(n,) fitted values at each x.

    x, y : (n,) float64      weights : (n,) counts ≥ 0, a row of weight 2 being two rows; 1 unless given
    span : share of the rows in each neighbourhood, in (0, 1]
    Where fewer than three distinct values carry weight in a neighbourhood, its polynomial is of a lower degree.
    Raises ValueError for other shapes or spans, numbers that are not finite, negative weights, or where no row carries weight.
    """
    weight = np.ones(x.size) if weights is None else np.asarray(weights, np.float64)
    if x.shape != y.shape or x.shape != weight.shape or x.ndim != 1:
        raise ValueError(f"x, y and weights have shapes {x.shape}, {y.shape}, {weight.shape}; expected (n,) each")
    if not 0 < span <= 1:
        raise ValueError(f"a span of {span}; expected more than 0 and at most 1")
    if not (np.isfinite(x) & np.isfinite(y) & np.isfinite(weight) & (weight >= 0)).all():
        raise ValueError("x and y must be finite, and weights finite and not negative")
    if not weight.sum() > 0:
        raise ValueError("a curve needs at least one row with a weight")
    places, mass, height = _points(x, y, weight)
    at = places if places.size <= MOST_PLACES else _spread(places)
    fitted = np.empty(at.size)
    _fit(places, height, mass, at, max(np.floor(span * mass.sum() + 1e-5), 1.0), fitted)
    return np.interp(x, at, fitted)


def _points(x: Array, y: Array, weight: Array) -> tuple[Array, Array, Array]:
    """Distinct x in rising order with their weight and mean y; equal parts of the weight where there are very many."""
    kept = weight > 0
    places, code = np.unique(x[kept], return_inverse=True)
    mass = np.bincount(code, weight[kept])
    total = np.bincount(code, weight[kept] * y[kept])
    if places.size > MOST_POINTS:
        middle = np.cumsum(mass) - mass / 2
        part = np.minimum((middle / mass.sum() * MOST_POINTS).astype(np.int64), MOST_POINTS - 1)
        part = np.unique(part, return_inverse=True)[1]
        joined = np.bincount(part, mass)
        places, total, mass = np.bincount(part, mass * places) / joined, np.bincount(part, total), joined
    return np.asarray(places, np.float64), np.asarray(mass, np.float64), np.asarray(total / mass, np.float64)


def _spread(places: Array) -> Array:
    """Places among the given ones, the ends included."""
    chosen = np.unique(np.linspace(0, places.size - 1, MOST_PLACES).round().astype(np.int64))
    return places[chosen]


@compiled
def _fit(x: Array, y: Array, mass: Array, at: Array, wanted: float, fitted: Array) -> None:
    """X rising and distinct. A neighbourhood grows to the nearer side until it holds the wanted mass."""
    n = x.size
    start = 0
    for place in range(at.size):
        centre = at[place]
        while start < n - 1 and x[start] < centre:
            start += 1
        low, high, held, reach = start, start + 1, mass[start], abs(x[start] - centre)
        while held < wanted and (low > 0 or high < n):
            below = centre - x[low - 1] if low > 0 else np.inf
            above = x[high] - centre if high < n else np.inf
            if below <= above:
                low -= 1
                held += mass[low]
                reach = max(reach, below)
            else:
                held += mass[high]
                high += 1
                reach = max(reach, above)
        s0, s1, s2, s3, s4 = 0.0, 0.0, 0.0, 0.0, 0.0
        t0, t1, t2 = 0.0, 0.0, 0.0
        inside = 0
        for row in range(low, high):
            apart = x[row] - centre
            share = abs(apart) / reach if reach > 0 else 0.0
            weight = mass[row] if share <= 0.001 else (mass[row] * (1 - share**3) ** 3 if share < 0.999 else 0.0)
            if weight <= 0:
                continue
            inside += 1
            unit = apart / reach if reach > 0 else 0.0
            s0 += weight
            s1 += weight * unit
            s2 += weight * unit**2
            s3 += weight * unit**3
            s4 += weight * unit**4
            t0 += weight * y[row]
            t1 += weight * unit * y[row]
            t2 += weight * unit**2 * y[row]
        fitted[place] = _intercept(s0, s1, s2, s3, s4, t0, t1, t2, inside)


@compiled
def _intercept(
    s0: float, s1: float, s2: float, s3: float, s4: float, t0: float, t1: float, t2: float, inside: int
) -> float:
    """Of the quadratic, by Cramer's rule; of a line or the mean where the points do not tell more."""
    minor = s2 * s4 - s3 * s3
    whole = s0 * minor - s1 * (s1 * s4 - s2 * s3) + s2 * (s1 * s3 - s2 * s2)
    if inside >= 3 and whole > 1e-12 * s0 * s2 * s4:
        return (t0 * minor - s1 * (t1 * s4 - t2 * s3) + s2 * (t1 * s3 - t2 * s2)) / whole
    line = s0 * s2 - s1 * s1
    if inside >= 2 and line > 1e-12 * s0 * s2:
        return (t0 * s2 - s1 * t1) / line
    return t0 / s0
