"""Calibration by the textbook: tenths of the scale, a logistic line through the logits, and a smooth curve through what was seen."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from validate.evidence.recount_quantile import quantile
from validate.evidence.recount_yes_no import Found, Row, brier

Condition = Mapping[str, float]
Rows = Sequence[Row]
EDGE = 1e-6  # 0 and 1 have no logit
SPAN, MOST_POINTS, MOST_PLACES = 0.75, 2000, 128  # of the smooth curve (doi:10.1080/01621459.1988.10478639)


def _gaps(groups: Sequence[Sequence[float]]) -> Found:
    """How far the probabilities of each group together are from what is true, by the number of cases."""
    whole = sum(len(group) for group in groups)
    return Found(math.fsum(abs(math.fsum(group)) for group in groups) / whole if whole else math.nan)


def _parts(rows: Rows, bins: int) -> list[list[Row]]:
    """Equal parts of the scale; a border belongs to the part above it, and 1 to the last."""
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(min(int(row.score * bins), bins - 1), []).append(row)
    return list(found.values())


def ece(rows: Rows, condition: Condition) -> Found:
    parts = _parts(rows, int(condition.get("bins", 10)))
    return _gaps([[row.score - row.positive for row in part] for part in parts])


def ece_equal_mass(rows: Rows, condition: Condition) -> Found:
    """Groups of equal counts by rising probability; those that tie share what is true of them."""
    bins, order = int(condition.get("bins", 10)), sorted(row.score for row in rows)
    tied: dict[float, list[bool]] = {}
    for row in rows:
        tied.setdefault(row.score, []).append(row.positive)
    groups: dict[int, list[float]] = {}
    for place, score in enumerate(order):
        groups.setdefault(place * bins // len(order), []).append(score - sum(tied[score]) / len(tied[score]))
    return _gaps(list(groups.values()))


def squared_ece_debiased(rows: Rows, condition: Condition) -> Found:
    """Of each part the squared distance, less what chance alone adds (Kumar, Liang and Ma); a case alone adds nothing."""
    total = []
    for part in _parts(rows, int(condition.get("bins", 10))):
        n = len(part)
        if n > 1:
            share, said = sum(row.positive for row in part) / n, math.fsum(row.score for row in part) / n
            total.append(n * ((said - share) ** 2 - share * (1 - share) / (n - 1)))
    return Found(math.fsum(total) / len(rows) if rows else math.nan)


def scaled_brier(rows: Rows, _condition: Condition) -> Found:
    share = sum(row.positive for row in rows) / len(rows)
    return Found(1 - brier(rows).value / (share * (1 - share)))


def net_benefit(rows: Rows, condition: Condition) -> Found:
    """Rightly treated less wrongly treated at the odds of the risk from which one would act, of all."""
    risk = condition["threshold_probability"]
    treated = [row.positive for row in rows if row.score >= risk]
    right = sum(treated)
    return Found((right - (len(treated) - right) * risk / (1 - risk)) / len(rows))


def observed_expected_ratio(rows: Rows, _condition: Condition) -> Found:
    return Found(sum(row.positive for row in rows) / math.fsum(row.score for row in rows))


def _logit(row: Row) -> float:
    inside = min(max(row.score, EDGE), 1 - EDGE)
    return math.log(inside / (1 - inside))


def _chance(eta: float) -> float:
    return 1 / (1 + math.exp(-eta)) if eta > -700 else 0.0


def calibration_in_the_large(rows: Rows, _condition: Condition) -> Found:
    """The shift of all logits after which as many positives are expected as there are: found by halving."""
    logits, there = [_logit(row) for row in rows], sum(row.positive for row in rows)
    low, high = -40.0, 40.0
    for _ in range(100):
        middle = (low + high) / 2
        too_many = math.fsum(_chance(middle + logit) for logit in logits) > there
        low, high = (low, middle) if too_many else (middle, high)
    return Found((low + high) / 2)


def calibration_slope(rows: Rows, _condition: Condition) -> Found:
    """Of a logistic regression of what is true on the logit, by Newton's method."""
    x, y = [_logit(row) for row in rows], [float(row.positive) for row in rows]
    intercept = slope = 0.0
    for _ in range(60):
        p = [_chance(intercept + slope * one) for one in x]
        w = [one * (1 - one) for one in p]
        left, right = math.fsum(b - a for a, b in zip(p, y, strict=True)), 0.0
        right = math.fsum((b - a) * c for a, b, c in zip(p, y, x, strict=True))
        s0, s1 = math.fsum(w), math.fsum(a * b for a, b in zip(w, x, strict=True))
        s2 = math.fsum(a * b * b for a, b in zip(w, x, strict=True))
        whole = s0 * s2 - s1 * s1
        if not whole:
            return Found(math.nan)
        up, along = (s2 * left - s1 * right) / whole, (s0 * right - s1 * left) / whole
        intercept, slope = intercept + max(min(up, 5.0), -5.0), slope + max(min(along, 5.0), -5.0)
        if max(abs(up), abs(along)) < 1e-13:
            break
    return Found(slope)


