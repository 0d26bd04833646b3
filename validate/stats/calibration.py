"""How stated probabilities agree with what was true: intercept, slope, observed over expected, calibration error.

Van Calster et al. 2019, doi:10.1186/s12916-019-1466-7. With clusters every error is cluster-robust (Liang & Zeger 1986,
doi:10.1093/biomet/73.1.13; factor k/(k-1)); without, it is the model's own, as R's glm gives it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from validate.errors import Undefined
from validate.stats.limits import Array, normal_quantile, student_quantile

EDGE = 1e-6  # probabilities of exactly 0 and 1 have no logit; they count as 1e-6 and 1 - 1e-6
OUTSIDE = "probabilities must lie between 0 and 1; give scores a calibration, or leave this out"
STEPS = 50


@dataclass(frozen=True, slots=True)
class Coefficient:
    """low and high at `level`: normal without clusters, Student's t with one degree less than clusters with them."""

    value: float
    error: float
    low: float
    high: float


def calibration_in_the_large(
    probability: ArrayLike, positive: ArrayLike, *, cluster: ArrayLike | None = None, level: float = 0.95
) -> Coefficient:
    """Intercept of a logistic model whose slope is held at 1: 0 is perfect, below 0 the probabilities are too high.

    Raises Undefined with one class only.
    """
    logit, truth, code = _checked(probability, positive, cluster)
    design = np.ones((logit.size, 1))
    return _coefficients(design, logit, truth, cluster=code, level=level)[0]


def calibration_slope(
    probability: ArrayLike, positive: ArrayLike, *, cluster: ArrayLike | None = None, level: float = 0.95
) -> Coefficient:
    """Slope of a logistic model of the outcome on the logit: 1 is perfect, below 1 the probabilities are too extreme.

    Raises Undefined with one class only, equal probabilities, or classes that the probabilities separate perfectly.
    """
    logit, truth, code = _checked(probability, positive, cluster)
    if np.ptp(logit) == 0:
        raise Undefined("the calibration slope needs probabilities that differ: all are equal")
    if logit[truth].min() >= logit[~truth].max() or logit[truth].max() <= logit[~truth].min():
        raise Undefined("the calibration slope has no finite value: the probabilities separate the classes perfectly")
    design = np.stack([np.ones(logit.size), logit], axis=1)
    return _coefficients(design, np.zeros(logit.size), truth, cluster=code, level=level)[1]


def observed_over_expected(
    probability: ArrayLike, positive: ArrayLike, *, cluster: ArrayLike | None = None, level: float = 0.95
) -> Coefficient:
    """Observed positives over the sum of probabilities, 1 is perfect; log-scale limits. Raises Undefined where either is 0.

    Without clusters the error of the log is √((1 - y)/(n y)), the expected count taken as given (Debray et al. 2017,
    doi:10.1136/bmj.i6460); with clusters it is that of the ratio.
    """
    stated, truth = _probabilities(probability, positive)
    observed, expected = float(truth.sum()), float(stated.sum())
    if observed == 0 or expected == 0:
        raise Undefined(f"observed over expected needs both above 0: got {observed:g} and {expected:g}")
    if truth.all():
        raise Undefined(f"observed over expected has no limits where all of {truth.size} cases are positive")
    ratio = observed / expected
    if cluster is None:
        error, quantile = np.sqrt((1 - truth.mean()) / observed), normal_quantile(level)
    else:
        code = np.unique(np.asarray(cluster), return_inverse=True)[1]
        residual = np.bincount(code, truth - ratio * stated)
        clusters = residual.size
        error = np.sqrt(clusters / max(clusters - 1, 1) * np.dot(residual, residual)) / observed
        quantile = float(student_quantile(level, clusters - 1))
    low, high = ratio * np.exp(-quantile * error), ratio * np.exp(quantile * error)
    return Coefficient(ratio, float(ratio * error), float(low), float(high))


