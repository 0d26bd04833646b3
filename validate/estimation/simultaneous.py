"""How far limits must reach to hold for all levels of an attribute at once: the largest deviation among them, resampled."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from validate.metrics.metric import Values
from validate.stats.limits import level_of, tail

FEWEST = 100  # usable replicates behind the quantile


def simultaneous_level(
    replicates: Values | None, point: Values, places: list[int], usable: NDArray[np.bool_], *, level: float
) -> float:
    """The pointwise level at which limits of all levels hold together with probability `level`.

    Quantile of max over levels of |replicate - value| / standard error (Westfall & Young 1993), never below Šidák's for as
    many independent levels: small groups vary too little among their own replicates, and would make it too kind.
    places : groups of the attribute    usable : groups with an interval
    """
    chosen = [place for place in places if usable[place]]
    if not chosen:
        return level
    sidak = float(-scipy.special.ndtri((1.0 - level ** (1.0 / len(chosen))) / 2.0))
    widest = _largest_deviation(replicates, point, chosen, level) if replicates is not None else 0.0
    return level_of(max(sidak, widest))


def _largest_deviation(replicates: Values, point: Values, chosen: list[int], level: float) -> float:
    values, defined = replicates.value[:, chosen], replicates.defined[:, chosen]
    complete = defined.all(axis=1)
    if int(complete.sum()) < FEWEST:
        return 0.0
    values = values[complete]
    error = values.std(axis=0, ddof=1)
    moving = error > 0
    if not moving.any():
        return 0.0
    apart = np.abs(values[:, moving] - point.value[0, chosen][moving]) / error[moving]
    return float(np.quantile(apart.max(axis=1), 1.0 - 2.0 * tail(level)))
