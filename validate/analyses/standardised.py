"""Gaps standardised for what else differs between the groups: the same mix of scanners and cases put to both.

Direct standardisation (Rothman, Modern Epidemiology, ch. 3): rates within each cell of the covariates, weighted by the share of the
cell among all rows that the measure counts. Only cells in which both groups have enough rows take part; how much that covers is
said. For proportions only: an AUROC is no mean over rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.analyses.analysis import Evidence
from validate.analyses.samples import ModelSamples, samples_of
from validate.estimation.bootstrap import MOST_UNDEFINED
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
    """One for each group but the reference, where the options name covariates; none of a measure that is no proportion."""
    metric: Metric = load("metrics", endpoint.metric)
    if not options.adjust_for or metric.fraction is None:
        return []
    samples = samples_of(evidence, model, endpoint)
    sample = samples.locked(needs=metric.needs if samples.cases.measures is not None else ())
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
    """Each level against all other cases, where covariates are named; none of a measure that is no proportion."""
    metric: Metric = load("metrics", endpoint.metric)
    if not covariates or metric.fraction is None:
        return []
    samples = samples_of(evidence, model, endpoint)
    sample = samples.locked(needs=metric.needs if samples.cases.measures is not None else ())
    found = []
    for place in sample.groups.of(attribute):
        level, inside = str(sample.groups.levels[place]), sample.groups.members[place]
        if level != MISSING and not inside.all():
            named = (endpoint.id, attribute, level, "all others")
            found.append(_adjusted(samples, sample, metric, named, np.stack([inside, ~inside]), covariates))
    return found


def _adjusted(
    samples: ModelSamples, sample: Sample, metric: Metric, what: tuple[str, str, str, str], members: NDArray[np.bool_],
    covariates: Sequence[str],
) -> Adjusted:  # fmt: skip
    """What : endpoint, attribute, level, and what it is held against      members : (2, n), the rows of both"""
    named = (*what, tuple(covariates))
    if not all(samples.shown(sample, rows) for rows in members):
        return Adjusted(*named, None, None, None, None, LEVEL, 0.0, 0, "suppressed: too few patients to be told of")
    assert metric.fraction is not None
    fraction = metric.fraction(sample.rows)
    cell, count = _cells(sample, covariates)
    counted = np.stack([np.bincount(cell[fraction.denominator & rows], minlength=count) for rows in members])
    kept = np.flatnonzero((counted >= FEWEST).all(axis=0))
    everybody = np.bincount(cell[fraction.denominator], minlength=count)[kept]
    covered = float(counted[:, kept].sum() / max(counted.sum(), 1))
    raw = _raw(fraction.numerator, fraction.denominator, members)
    if kept.size == 0:
        reason = f"no cell of {' × '.join(covariates)} holds {FEWEST} rows of both groups"
        return Adjusted(*named, raw, None, None, None, LEVEL, covered, 0, reason)
    once = _rates(fraction.numerator, fraction.denominator, cell, count, sample, members, None)
    many = _rates(fraction.numerator, fraction.denominator, cell, count, sample, members, samples)
    share = everybody / everybody.sum()
    value = float(((once[0, 0] - once[0, 1])[kept] * share).sum())
    drawn = (many[:, 0] - many[:, 1])[:, kept] @ share
    known = drawn[np.isfinite(drawn)]
    if known.size < (1 - MOST_UNDEFINED) * drawn.size:
        reason = "too few: over 1% of the resamples leave a cell empty"
        return Adjusted(*named, raw, value, None, None, LEVEL, covered, int(kept.size), reason)
    low, high = (float(x) for x in np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    return Adjusted(*named, raw, value, low, high, LEVEL, covered, int(kept.size), None)


def _cells(sample: Sample, covariates: Sequence[str]) -> tuple[NDArray[np.int64], int]:
    """(n,) the crossing of covariates that each row lies in, and how many there are."""
    code: NDArray[np.int64] = np.zeros(len(sample.rows), np.int64)
    count = 1
    for name in covariates:
        places = sample.groups.of(name)
        level = np.argmax(sample.groups.members[places], axis=0)
        code, count = code * len(places) + level, count * len(places)
    return code, count


def _raw(numerator: NDArray[np.bool_], denominator: NDArray[np.bool_], members: NDArray[np.bool_]) -> float | None:
    rates = [numerator[rows & denominator].mean() if (rows & denominator).any() else None for rows in members]
    return None if rates[0] is None or rates[1] is None else float(rates[0] - rates[1])


def _rates(
    numerator: NDArray[np.bool_], denominator: NDArray[np.bool_], cell: NDArray[np.int64], count: int, sample: Sample,
    members: NDArray[np.bool_], samples: ModelSamples | None,
) -> NDArray[np.float64]:  # fmt: skip
    """(replicate, group, cell) shares, NaN (in memory only) where a cell is empty."""
    code = (2 * cell + numerator).astype(np.int32)
    counts = Binned(denominator.astype(np.float64), code, 2 * count)
    by_code: NDArray[np.float64]
    if samples is None:
        counted = [np.bincount(code, (denominator & rows).astype(np.float64), 2 * count) for rows in members]
        by_code = np.stack(counted)[None].astype(np.float64)
    else:
        (by_code,) = tally([counts], cluster=sample.cluster, groups=members, weights=samples.weights)
    parts = by_code.reshape(*by_code.shape[:2], count, 2)
    total = parts.sum(axis=-1)
    rates: NDArray[np.float64] = np.divide(parts[..., 1], total, out=np.full(total.shape, np.nan), where=total > 0)
    return rates
