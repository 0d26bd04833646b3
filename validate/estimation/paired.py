"""Analytic limits and p-values of the difference of two models on the same rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.estimation.sample import Sample
from validate.metrics.metric import Metric
from validate.stats.limits import Limits, normal_quantile, wald_limits
from validate.stats.obuchowski import clustered_difference, difference_limits
from validate.stats.paired_proportions import PairedTable, newcombe_paired, tango, tango_statistic


@dataclass(frozen=True, slots=True)
class PairedFit:
    """method : as printed      limits : by two-sided level
    p(null, upward=…) : one-sided, of "the difference is at most the null" (upward) or "at least the null"
    """

    method: str
    limits: Callable[[float], Limits]
    p: Callable[..., float]


def paired_fit(method: str, metric: Metric, samples: tuple[Sample, Sample], members: NDArray[np.bool_]) -> PairedFit:
    """Method : "delong", "obuchowski" (of an AUROC), "tango", "newcombe" (of proportions of the same rows).

    samples : test, then reference, row by row the same cases. Raises Undefined where there are no limits.
    """
    if method in ("delong", "obuchowski"):
        return _aurocs(method, samples, members)
    return _proportions(method, metric, samples, members)


def paired_table(metric: Metric, samples: tuple[Sample, Sample], members: NDArray[np.bool_]) -> PairedTable:
    """Rows of the common denominator by who has the numerator. Raises Undefined where the denominators differ."""
    assert metric.fraction is not None
    one, two = (metric.fraction(sample.rows) for sample in samples)
    inside = one.denominator & members
    if not np.array_equal(inside, two.denominator & members):
        raise Undefined(f"{metric.title} of two models counts different rows, so there is no paired table")
    if not inside.any():
        raise Undefined(f"{metric.title} has no row to count here")
    first, second = one.numerator[inside], two.numerator[inside]
    return PairedTable(
        int((first & second).sum()), int((first & ~second).sum()),
        int((~first & second).sum()), int((~first & ~second).sum()),
    )  # fmt: skip


def _aurocs(method: str, samples: tuple[Sample, Sample], members: NDArray[np.bool_]) -> PairedFit:
    one, two = samples
    found = clustered_difference(
        one.rows["score"][members], two.rows["score"][members], one.rows["positive"][members], one.cluster[members]
    )
    if not found.variance > 0:
        raise Undefined("the difference of the two AUROCs does not vary: the scores rank all cases alike")
    error = float(np.sqrt(found.variance))
    degrees = np.inf if method == "delong" else found.smaller_class - 1

    def limits(level: float) -> Limits:
        if method == "delong":
            return wald_limits(found.difference, error, normal_quantile(level), low=-1.0)
        return difference_limits(found, level=level)

    def p(null: float, *, upward: bool) -> float:
        statistic = (found.difference - null) / error * (1 if upward else -1)
        return float(scipy.special.ndtr(-statistic) if np.isinf(degrees) else scipy.special.stdtr(degrees, -statistic))

    return PairedFit(f"{method}_paired", limits, p)


def _proportions(method: str, metric: Metric, samples: tuple[Sample, Sample], members: NDArray[np.bool_]) -> PairedFit:
    table = paired_table(metric, samples, members)
    limits_of = tango if method == "tango" else newcombe_paired

    def p(null: float, *, upward: bool) -> float:
        statistic = tango_statistic(table, null)
        return float(scipy.special.ndtr(-statistic if upward else statistic))

    return PairedFit(f"{method}_paired", lambda level: limits_of(table, level=level), p)
