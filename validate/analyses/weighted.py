"""Two sides with the case mix weighted alike: inverse probability of being on the one, given the covariates.

Of a scanner the other side is all others, of a group of patients its reference group.

A logistic model of the declared covariates gives each row its chance p of being on the level; rows of the level count 1/p, others
1/(1 - p), so that both sides have the mix of the whole study (Rosenbaum & Rubin 1983, doi:10.1093/biomet/70.1.41; Austin & Stuart 2015,
doi:10.1002/sim.6607). Chances are kept within 2 to 98%. The model is fitted anew in each resample of patients. Beside direct
standardisation: weighting needs no cell to hold both sides, standardisation needs no model; where they disagree, neither should be
leaned on. Serves proportions, plain means (Dice, a measured bias, Brier) and the AUROC; any other measure says that it has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from validate.analyses.adjusted_limits import NO_LIMITS, Limits, weighted_proportions, widened, worth_of
from validate.analyses.analysis import Evidence
from validate.analyses.averaged import averaged, is_averaged, no_mean, rows_of
from validate.analyses.samples import ModelSamples, samples_of
from validate.analyses.standardised import EVERY
from validate.estimation.bootstrap import MOST_UNDEFINED
from validate.estimation.group_gaps import reference_level
from validate.estimation.sample import Sample
from validate.metrics.metric import Metric
from validate.protocol.fairness import FairnessOptions
from validate.protocol.model import Model
from validate.protocol.question import Endpoint
from validate.registry import load
from validate.results.levels import MISSING
from validate.stats.compiled import LANES
from validate.stats.logistic import coefficients, probability

Array = NDArray[np.float64]
LEVEL = 0.95
EDGE = 0.02  # chances are kept this far from 0 and 1
MOST_REPLICATES = 500
AUROC = "classification.auroc"
FEWEST = 10  # rows that the measure counts, on each side


@dataclass(frozen=True, slots=True)
class Weighted:
    """raw, value : level less what it is held against, as it is and weighted; low, high : None with `reason`

    effective : rows that the weighted smaller side is worth, (Σw)²/Σw²      clipped : rows whose chance was held at an edge
    """

    endpoint: str
    attribute: str
    level: str
    against: str
    covariates: tuple[str, ...]
    raw: float | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    effective: float | None = None
    clipped: int = 0
    reason: str | None = None


def weighted_against_rest(
    evidence: Evidence, model: Model, endpoint: Endpoint, attribute: str, covariates: Sequence[str]
) -> list[Weighted]:
    """One for each known level; none where no covariate is named; one with the reason of a measure that is no mean nor the AUROC."""
    if not covariates:
        return []
    if (of := _of(evidence, model, endpoint)) is None:
        return [_none(endpoint, attribute, covariates)]
    samples, sample, metric = of
    found = []
    for place in sample.groups.of(attribute):
        level, inside = str(sample.groups.levels[place]), sample.groups.members[place]
        if level == MISSING or inside.all():
            continue
        named = (endpoint.id, attribute, level, "all others", tuple(covariates))
        found.append(_weighted(samples, sample, metric, named, (inside, ~inside)))
    return found


def weighted_gaps(evidence: Evidence, model: Model, endpoint: Endpoint, options: FairnessOptions) -> list[Weighted]:
    """One for each known group but the reference, weighted to the mix of both; none where `weighted_against_rest` has none."""
    if not options.adjust_for:
        return []
    if (of := _of(evidence, model, endpoint)) is None:
        return [_none(endpoint, ", ".join(options.attributes), options.adjust_for)]
    samples, sample, metric = of
    found = []
    for attribute in options.attributes:
        reference = reference_level(options, sample, attribute)
        for place in sample.groups.of(attribute):
            level = str(sample.groups.levels[place])
            if reference is not None and place != reference and level != MISSING:
                named = (endpoint.id, attribute, level, str(sample.groups.levels[reference]), options.adjust_for)
                if attribute in options.adjust_for:
                    found.append(Weighted(*named, reason=f"{attribute} can't be held constant while it is compared"))
                    continue
                sides = sample.groups.members[place], sample.groups.members[reference]
                found.append(_weighted(samples, sample, metric, named, sides))
    return found


def _of(evidence: Evidence, model: Model, endpoint: Endpoint) -> tuple[ModelSamples, Sample, Metric] | None:
    metric: Metric = load("metrics", endpoint.metric)
    if not is_averaged(metric) and endpoint.metric != AUROC:
        return None
    samples = samples_of(evidence, model, endpoint)
    return samples, rows_of(samples, metric, endpoint), metric


def _none(endpoint: Endpoint, attribute: str, covariates: Sequence[str]) -> Weighted:
    """Instead of all levels."""
    return Weighted(
        endpoint.id, attribute, EVERY, "", tuple(covariates), reason=no_mean(load("metrics", endpoint.metric))
    )


def _weighted(
    samples: ModelSamples, sample: Sample, metric: Metric, named: tuple[str, str, str, str, tuple[str, ...]],
    members: tuple[NDArray[np.bool_], NDArray[np.bool_]],
) -> Weighted:  # fmt: skip
    """Named : endpoint, attribute, level, what it is held against, covariates      members : rows of the level, and of that"""
    if not all(samples.shown(sample, side) for side in members):
        return Weighted(*named, reason="suppressed: too few patients to be told of")
    counted, measure = _measure(sample, metric)
    rows = np.flatnonzero(counted & (members[0] | members[1]))
    mine = members[0][rows]
    sides = min(int(mine.sum()), int((~mine).sum()))
    if sides < FEWEST:
        return Weighted(*named, reason=f"{sides} rows on one side, fewer than {FEWEST}")
    cells, place = np.unique(_dummies(sample, named[4])[rows], axis=0, return_inverse=True)
    where = cells, place.reshape(-1)
    whole = np.ones(rows.size)
    raw = _difference(measure, rows, mine, whole)
    once = _weights(where, mine, whole)
    if raw is None or once is None:
        return Weighted(*named, raw=raw, reason="the measure is not defined on both sides")
    weight, chance = once
    value = _difference(measure, rows, mine, weight)
    effective = min(float(weight[side].sum() ** 2 / (weight[side] ** 2).sum()) for side in (mine, ~mine))
    clipped = int(((chance <= EDGE) | (chance >= 1 - EDGE)).sum())
    drawn = [
        _sides(measure, rows, mine, again[0])
        for count in _resampled(samples, sample.cluster[rows])
        if (again := _weights(where, mine, count)) is not None
    ]
    known = np.array([one for one in drawn if one is not None]).reshape(-1, 2)
    plain = Weighted(*named, raw=raw, value=value, effective=effective, clipped=clipped)
    if len(known) < (1 - MOST_UNDEFINED) * min(samples.weights.replicates, MOST_REPLICATES):
        return replace(plain, reason="too few: over 1% of the resamples have no value")
    limits = _limits(metric, measure, rows, (mine, weight), sample.cluster[rows], known)
    if limits is None:
        return replace(plain, reason=NO_LIMITS)
    return replace(plain, low=limits[0], high=limits[1])


def _limits(
    metric: Metric, measure: tuple[Array, Array | None], rows: NDArray[np.int64], weighted: tuple[NDArray[np.bool_], Array],
    cluster: NDArray[np.int64], drawn: Array,
) -> Limits:  # fmt: skip
    """Weighted : which of the rows are on the level, and their weights      drawn : (replicate, 2) both sides"""
    (mine, weight), truth = weighted, measure[1]
    sides = (mine, ~mine)
    if truth is None:
        worth = np.array([worth_of(weight[side], cluster[side]) for side in sides])
    else:  # an area hangs on the rarer class
        classes = [[side & (truth[rows] == which) for which in (0, 1)] for side in sides]
        worth = np.array([min(worth_of(weight[some], cluster[some]) for some in two) for two in classes])
    if metric.fraction is not None:
        values = _sides(measure, rows, mine, weight)
        assert values is not None
        counted = np.array([float(side.sum()) for side in sides])
        return weighted_proportions(np.array(values), drawn, worth, counted, level=LEVEL)
    parts = [(drawn[:, side], float(worth[side])) for side in (0, 1)]
    return widened(drawn[:, 0] - drawn[:, 1], parts, level=LEVEL)


def _measure(sample: Sample, metric: Metric) -> tuple[NDArray[np.bool_], tuple[Array, Array | None]]:
    """Rows that count, and what is averaged (hits) or ranked (scores, truth)."""
    if (of := averaged(metric, sample.rows)) is not None:
        return of.counted, (of.values, None)
    everybody = np.ones(len(sample.rows), np.bool_)
    return everybody, (sample.rows["score"].astype(np.float64), sample.rows["positive"].astype(np.float64))


def _difference(
    measure: tuple[Array, Array | None], rows: NDArray[np.int64], mine: NDArray[np.bool_], weight: Array
) -> float | None:
    found = _sides(measure, rows, mine, weight)
    return None if found is None else found[0] - found[1]


def _sides(
    measure: tuple[Array, Array | None], rows: NDArray[np.int64], mine: NDArray[np.bool_], weight: Array
) -> tuple[float, float] | None:
    """The measure on the level and on the other side, or None where one has none."""
    values, truth = measure
    found = []
    for side in (mine, ~mine):
        of_side = None if truth is None else truth[rows[side]]
        one = (
            _mean(values[rows[side]], weight[side])
            if of_side is None
            else _auroc(values[rows[side]], of_side, weight[side])
        )
        if one is None:
            return None
        found.append(one)
    return found[0], found[1]


def _mean(values: Array, weight: Array) -> float | None:
    total = float(weight.sum())
    return float((values * weight).sum() / total) if total > 0 else None


def _auroc(score: Array, truth: Array, weight: Array) -> float | None:
    """Weighted share of pairs in order, ties half; those without an output are at either end, and tie there."""
    order = np.argsort(score, kind="stable")
    ordered, above, below = score[order], (weight * truth)[order], (weight * (1 - truth))[order]
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if ordered.size else np.zeros(0, np.int64)
    positives, negatives = (np.add.reduceat(part, first) for part in (above, below)) if first.size else (above, below)
    pairs = float(positives.sum() * negatives.sum())
    if pairs <= 0:
        return None
    before = np.cumsum(negatives) - negatives
    return float((positives * (before + negatives / 2)).sum() / pairs)


def _weights(
    where: tuple[Array, NDArray[np.int64]], mine: NDArray[np.bool_], count: Array
) -> tuple[Array, Array] | None:
    """(n,) weight of each row, times how often it counts; and the chance of being on the level.

    where : the distinct rows of covariates, and which of them each row has
    """
    cells, place = where
    total: Array = np.bincount(place, count, len(cells)).astype(np.float64)
    inside: Array = np.bincount(place, count * mine, len(cells)).astype(np.float64)
    if not 0 < inside.sum() < total.sum():
        return None
    there = total > 0
    share = np.divide(inside, total, out=np.zeros_like(total), where=there)
    beta = coefficients(cells[there], share[there], total[there], ridge=1e-4)
    chance = np.clip(probability(cells, beta), EDGE, 1 - EDGE)[place]
    return count * np.where(mine, 1 / chance, 1 / (1 - chance)), chance


def _dummies(sample: Sample, covariates: Sequence[str]) -> Array:
    """(n, d) 0 and 1: a column for each level of each covariate but its first; what is missing is a level."""
    columns = [
        sample.groups.members[place].astype(np.float64) for name in covariates for place in sample.groups.of(name)[1:]
    ]
    return np.column_stack(columns) if columns else np.zeros((len(sample.rows), 0))


def _resampled(samples: ModelSamples, cluster: NDArray[np.int64]) -> list[Array]:
    """(n,) how often each row counts, for each replicate of the run's own stream."""
    weights = samples.weights
    wanted = min(weights.replicates, MOST_REPLICATES)
    drawn = np.empty((weights.clusters, LANES), np.uint8)
    found: list[Array] = []
    for block in range(-(-wanted // LANES)):
        weights.fill(block, drawn)
        lanes = min(LANES, wanted - block * LANES)
        found += [drawn[cluster, lane].astype(np.float64) for lane in range(lanes)]
    return found
