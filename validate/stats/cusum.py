"""A CUSUM chart: small shifts that last, summed until they can't be chance.

S⁺ = max(0, S⁺ + z - k), S⁻ = max(0, S⁻ - z - k), an alarm where one exceeds h (Page 1954, doi:10.1093/biomet/41.1-2.100). With
k = 1/2 and h = 5 standard deviations, a shift of one is found after some 10 values, and where there is none an alarm comes after
some 465 (two-sided; Siegmund 1985, Sequential Analysis). That holds where the values z are what they are taken for: independent, with
the mean and spread of a reference that is known. Of a reference of a few hundred patients neither is known well enough; `self_starting`
makes values for which it holds all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

Array = NDArray[np.float64]
ROUNDING = 1e-9  # means of equal numbers differ by less, relative to their size
FARTHEST = 1e-300  # a tail is taken for no smaller than this


@dataclass(frozen=True, slots=True)
class Cusum:
    """upper, lower : (n,) sums, both ≥ 0      alarm : place of the first sum beyond the decision limit, or None"""

    upper: Array
    lower: Array
    alarm: int | None


def cusum(z: Array, *, allowance: float = 0.5, decision: float = 5.0) -> Cusum:
    """Z : (n,) values less the mean that is right, in their standard deviations, in order of time."""
    upper, lower = np.zeros(len(z)), np.zeros(len(z))
    above = below = 0.0
    for place, value in enumerate(z.tolist()):
        above = max(0.0, above + value - allowance)
        below = max(0.0, below - value - allowance)
        upper[place], lower[place] = above, below
    beyond = np.flatnonzero((upper > decision) | (lower > decision))
    return Cusum(upper, lower, int(beyond[0]) if beyond.size else None)


def self_starting(reference: Array, steps: Sequence[Array]) -> Array:
    """(n,) z of each step's mean against the reference and all steps before it, for `cusum` (Hawkins 1987, doi:10.2307/2348827).

    T = (x̄ - m) / (s √(1/n + 1/N)), m, s and N of all values so far, by Student's distribution of N - 1 degrees of freedom to a
    normal deviate: independent and standard normal where nothing has changed, however small the reference is. Held against
    the reference alone, all steps would share its error, and drift away from it together.

    reference, steps : independent values, such as one a patient; no step is empty. Raises ValueError where they do not vary
    """
    count, mean = len(reference), float(np.mean(reference)) if len(reference) else 0.0
    square = float(((reference - mean) ** 2).sum())
    if count < 2 or float(np.ptp(reference)) <= ROUNDING * float(np.abs(reference).max()):
        raise ValueError("the reference does not vary")
    z = np.empty(len(steps))
    for place, step in enumerate(steps):
        size, middle = len(step), float(np.mean(step))
        t = (middle - mean) / np.sqrt(square / (count - 1) * (1 / size + 1 / count))
        z[place] = -np.sign(t) * scipy.special.ndtri(max(scipy.special.stdtr(count - 1, -abs(t)), FARTHEST))
        square += float(((step - middle) ** 2).sum()) + (middle - mean) ** 2 * count * size / (count + size)
        mean = (mean * count + middle * size) / (count + size)
        count += size
    return z


def run_length(*, allowance: float = 0.5, decision: float = 5.0, shift: float = 0.0) -> float:
    """About how many values pass before an alarm, by Siegmund's formula, both sides together.

    One side: (e^(-2Δb) + 2Δb - 1)/(2Δ²), Δ = ±shift - k, b = h + 1.166; 1/ARL adds over the sides.
    """
    sides = []
    for delta in (shift - allowance, -shift - allowance):
        b = decision + 1.166
        sides.append(b**2 if abs(delta) < 1e-12 else (np.exp(-2 * delta * b) + 2 * delta * b - 1) / (2 * delta**2))
    return float(1 / sum(1 / side for side in sides))