def expected_calibration_error(
    probability: ArrayLike, positive: ArrayLike, *, bins: int = 10, binning: Literal["width", "mass"] = "width"
) -> float:
    """Σ over bins of |mean stated - share positive| · n / N (Naeini et al. 2015, doi:10.1609/aaai.v29i1.9602).

    binning : "width" for equal parts of [0, 1], a border belonging to the bin above it, 1 to the last; "mass" for bins
        of equal counts by rising probability. It is never below 0 by chance alone, so small studies overstate it.
    Raises Undefined without rows, ValueError for fewer than one bin.
    """
    stated, truth = np.asarray(probability, dtype=np.float64), np.asarray(positive, dtype=np.float64)
    _refuse(stated, truth)
    if not ((truth >= 0) & (truth <= 1)).all():
        raise ValueError("positive must lie between 0 and 1: labels, or shares of labels that tie")
    if bins < 1:
        raise ValueError(f"got {bins} bins; expected at least 1")
    if stated.size == 0:
        raise Undefined("the calibration error needs at least one case with an output: there is none")
    if binning == "width":
        place = np.minimum((stated * bins).astype(np.int64), bins - 1)
    else:
        place = np.empty(stated.size, np.int64)
        place[np.argsort(stated, kind="stable")] = np.arange(stated.size) * bins // stated.size
    return float(np.abs(np.bincount(place, stated - truth, bins)).sum() / stated.size)


def spiegelhalter(probability: ArrayLike, positive: ArrayLike) -> tuple[float, float]:
    """(z, two-sided p) of "the probabilities are right", for independent rows (1986, doi:10.1002/sim.4780050506).

    z = Σ (y - p)(1 - 2p) / √Σ (1 - 2p)² p (1 - p). Raises Undefined where every probability is 0, ½ or 1.
    """
    stated, truth = _probabilities(probability, positive)
    variance = float(((1 - 2 * stated) ** 2 * stated * (1 - stated)).sum())
    if not variance > 0:
        raise Undefined("Spiegelhalter's z needs a probability other than 0, one half and 1: there is none")
    z = float(((truth - stated) * (1 - 2 * stated)).sum() / np.sqrt(variance))
    return z, float(2 * scipy.special.ndtr(-abs(z)))


@dataclass(frozen=True, slots=True)
class HosmerLemeshow:
    """χ² over groups of equal counts; as many degrees of freedom as groups, since the model was fitted elsewhere."""

    statistic: float
    degrees: int
    p: float


def hosmer_lemeshow(probability: ArrayLike, positive: ArrayLike, *, groups: int = 10) -> HosmerLemeshow:
    """Shown because readers ask for it; it hangs on the grouping (Hosmer, Hosmer, Le Cessie & Lemeshow 1997,
    doi:10.1002/(SICI)1097-0258(19970515)16:9<965::AID-SIM509>3.0.CO;2-O) and on n (Paul, Pennell & Lemeshow 2013,
    doi:10.1002/sim.5525), so it never decides.

    Raises Undefined where a group expects nobody, or everybody.
    """
    stated, truth = _probabilities(probability, positive)
    if groups < 2:
        raise ValueError(f"got {groups} groups; expected at least 2")
    if stated.size < groups:
        raise Undefined(f"{groups} groups need as many cases: there are {stated.size}")
    place = np.empty(stated.size, np.int64)
    place[np.argsort(stated, kind="stable")] = np.arange(stated.size) * groups // stated.size
    count, expected, observed = (np.bincount(place, part, groups) for part in (np.ones(stated.size), stated, truth))
    if (expected <= 0).any() or (expected >= count).any():
        raise Undefined("a group of the Hosmer–Lemeshow test expects nobody or everybody")
    statistic = float(((observed - expected) ** 2 / (expected * (1 - expected / count))).sum())
    return HosmerLemeshow(statistic, groups, float(scipy.special.chdtrc(groups, statistic)))


