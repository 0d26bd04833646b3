"""Gaps standardised for what else differs between the groups: the same mix of scanners and cases put to both.

Direct standardisation (Rothman, Modern Epidemiology, ch. 3): rates within each cell of the covariates, weighted by the share of the
cell among all rows that the measure counts. Only cells in which both groups have enough rows take part; how much that covers is
said. For proportions and plain means (Dice, a measured bias, Brier): what is no mean over rows, such as an AUROC, says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.analyses.adjusted_limits import NO_LIMITS, Limits, standardised_proportions, widened
from validate.analyses.analysis import Evidence
from validate.analyses.averaged import Averaged, averaged, is_averaged, no_mean, rows_of
from validate.analyses.samples import ModelSamples, samples_of
from validate.estimation.bootstrap import MOST_UNDEFINED
from validate.estimation.fit import distinct
from validate.estimation.group_gaps import reference_level
from validate.estimation.sample import Sample
from validate.metrics.metric import Metric
from validate.protocol.fairness import FairnessOptions
from validate.protocol.model import Model
from validate.protocol.question import Endpoint
from validate.registry import load
from validate.results.levels import MISSING
from validate.stats.kernel import tally
from validate.stats.tallies.tally import Binned

FEWEST = 5  # rows that the measure counts, of each group in a cell, for the cell to take part
LEVEL = 0.95
EVERY = "every one"  # instead of a level, where no level of a measure can be adjusted


@dataclass(frozen=True, slots=True)
class Adjusted:
    """raw, value : difference against the reference as it is, and standardised; low, high : None with `reason`

    covered : share of the rows of both groups that lie in the cells that take part      cells : how many those are
    """

    endpoint: str
    attribute: str
    level: str
    against: str
    covariates: tuple[str, ...]
    raw: float | None
    value: float | None
    low: float | None
    high: float | None
    level_of_limits: float
    covered: float
    cells: int
    reason: str | None


def adjusted_gaps(evidence: Evidence, model: Model, endpoint: Endpoint, options: FairnessOptions) -> list[Adjusted]:
    """One for each group but the reference, where the options name covariates; one with the reason of a measure that is no mean."""
    metric: Metric = load("metrics", endpoint.metric)
    if not options.adjust_for:
        return []
    if not is_averaged(metric):
        return [_none(endpoint, ", ".join(options.attributes), options.adjust_for, metric)]
    samples = samples_of(evidence, model, endpoint)
    sample = rows_of(samples, metric, endpoint)
    found = []
    for attribute in options.attributes:
        reference = reference_level(options, sample, attribute)
        for place in sample.groups.of(attribute):
            if reference is not None and place != reference and sample.groups.levels[place] != MISSING:
                named = (endpoint.id, attribute, str(sample.groups.levels[place]), str(sample.groups.levels[reference]))
                members = np.ascontiguousarray(sample.groups.members[[place, reference]])
                found.append(_adjusted(samples, sample, metric, named, members, options.adjust_for))
    return found


def against_rest(
    evidence: Evidence, model: Model, endpoint: Endpoint, attribute: str, covariates: Sequence[str]
) -> list[Adjusted]:
    """Each level against all other cases, where covariates are named; one with the reason of a measure that is no mean."""
    metric: Metric = load("metrics", endpoint.metric)
    if not covariates:
        return []
    if not is_averaged(metric):
        return [_none(endpoint, attribute, covariates, metric)]
    samples = samples_of(evidence, model, endpoint)
    sample = rows_of(samples, metric, endpoint)
    found = []
    for place in sample.groups.of(attribute):
        level, inside = str(sample.groups.levels[place]), sample.groups.members[place]
        if level != MISSING and not inside.all():
            named = (endpoint.id, attribute, level, "all others")
            found.append(_adjusted(samples, sample, metric, named, np.stack([inside, ~inside]), covariates))
    return found


def _none(endpoint: Endpoint, attribute: str, covariates: Sequence[str], metric: Metric) -> Adjusted:
    """Instead of all levels."""
    named = (endpoint.id, attribute, EVERY, "", tuple(covariates))
    return Adjusted(*named, None, None, None, None, LEVEL, 0.0, 0, no_mean(metric))


def _adjusted(
    samples: ModelSamples, sample: Sample, metric: Metric, what: tuple[str, str, str, str], members: NDArray[np.bool_],
    covariates: Sequence[str],
) -> Adjusted:  # fmt: skip
    """What : endpoint, attribute, level, and what it is held against      members : (2, n), the rows of both"""
    named = (*what, tuple(covariates))
    if not all(samples.shown(sample, rows) for rows in members):
        return Adjusted(*named, None, None, None, None, LEVEL, 0.0, 0, "suppressed: too few patients to be told of")
    of = averaged(metric, sample.rows)
    assert of is not None
    cell, count = _cells(sample, covariates)
    counted = np.stack([np.bincount(cell[of.counted & rows], minlength=count) for rows in members])
    kept = np.flatnonzero((counted >= FEWEST).all(axis=0))
    everybody = np.bincount(cell[of.counted], minlength=count)[kept]
    covered = float(counted[:, kept].sum() / max(counted.sum(), 1))
    raw = _raw(of, members)
    if kept.size == 0:
        reason = f"no cell of {' × '.join(covariates)} holds {FEWEST} rows of both groups"
        return Adjusted(*named, raw, None, None, None, LEVEL, covered, 0, reason)
    once = _means(of, cell, count, sample, members, None)
    many = _means(of, cell, count, sample, members, samples)[:, :, kept]
    share = everybody / everybody.sum()
    value = float(((once[0, 0] - once[0, 1])[kept] * share).sum())
    known = many[np.isfinite(many).all(axis=(1, 2))]
    told = (raw, value)
    if len(known) < (1 - MOST_UNDEFINED) * len(many):
        reason = "too few: over 1% of the resamples leave a cell empty"
        return Adjusted(*named, *told, None, None, LEVEL, covered, int(kept.size), reason)
    sides = [[rows & (cell == place) for place in kept] for rows in members]
    limits = _limits(metric, of, sample, sides, share, known)
    if limits is None:
        reason = NO_LIMITS
        return Adjusted(*named, *told, None, None, LEVEL, covered, int(kept.size), reason)
    return Adjusted(*named, *told, *limits, LEVEL, covered, int(kept.size), None)


def _limits(
    metric: Metric, of: Averaged, sample: Sample, sides: Sequence[Sequence[NDArray[np.bool_]]], share: NDArray[np.float64],
    drawn: NDArray[np.float64],
) -> Limits:  # fmt: skip
    """Sides : of both, the rows of each cell      drawn : (replicate, 2, cell) means"""
    if metric.fraction is not None:
        fraction = metric.fraction(sample.rows)
        return standardised_proportions(fraction, sample.cluster, sides, share, drawn, level=LEVEL)
    parts = [
        (drawn[:, side, place] * share[place], float(distinct(sample.cluster[rows & of.counted])))
        for side, cells in enumerate(sides)
        for place, rows in enumerate(cells)
    ]
    return widened((drawn[:, 0] - drawn[:, 1]) @ share, parts, level=LEVEL)


def _cells(sample: Sample, covariates: Sequence[str]) -> tuple[NDArray[np.int64], int]:
    """(n,) the crossing of covariates that each row lies in, and how many there are."""
    code: NDArray[np.int64] = np.zeros(len(sample.rows), np.int64)
    count = 1
    for name in covariates:
        places = sample.groups.of(name)
        level = np.argmax(sample.groups.members[places], axis=0)
        code, count = code * len(places) + level, count * len(places)
    return code, count


def _raw(of: Averaged, members: NDArray[np.bool_]) -> float | None:
    means = [of.values[rows & of.counted].mean() if (rows & of.counted).any() else None for rows in members]
    return None if means[0] is None or means[1] is None else float(means[0] - means[1])


def _means(
    of: Averaged, cell: NDArray[np.int64], count: int, sample: Sample, members: NDArray[np.bool_], samples: ModelSamples | None
) -> NDArray[np.float64]:  # fmt: skip
    """(replicate, group, cell) means, NaN (in memory only) where a cell is empty."""
    code, weight = cell.astype(np.int32), of.counted.astype(np.float64)
    total: NDArray[np.float64]
    summed: NDArray[np.float64]
    values = np.where(of.counted, of.values, 0.0)
    if samples is None:
        total, summed = (
            np.stack([np.bincount(code, one * rows, count) for rows in members])[None].astype(np.float64)
            for one in (weight, values)
        )
    else:
        total, summed = tally(
            [Binned(weight, code, count), Binned(values, code, count)],
            cluster=sample.cluster, groups=members, weights=samples.weights,
        )  # fmt: skip
    means: NDArray[np.float64] = np.divide(summed, total, out=np.full(total.shape, np.nan), where=total > 0)
    return means
