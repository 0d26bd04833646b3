"""Parts of the ROC curve by the textbook: areas under a stretch of it, and the best point that keeps to a limit."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence

from validate.evidence.recount_yes_no import Found, Row

Condition = Mapping[str, float]
Point = tuple[float, float]
SLACK = 1e-9  # a rate that is written in tenths may lie a hair off its fraction


def _curve(rows: Sequence[Row]) -> list[Point]:
    """(false positive rate, sensitivity) from flagging nobody to everybody, one point for each score there is."""
    positives = sum(row.positive for row in rows)
    negatives = len(rows) - positives
    if not positives or not negatives:
        return []
    points, found, alarms = [(0.0, 0.0)], 0, 0
    of_score: dict[float, list[bool]] = {}
    for row in rows:
        of_score.setdefault(row.score, []).append(row.positive)
    for score in sorted(of_score, reverse=True):
        found += sum(of_score[score])
        alarms += len(of_score[score]) - sum(of_score[score])
        points.append((alarms / negatives, found / positives))
    return points


def _area(points: Sequence[Point], low: float, high: float) -> float:
    """Under straight lines between points whose first number rises, from low to high."""
    parts = []
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        start, end = max(x0, low), min(x1, high)
        if end > start:
            middle = y0 + (y1 - y0) * ((start + end) / 2 - x0) / (x1 - x0)
            parts.append((end - start) * middle)
    return math.fsum(parts)


def _range(condition: Condition) -> tuple[float, float, bool]:
    """Low, high, and whether they are sensitivities."""
    if "fpr_high" in condition:
        return condition.get("fpr_low", 0.0), condition["fpr_high"], False
    return condition["tpr_low"], condition.get("tpr_high", 1.0), True


def partial_auroc(rows: Sequence[Row], condition: Condition) -> Found:
    """Sensitivity over a range of false positive rates, or specificity over a range of sensitivities."""
    points = _curve(rows)
    if not points:
        return Found(math.nan)
    low, high, of_sensitivities = _range(condition)
    if of_sensitivities:
        return Found(_area([(found, 1 - alarms) for alarms, found in points], low, high))
    return Found(_area(points, low, high))


def standardised_partial_auroc(rows: Sequence[Row], condition: Condition) -> Found:
    """Half for guessing and one for a perfect model (McClish). Of sensitivities the range is that of what is missed."""
    low, high, of_sensitivities = _range(condition)
    if of_sensitivities:
        low, high = 1 - high, 1 - low
    guessed = (high**2 - low**2) / 2
    return Found((1 + (partial_auroc(rows, condition).value - guessed) / (high - low - guessed)) / 2)


def sensitivity_at_specificity(rows: Sequence[Row], condition: Condition) -> Found:
    asked = 1 - condition["specificity"]
    return Found(max((found for alarms, found in _curve(rows) if alarms <= asked + SLACK), default=math.nan))


def specificity_at_sensitivity(rows: Sequence[Row], condition: Condition) -> Found:
    asked = condition["sensitivity"]
    return Found(max((1 - alarms for alarms, found in _curve(rows) if found >= asked - SLACK), default=math.nan))


RANGES = frozenset({"fpr_low", "fpr_high", "tpr_low", "tpr_high"})
MEASURES: Mapping[str, tuple[Callable[[Sequence[Row], Condition], Found], frozenset[str]]] = {
    "partial_auroc": (partial_auroc, RANGES),
    "standardised_partial_auroc": (standardised_partial_auroc, RANGES),
    "sensitivity_at_specificity": (sensitivity_at_specificity, frozenset({"specificity"})),
    "specificity_at_sensitivity": (specificity_at_sensitivity, frozenset({"sensitivity"})),
}