def _curve(rows: Rows) -> list[float]:
    """|smooth curve - probability| of each row."""
    return [abs(at - row.score) for at, row in zip(fitted(rows), rows, strict=True)]


def fitted(rows: Rows) -> list[float]:
    """The smooth curve at each row: Cleveland's local parabolas, straight lines between at most 128 places."""
    tied: dict[float, list[bool]] = {}
    for row in rows:
        tied.setdefault(row.score, []).append(row.positive)
    x = np.array(sorted(tied))
    mass = np.array([float(len(tied[one])) for one in x.tolist()])
    seen = np.array([sum(tied[one]) / len(tied[one]) for one in x.tolist()])
    if x.size > MOST_POINTS:  # so many are joined, a two-thousandth of the rows each
        part = np.minimum(((np.cumsum(mass) - mass / 2) / mass.sum() * MOST_POINTS).astype(int), MOST_POINTS - 1)
        joined = [(part == one).nonzero()[0] for one in sorted(set(part.tolist()))]
        x, seen = (np.array([np.average(values[j], weights=mass[j]) for j in joined]) for values in (x, seen))
        mass = np.array([mass[j].sum() for j in joined])
    places = x
    if x.size > MOST_PLACES:
        places = x[sorted({round(i * (x.size - 1) / (MOST_PLACES - 1)) for i in range(MOST_PLACES)})]
    at = [_local(x, seen, mass, place) for place in places.tolist()]
    return [float(one) for one in np.interp([row.score for row in rows], places, at)]


def _local(x: np.ndarray, seen: np.ndarray, mass: np.ndarray, place: float) -> float:
    """At one place: the nearest three quarters of the rows, weighed by the cube of their distance, and a parabola through them."""
    apart = np.abs(x - place)
    nearest = np.argsort(apart, kind="stable")
    wanted = max(math.floor(SPAN * mass.sum() + 1e-5), 1)
    reach = apart[nearest[int(np.searchsorted(np.cumsum(mass[nearest]), wanted))]]
    share = apart / reach if reach > 0 else np.where(apart > 0, 2.0, 0.0)
    weight = np.where(share <= 0.001, 1.0, np.where(share < 0.999, (1 - np.minimum(share, 1) ** 3) ** 3, 0.0)) * mass
    inside = weight > 0
    degree = min(2, int(inside.sum()) - 1)
    scale = reach if reach > 0 else 1.0
    design = np.vander((x[inside] - place) / scale, degree + 1, increasing=True) * np.sqrt(weight[inside])[:, None]
    return float(np.linalg.lstsq(design, seen[inside] * np.sqrt(weight[inside]), rcond=None)[0][0])


NONE: frozenset[str] = frozenset()
BINS = frozenset({"bins"})
MEASURES: Mapping[str, tuple[Callable[[Rows, Condition], Found], frozenset[str]]] = {
    "ece": (ece, BINS),
    "ece_equal_mass": (ece_equal_mass, BINS),
    "squared_ece_debiased": (squared_ece_debiased, BINS),
    "scaled_brier": (scaled_brier, NONE),
    "net_benefit": (net_benefit, frozenset({"threshold_probability"})),
    "observed_expected_ratio": (observed_expected_ratio, NONE),
    "calibration_in_the_large": (calibration_in_the_large, NONE),
    "calibration_slope": (calibration_slope, NONE),
    "ici": (lambda rows, _condition: Found(statistics.fmean(_curve(rows))), NONE),
    "e50": (lambda rows, _condition: Found(quantile(_curve(rows), 0.5)), NONE),
    "e90": (lambda rows, _condition: Found(quantile(_curve(rows), 0.9)), NONE),
    "emax": (lambda rows, _condition: Found(max(_curve(rows))), NONE),
}
