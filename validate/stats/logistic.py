"""Logistic regression with a small ridge, by Newton's method; weights may be counts or shares.

Maximises Σ w·(y·η - ln(1 + e^η)) - ridge/2·|β|² without the intercept (Hastie, Tibshirani & Friedman 2009, 4.4).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
STEPS, ENOUGH = 60, 1e-8


def coefficients(features: Array, truth: Array, weight: Array, *, ridge: float = 1e-3) -> Array:
    """(d + 1,), the intercept first.

    features : (n, d)      truth : (n,) 0 to 1      weight : (n,) ≥ 0. Raises ValueError where one class has no weight.
    """
    if not 0 < float((weight * truth).sum()) < float(weight.sum()):
        raise ValueError("a logistic regression needs both classes")
    design = np.column_stack([np.ones(len(features)), features])
    penalty = np.full(design.shape[1], ridge * float(weight.sum()))
    penalty[0] = 0.0
    beta = np.zeros(design.shape[1])
    for _ in range(STEPS):
        chance = probability(features, beta)
        slope = design.T @ (weight * (truth - chance)) - penalty * beta
        curvature = design.T @ (design * (weight * chance * (1 - chance))[:, None]) + np.diag(penalty)
        curvature[np.diag_indices_from(curvature)] += 1e-9
        step = np.linalg.solve(curvature, slope)
        size = float(np.abs(step).max())
        beta = beta + step * min(1.0, 5.0 / max(size, 1e-12))
        if size < ENOUGH:
            break
    return beta


def probability(features: Array, beta: Array) -> Array:
    """(n,) chance of 1."""
    linear = np.clip(beta[0] + features @ beta[1:], -35, 35)
    return np.asarray(1 / (1 + np.exp(-linear)))
