"""Yes-or-no questions by the textbook, one case at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """positive : what is true      score : the output; ±infinity for a failure that counts as wrong or right

    flagged : what the model says; None where nothing says it, as without an operating point
    """

    positive: bool
    score: float
    flagged: bool | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """numerator, denominator : of a share, else None"""

    value: float
    numerator: int | None = None
    denominator: int | None = None


def _share(of: Sequence[Row], hit: Callable[[Row], bool]) -> Found:
    hits = sum(1 for row in of if hit(row))
    return Found(hits / len(of) if of else math.nan, hits, len(of))


def sensitivity(rows: Sequence[Row]) -> Found:
    return _share([r for r in rows if r.positive], lambda row: bool(row.flagged))


def specificity(rows: Sequence[Row]) -> Found:
    return _share([r for r in rows if not r.positive], lambda row: not row.flagged)


def ppv(rows: Sequence[Row]) -> Found:
    return _share([r for r in rows if r.flagged], lambda row: row.positive)


def npv(rows: Sequence[Row]) -> Found:
    return _share([r for r in rows if not r.flagged], lambda row: not row.positive)


def accuracy(rows: Sequence[Row]) -> Found:
    return _share(rows, lambda row: row.flagged == row.positive)


def balanced_accuracy(rows: Sequence[Row]) -> Found:
    return Found((sensitivity(rows).value + specificity(rows).value) / 2)


def f1(rows: Sequence[Row]) -> Found:
    true = sum(1 for r in rows if r.positive and r.flagged)
    wrong = sum(1 for r in rows if r.positive != r.flagged)
    return Found(2 * true / (2 * true + wrong) if true + wrong else math.nan)


def auroc(rows: Sequence[Row]) -> Found:
    """Share of pairs of a positive and a negative in which the positive scores higher; a tie is half (Mann-Whitney)."""
    order = sorted(rows, key=lambda row: row.score)
    below, pairs, place = 0, 0.0, 0
    while place < len(order):
        end = place
        while end < len(order) and order[end].score == order[place].score:
            end += 1
        tied = [row.positive for row in order[place:end]]
        positives = sum(tied)
        pairs += positives * (below + (len(tied) - positives) / 2)
        below += len(tied) - positives
        place = end
    total = below * (len(order) - below)
    return Found(pairs / total if total else math.nan)


def average_precision(rows: Sequence[Row]) -> Found:
    """At each score from the highest down: the precision there, for each positive that has this score."""
    order = sorted(rows, key=lambda row: -row.score)
    found, place, total = 0, 0, 0.0
    while place < len(order):
        end = place
        while end < len(order) and order[end].score == order[place].score:
            end += 1
        new = sum(row.positive for row in order[place:end])
        found += new
        total += new * found / end
        place = end
    return Found(total / found if found else math.nan)


def brier(rows: Sequence[Row]) -> Found:
    """Mean squared distance of the probability from what is true."""
    return Found(math.fsum((r.score - r.positive) ** 2 for r in rows) / len(rows) if rows else math.nan)


def _four(rows: Sequence[Row]) -> tuple[int, int, int, int]:
    """Found, missed, false alarms, spared."""
    found, missed = (sum(1 for r in rows if r.positive and bool(r.flagged) is said) for said in (True, False))
    alarms, spared = (sum(1 for r in rows if not r.positive and bool(r.flagged) is said) for said in (True, False))
    return found, missed, alarms, spared


def alert_rate(rows: Sequence[Row]) -> Found:
    return _share(rows, lambda row: bool(row.flagged))


def mcc(rows: Sequence[Row]) -> Found:
    """The correlation of two columns of 0s and 1s (Matthews)."""
    found, missed, alarms, spared = _four(rows)
    spread = (found + missed) * (alarms + spared) * (found + alarms) * (missed + spared)
    return Found((found * spared - missed * alarms) / math.sqrt(spread) if spread else math.nan)


def positive_likelihood_ratio(rows: Sequence[Row]) -> Found:
    found, missed, alarms, spared = _four(rows)
    whole = (found + missed) * alarms
    return Found(found * (alarms + spared) / whole if whole else math.nan)


def negative_likelihood_ratio(rows: Sequence[Row]) -> Found:
    found, missed, alarms, spared = _four(rows)
    whole = (found + missed) * spared
    return Found(missed * (alarms + spared) / whole if whole else math.nan)


def diagnostic_odds_ratio(rows: Sequence[Row]) -> Found:
    found, missed, alarms, spared = _four(rows)
    return Found(found * spared / (missed * alarms) if missed * alarms else math.nan)


MEASURES: Mapping[str, Callable[[Sequence[Row]], Found]] = {
    "sensitivity": sensitivity, "specificity": specificity, "ppv": ppv, "npv": npv, "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy, "f1": f1, "auroc": auroc, "average_precision": average_precision, "brier": brier,
    "alert_rate": alert_rate, "mcc": mcc, "positive_likelihood_ratio": positive_likelihood_ratio,
    "negative_likelihood_ratio": negative_likelihood_ratio, "diagnostic_odds_ratio": diagnostic_odds_ratio,
}  # fmt: skip
OF_SCORES = frozenset({"auroc", "average_precision", "brier"})  # which need nothing that flags


def at_prevalence(name: str, rows: Sequence[Row], prevalence: float) -> Found:
    """A predictive value where so many have the finding, by Bayes' rule from sensitivity and specificity."""
    found, spared = sensitivity(rows).value, specificity(rows).value
    if name == "ppv":
        right, wrong = found * prevalence, (1 - spared) * (1 - prevalence)
    else:
        right, wrong = spared * (1 - prevalence), (1 - found) * prevalence
    return Found(right / (right + wrong) if right + wrong else math.nan)
