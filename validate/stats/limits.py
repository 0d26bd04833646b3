"""Two-sided limits as pairs of arrays, and the ways from an estimate and its standard error to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Limits:
    """low, high : float64, one per estimate, in the order and shape of what they were computed from."""

    low: Array
    high: Array


def normal_quantile(level: float) -> float:
    """Two-sided standard normal quantile: 1.959964 for 0.95. Raises ValueError unless 0 < level < 1."""
    return float(-scipy.special.ndtri(tail(level)))


def student_quantile(level: float, degrees: ArrayLike) -> Array:
    """Two-sided Student quantile; degrees of freedom below 1 count as 1. Raises ValueError where they are NaN."""
    known = np.asarray(degrees, dtype=np.float64)
    if np.isnan(known).any():
        raise ValueError("degrees of freedom must be numbers; got NaN")
    return np.asarray(-scipy.special.stdtrit(np.maximum(known, 1.0), tail(level)), dtype=np.float64)


def tail(level: float) -> float:
    """Probability left out on each side: 0.025 for 0.95. Raises ValueError unless 0 < level < 1."""
    if not 0 < level < 1:
        raise ValueError(f"the level of an interval is {level}; expected a number between 0 and 1, such as 0.95")
    return (1.0 - level) / 2.0


def level_of(quantile: float) -> float:
    """The two-sided level that a standard normal quantile belongs to: 0.95 for 1.959964."""
    return float(1.0 - 2.0 * scipy.special.ndtr(-quantile))


def wald_limits(
    value: ArrayLike, error: ArrayLike, quantile: ArrayLike, *, low: float = 0.0, high: float = 1.0
) -> Limits:
    """Value ± quantile · error, cut off at the bounds. At a bound with no error it has zero width: decide nothing.

    Raises ValueError for a value outside the bounds, or an error that is negative or no number.
    """
    _check(value, error, low, high)
    middle, half = np.asarray(value, dtype=np.float64), np.asarray(quantile) * np.asarray(error, dtype=np.float64)
    return Limits(np.clip(middle - half, low, high), np.clip(middle + half, low, high))


def logit_limits(value: ArrayLike, error: ArrayLike, quantile: ArrayLike) -> Limits:
    """Limits of logit(value), its error by the delta method, brought back: inside (0, 1).

    Where value is 0 or 1 there is no logit and both limits are the value: zero width, decides nothing.
    Raises ValueError as `wald_limits`.
    """
    _check(value, error, 0.0, 1.0)
    middle = np.asarray(value, dtype=np.float64)
    inside = (middle > 0.0) & (middle < 1.0)
    safe = np.where(inside, middle, 0.5)
    centre = np.log(safe) - np.log1p(-safe)
    half = np.asarray(quantile) * np.asarray(error, dtype=np.float64) / (safe * (1.0 - safe))
    return Limits(
        np.where(inside, _expit(centre - half), middle),
        np.where(inside, _expit(centre + half), middle),
    )


def _check(value: ArrayLike, error: ArrayLike, low: float, high: float) -> None:
    middle, spread = np.asarray(value, dtype=np.float64), np.asarray(error, dtype=np.float64)
    if not ((middle >= low) & (middle <= high)).all():
        raise ValueError(f"a value outside {low:g} to {high:g} has no limits there; got {float(middle.ravel()[0]):g}")
    if not (np.isfinite(spread) & (spread >= 0)).all():
        raise ValueError("a standard error must be a finite number of 0 or more")


def _expit(x: Array) -> Array:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)), dtype=np.float64)
