"""P-values adjusted over a declared family: Bonferroni, Holm, Hochberg, Benjamini–Hochberg; and a fixed sequence."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from validate.stats.limits import Array


def bonferroni(p: ArrayLike) -> Array:
    """Family-wise error; order kept. Raises ValueError unless all lie in [0, 1], as do all below."""
    values = _checked(p)
    return np.minimum(values * values.size, 1.0)


def holm(p: ArrayLike) -> Array:
    """Family-wise error, step down (Holm 1979, Scand J Statist 6:65)."""
    values = _checked(p)
    order = np.argsort(values, kind="stable")
    factors = np.arange(values.size, 0, -1)
    return _back(np.minimum(np.maximum.accumulate(values[order] * factors), 1.0), order)


def hochberg(p: ArrayLike) -> Array:
    """Family-wise error, step up, for independent or positively dependent tests (doi:10.1093/biomet/75.4.800)."""
    values = _checked(p)
    order = np.argsort(values, kind="stable")
    return _step_up(values[order] * np.arange(values.size, 0, -1), order)


def benjamini_hochberg(p: ArrayLike) -> Array:
    """False discovery rate, step up (doi:10.1111/j.2517-6161.1995.tb02031.x)."""
    values = _checked(p)
    order = np.argsort(values, kind="stable")
    return _step_up(values[order] * values.size / np.arange(1, values.size + 1), order)


def fixed_sequence(p: ArrayLike, *, alpha: float) -> NDArray[np.bool_]:
    """Which tests count, in the order locked: each at full alpha until the first that does not reach it.

    Raises ValueError unless 0 < alpha < 1.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"an alpha of {alpha}; expected a number between 0 and 1, such as 0.025")
    return np.asarray(np.logical_and.accumulate(_checked(p) <= alpha))


def _step_up(scaled: Array, order: NDArray[np.int64]) -> Array:
    return _back(np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0), order)


def _back(values: Array, order: NDArray[np.int64]) -> Array:
    placed: Array = np.empty(values.size)
    placed[order] = values
    return placed


def _checked(p: ArrayLike) -> Array:
    values = np.asarray(p, dtype=np.float64)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
        raise ValueError("p-values must be a list of numbers between 0 and 1; leave out tests that were not made")
    return values