def at_prevalence(probability: ArrayLike, *, stated: float, wanted: float) -> Array:
    """Probabilities made for one prevalence, as they would be at another: the odds scaled, the evidence kept.

    Elkan 2001; Saerens et al. 2002, doi:10.1162/089976602753284446. Raises ValueError unless both lie between 0 and 1.
    """
    if not (0 < stated < 1 and 0 < wanted < 1):
        raise ValueError(f"prevalences of {stated} and {wanted}; expected both between 0 and 1")
    p = np.asarray(probability, dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(OUTSIDE)
    factor = wanted / (1 - wanted) * (1 - stated) / stated
    return np.asarray(p * factor / (p * factor + 1 - p))


def _coefficients(
    design: Array, offset: Array, truth: NDArray[np.bool_], *, cluster: NDArray[np.int64] | None, level: float
) -> list[Coefficient]:
    """One for each column of the design, by maximum likelihood."""
    weights, fitted = _logistic(design, offset, truth)
    bread = np.linalg.inv(design.T @ (design * (fitted * (1 - fitted))[:, None]))
    if cluster is None:
        covariance, quantile = bread, normal_quantile(level)
    else:
        scores = design * (truth - fitted)[:, None]
        by_cluster = np.stack([np.bincount(cluster, column) for column in scores.T], axis=1)
        clusters = by_cluster.shape[0]
        covariance = bread @ (by_cluster.T @ by_cluster) @ bread * clusters / max(clusters - 1, 1)
        quantile = float(student_quantile(level, clusters - 1))
    errors = np.sqrt(np.diag(covariance))
    return [
        Coefficient(float(value), float(error), float(value - quantile * error), float(value + quantile * error))
        for value, error in zip(weights, errors, strict=True)
    ]


def _logistic(design: Array, offset: Array, truth: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Coefficients and fitted probabilities by Newton's method. Raises Undefined where it does not settle."""
    weights = np.zeros(design.shape[1])
    for _ in range(STEPS):
        fitted = _expit(offset + design @ weights)
        information = design.T @ (design * (fitted * (1 - fitted))[:, None])
        try:
            step = np.linalg.solve(information, design.T @ (truth - fitted))
        except np.linalg.LinAlgError as error:
            raise Undefined("the logistic model of calibration has no single solution on these cases") from error
        weights = weights + np.clip(step, -5.0, 5.0)
        if np.abs(step).max() < 1e-12 * max(1.0, np.abs(weights).max()):
            break
    else:
        raise Undefined("the logistic model of calibration did not settle on these cases")
    return weights, _expit(offset + design @ weights)


def _checked(
    probability: ArrayLike, positive: ArrayLike, cluster: ArrayLike | None
) -> tuple[Array, NDArray[np.bool_], NDArray[np.int64] | None]:
    stated, truth = _probabilities(probability, positive)
    positives = int(truth.sum())
    if positives in (0, truth.size):
        raise Undefined(f"calibration needs both classes: got {positives} positive of {truth.size} cases")
    inside = np.clip(stated, EDGE, 1 - EDGE)
    code = None if cluster is None else np.unique(np.asarray(cluster), return_inverse=True)[1]
    return np.log(inside) - np.log1p(-inside), truth, code


def _probabilities(probability: ArrayLike, positive: ArrayLike) -> tuple[Array, NDArray[np.bool_]]:
    """(n,) both. Raises ValueError for other shapes, numbers outside [0, 1], or labels that are neither 0 nor 1."""
    stated, truth = np.asarray(probability, dtype=np.float64), np.asarray(positive)
    _refuse(stated, truth)
    if not np.isin(truth, (0, 1)).all():
        raise ValueError("positive must hold true and false (or 1 and 0) only")
    return stated, truth.astype(np.bool_)


def _expit(x: Array) -> Array:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)), dtype=np.float64)


def _refuse(stated: Array, truth: NDArray[Any]) -> None:
    if stated.shape != truth.shape or stated.ndim != 1:
        raise ValueError(f"probability has shape {stated.shape} and positive {truth.shape}; expected (n,) both")
    if not ((stated >= 0) & (stated <= 1)).all():
        raise ValueError(OUTSIDE)
