"""Analytic intervals: what each group's rows say once, and limits from it at any level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.estimation.sample import Sample
from validate.metrics.metric import Fraction
from validate.stats.delong import delong, delong_limits, delong_logit_limits
from validate.stats.limits import Limits
from validate.stats.obuchowski import ClusteredAuroc, clustered_auroc_sorted, obuchowski_limits, perfect_limits
from validate.stats.proportion import clopper_pearson, clustered_proportion, jeffreys, wilson


@dataclass(frozen=True, slots=True)
class Fit:
    """method : the one that was used, as printed    patients : clusters that the precision hangs on
    problem : why there are no limits, or None
    """

    method: str
    limits: Callable[[float], Limits] | None
    patients: int
    design_effect: float | None = None
    effective_n: float | None = None
    problem: str | None = None


ALL_TIED = "all scores are equal, so they rank nothing: an area of 0.5 is a convention, and has no limits."
LIMITS = {"wilson": wilson, "clopper_pearson": clopper_pearson, "jeffreys": jeffreys}


def distinct(codes: NDArray[np.int64]) -> int:
    """How many different codes."""
    return int(np.count_nonzero(np.bincount(codes))) if codes.size else 0


def proportion_fit(
    fraction: Fraction, cluster: NDArray[np.int64], members: NDArray[np.bool_], *, method: str, level: float
) -> Fit:
    """Of the rows of one group; its denominator must not be empty.

    method : "wilson", "clopper_pearson" and "jeffreys" count rows, "…_effective_n" what those rows are worth
    """
    inside = fraction.denominator & members
    rows = np.bincount(cluster[inside])
    hits = np.bincount(cluster[inside], fraction.numerator[inside])
    found = clustered_proportion(hits, rows, level=level)
    clustered = method.endswith("effective_n")
    n = float(found.effective_n) if clustered else float(found.rows)
    value, limits_of = float(found.value), LIMITS[method.removesuffix("_effective_n")]

    def limits(wanted: float) -> Limits:
        return limits_of(min(value * n, n), n, level=wanted)

    if not clustered:
        return Fit(method, limits, int(found.clusters))
    return Fit(method, limits, int(found.clusters), float(found.design_effect), n)


def patients_only(fraction: Fraction, cluster: NDArray[np.int64], members: NDArray[np.bool_]) -> Fit:
    """Wilson with n = clusters: for a proportion of exactly 0 or 1, where a bootstrap would have no width."""
    inside = fraction.denominator & members
    clusters, rows, value = distinct(cluster[inside]), int(inside.sum()), float(fraction.numerator[inside].mean())

    def limits(wanted: float) -> Limits:
        return wilson(value * clusters, clusters, level=wanted)

    return Fit("wilson_effective_n", limits, clusters, rows / clusters, float(clusters))


def auroc_fits(sample: Sample, *, method: str, only: int | None = None) -> list[Fit]:
    """One per group (or of one), by "delong", "delong_logit" or "obuchowski"; the rows are sorted once."""
    order = np.argsort(sample.rows["score"], kind="stable")
    score, positive = sample.rows["score"][order], sample.rows["positive"][order]
    cluster = sample.cluster[order]
    groups = sample.groups.members if only is None else sample.groups.members[only : only + 1]
    return [
        _auroc_fit(score[chosen], positive[chosen], cluster[chosen], method)
        for chosen in (members[order] for members in groups)
    ]


def _auroc_fit(score: NDArray[np.float64], positive: NDArray[np.bool_], cluster: NDArray[np.int64], method: str) -> Fit:
    try:
        if method.startswith("delong"):  # rows are clusters here: anything else was refused before
            simple = delong(score, positive)
            least = min(simple.positives, simple.negatives)
            found = ClusteredAuroc(*(simple.auroc, simple.variance, simple.positives, simple.negatives), least, least)
        else:
            found = clustered_auroc_sorted(score, positive, cluster)
    except Undefined as reason:
        return Fit(method, None, 0, problem=f"{reason}.")
    if score[0] == score[-1]:  # rising order
        return Fit(method, None, found.smaller_class, problem=ALL_TIED)
    name, limits = _auroc_limits(found, method)
    return Fit(name, limits, found.smaller_class)


def _auroc_limits(found: ClusteredAuroc, method: str) -> tuple[str, Callable[[float], Limits]]:
    if found.auroc in (0.0, 1.0) or found.variance <= 0.0:
        return "wilson_rarer_class", lambda level: perfect_limits(found.auroc, found.smaller_class, level=level)
    if method == "delong":
        return method, lambda level: delong_limits(found.auroc, found.variance, level=level)
    if method == "delong_logit":
        return method, lambda level: delong_logit_limits(found.auroc, found.variance, level=level)
    return method, lambda level: obuchowski_limits(found, level=level)
