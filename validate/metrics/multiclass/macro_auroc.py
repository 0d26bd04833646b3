"""Macro AUROC: the AUROC of each class against the rest, averaged over classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.metrics.classification.auroc import value as auroc
from validate.metrics.metric import Array, FastPath, Metric, Rows, Values
from validate.metrics.multiclass.table import classes, refuse_absent, refuse_empty
from validate.stats.tallies.tally import Concordance

WHAT = "Macro AUROC"


def value(rows: Rows, weights: NDArray[np.int64]) -> float:
    """Plain mean of the areas, each class against all others. Raises Undefined where a class has no case, or all."""
    refuse_empty(weights, WHAT)
    true, k = rows["true"], classes(rows)
    refuse_absent(np.bincount(true, weights, k)[:, None], WHAT)
    areas = [auroc(Rows({"score": rows["scores"][:, own], "positive": true == own}), weights) for own in range(k)]
    return float(np.mean(areas))


def tallies(rows: Rows) -> tuple[Concordance, ...]:
    """One for each class."""
    scores, true = rows["scores"], rows["true"]
    return tuple(Concordance(np.ascontiguousarray(scores[:, own]), true == own) for own in range(classes(rows)))


def finish(sums: tuple[Array, ...], rows: Rows) -> Values:
    """The same from the kernel's sums."""
    del rows
    pairs, first, second = np.moveaxis(np.stack(sums), -1, 0)
    defined = np.asarray((first > 0).all(axis=0) & (second > 0).all(axis=0))
    area = np.divide(pairs, first * second, out=np.zeros_like(pairs), where=first * second > 0)
    return Values(area.mean(axis=0), defined)


METRIC = Metric(
    title="Mean AUROC over classes against the rest",
    symbol="Macro AUROC",
    tasks=frozenset({"multiclass"}),
    needs=("true", "scores"),
    value=value,
    fast=FastPath(tallies, finish),
    intervals=("bootstrap",),
    prevalence_dependent=True,
    explanation="For each class, the chance that a case of it scores higher for it than a case of any other class does, averaged "
    "over classes. It depends on how common each class is.",
    source="Provost & Domingos 2003, doi:10.1023/A:1024099825458; the mean is unweighted",
)
