"""Hand and Till's M: the AUROC of every pair of classes, averaged, each pair read by both of its classes' scores."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from validate.metrics.classification.auroc import value as auroc
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.metrics.multiclass.table import classes, refuse_absent, refuse_empty
from validate.stats.tallies.tally import Concordance

WHAT = "Hand and Till's M"


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """2 / (K (K - 1)) Σ over pairs of (A(i|j) + A(j|i)) / 2 (doi:10.1023/A:1010920819831).

    A(i|j) is the chance that a case of class i has a higher score for i than a case of class j has, ties counting half.
    Raises Undefined where a class has no case.
    """
    refuse_empty(weights, WHAT)
    true, k = rows["true"], classes(rows)
    refuse_absent(np.bincount(true, weights, k)[:, None], WHAT)
    areas = []
    for own, other in permutations(range(k), 2):
        among = (true == own) | (true == other)
        pair = Rows({"score": rows["scores"][among, own], "positive": true[among] == own})
        areas.append(auroc(pair, weights[among]))
    return float(np.mean(areas))


def tallies(rows: Rows) -> tuple[Concordance, ...]:
    """One for each ordered pair of classes."""
    true = rows["true"]
    return tuple(
        Concordance(np.ascontiguousarray(rows["scores"][:, own]), true == own, (true == own) | (true == other))
        for own, other in permutations(range(classes(rows)), 2)
    )


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    pairs, first, second = np.moveaxis(np.stack(sums), -1, 0)
    defined = np.asarray((first > 0).all(axis=0) & (second > 0).all(axis=0))
    area = np.divide(pairs, first * second, out=np.zeros_like(pairs), where=first * second > 0)
    return Values(area.mean(axis=0), defined)


METRIC = Metric(
    title="AUROC over pairs of classes (Hand and Till's M)",
    symbol="M",
    tasks=frozenset({"multiclass"}),
    needs=("true", "scores"),
    value=value,
    fast=FastPath(tallies, finish),
    intervals=("bootstrap",),
    explanation="Of a case of one class and a case of another, the chance that the model's score tells them apart, averaged over "
    "all pairs of classes; 0.5 is guessing, 1 is perfect.",
    source="Hand & Till 2001, doi:10.1023/A:1010920819831",
)
