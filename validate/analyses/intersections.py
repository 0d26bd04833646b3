"""Groups crossed with each other, such as sex × age: shown with shrinkage, greyed under the minimum, and never deciding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from validate.analyses.analysis import Evidence
from validate.analyses.averaged import rows_of
from validate.analyses.samples import samples_of
from validate.estimation.fit import distinct, proportion_fit
from validate.metrics.metric import Fraction, Metric
from validate.protocol.fairness import FairnessOptions
from validate.protocol.model import Model
from validate.protocol.question import Endpoint
from validate.registry import load
from validate.results.levels import MISSING

LEVEL = 0.95
METHOD = "wilson_effective_n"


@dataclass(frozen=True, slots=True)
class Cell:
    """value : the share in this crossing, with limits; shrunken : drawn towards the mean of all crossings, for reading only"""

    levels: tuple[str, str]
    rows: int
    patients: int
    value: float | None
    low: float | None
    high: float | None
    shrunken: float | None
    why_greyed: str | None


@dataclass(frozen=True, slots=True)
class Crossing:
    """attributes : the two that are crossed      cells : every crossing of known levels that has a patient"""

    endpoint: str
    attributes: tuple[str, str]
    cells: tuple[Cell, ...]


def crossings(evidence: Evidence, model: Model, endpoint: Endpoint, options: FairnessOptions) -> list[Crossing]:
    """One for each pair of attributes that the options cross. For proportions only."""
    metric: Metric = load("metrics", endpoint.metric)
    if metric.fraction is None:
        return []
    samples = samples_of(evidence, model, endpoint)
    sample = rows_of(samples, metric, endpoint)
    fraction, found = metric.fraction(sample.rows), []
    least = max(evidence.protocol.cohort.suppress_below or 0, 1)
    for first, second in options.intersections:
        cells = []
        for one in sample.groups.of(first):
            for two in sample.groups.of(second):
                levels = str(sample.groups.levels[one]), str(sample.groups.levels[two])
                members = sample.groups.members[one] & sample.groups.members[two]
                if members.any() and MISSING not in levels:
                    patients = distinct(sample.patient[members])
                    cells.append(_cell(fraction, sample.cluster, members, levels, patients, options.min_events, least))
        found.append(Crossing(endpoint.id, (first, second), _shrunken(cells)))
    return found


def _cell(
    fraction: Fraction,
    cluster: np.ndarray,
    members: np.ndarray,
    levels: tuple[str, str],
    patients: int,
    fewest: int,
    least: int,
) -> Cell:
    rows = int((fraction.denominator & members).sum())
    if patients < least:
        return Cell(levels, rows, patients, None, None, None, None, f"suppressed: fewer than {least} patients")
    if rows == 0:
        return Cell(levels, rows, patients, None, None, None, None, "no row to count")
    fit = proportion_fit(fraction, cluster, members, method=METHOD, level=LEVEL)
    assert fit.limits is not None
    limits = fit.limits(LEVEL)
    value = float(fraction.numerator[fraction.denominator & members].mean())
    greyed = f"{rows} counted, fewer than {fewest}" if rows < fewest else None
    return Cell(levels, rows, patients, value, float(limits.low), float(limits.high), None, greyed)


def _shrunken(cells: list[Cell]) -> tuple[Cell, ...]:
    """Empirical Bayes with DerSimonian and Laird's spread between cells (doi:10.1016/0197-2456(86)90046-2)."""
    known = [cell for cell in cells if cell.value is not None and cell.low is not None and cell.high is not None]
    if len(known) < 3:
        return tuple(cells)
    value = np.array([cell.value for cell in known], np.float64)
    variance = np.array([((cell.high or 0.0) - (cell.low or 0.0)) ** 2 for cell in known]) / (2 * 1.959964) ** 2
    weight = 1 / variance
    mean = float((weight * value).sum() / weight.sum())
    spread = float((weight * (value - mean) ** 2).sum()) - (len(known) - 1)
    between = max(spread / float(weight.sum() - (weight**2).sum() / weight.sum()), 0.0)
    centre = float((value / (variance + between)).sum() / (1 / (variance + between)).sum())
    drawn = {
        id(cell): (between * v + s * centre) / (between + s) for cell, v, s in zip(known, value, variance, strict=True)
    }
    return tuple(
        Cell(
            c.levels,
            c.rows,
            c.patients,
            c.value,
            c.low,
            c.high,
            float(drawn[id(c)]) if id(c) in drawn else None,
            c.why_greyed,
        )
        for c in cells
    )
