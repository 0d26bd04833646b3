"""The rows of a forest plot: every level of every stratifying attribute, and how it differs from all other cases."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.analyses.analysis import Evidence
from validate.analyses.differences import Difference, GroupValues, differences, group_values
from validate.analyses.samples import ModelSamples, model_samples
from validate.analyses.selection import Selection
from validate.analyses.wording import count_of, events_noun, metric_of
from validate.estimation.estimate import Estimate
from validate.estimation.marked import others
from validate.estimation.sample import Sample
from validate.metrics.metric import Metric
from validate.protocol.model import Model
from validate.protocol.question import Endpoint
from validate.protocol.targets import MEASURED
from validate.results.join import stratum_attributes
from validate.results.levels import MISSING

FEWEST_EVENTS, FEWEST_PATIENTS = 10, 10  # under which a level is greyed; regulators name no minimum, so it is said


@dataclass(frozen=True, slots=True)
class LevelRow:
    """One level of one attribute for one endpoint. why_greyed : too few to read, in words; None where it may be read."""

    attribute: str
    level: str
    estimate: Estimate
    why_greyed: str | None
    difference: Difference | None = None

    @property
    def readable(self) -> bool:
        """Enough cases, and a level that is one."""
        return self.why_greyed is None and self.level != MISSING


@dataclass(frozen=True, slots=True)
class LevelTable:
    """values : of each row's level in every resample, in row order; None where the metric can't be resampled."""

    overall: Estimate
    rows: tuple[LevelRow, ...]
    values: GroupValues | None

    @property
    def claimed(self) -> tuple[LevelRow, ...]:
        """Levels worse than all other cases, by limits that allow for every level that was looked at."""
        better = metric_of(self.overall).better
        bad = {"higher": -1, "lower": 1, "neither": 0}[better]
        return tuple(row for row in self.rows if bad and row.difference is not None and row.difference.clear == bad)

    @property
    def worst(self) -> LevelRow | None:
        """The worst of the claimed levels, else of those that can be read; None where there is nothing to compare."""
        better = metric_of(self.overall).better
        known = [
            (row.estimate.value, row)
            for row in self.claimed or tuple(row for row in self.rows if row.readable)
            if row.estimate.value is not None
        ]
        if better == "neither" or not known:
            return None
        pick = max if better == "lower" else min
        return pick(known, key=lambda pair: pair[0])[1]

    @property
    def compared(self) -> int:
        """How many levels the simultaneous limits allow for."""
        return sum(row.difference is not None and row.difference.simultaneous_low is not None for row in self.rows)

    def of(self, attribute: str) -> tuple[LevelRow, ...]:
        """The rows of one attribute."""
        return tuple(row for row in self.rows if row.attribute == attribute)

    def readable_values(self, attribute: str) -> GroupValues | None:
        """Resampled values of the readable levels of one attribute."""
        wanted = [row.attribute == attribute and row.readable for row in self.rows]
        return self.values.of(np.array(wanted, dtype=np.bool_)) if self.values is not None else None

    def readable_patients(self, attribute: str) -> tuple[int, ...]:
        """Patients behind the value of each readable level: no more than it has events."""
        rows = (row.estimate for row in self.of(attribute) if row.readable)
        return tuple(min(estimate.n_patients, estimate.n_events) for estimate in rows)


def level_tables(evidence: Evidence, model: Model) -> dict[str, LevelTable]:
    """By endpoint; those that were not estimated over all cases and by group are left out."""
    plain = {
        endpoint.id: table
        for endpoint in evidence.protocol.endpoints
        if (table := _plain_table(evidence, model, endpoint)) is not None
    }
    resampled: dict[str, LevelTable] = {}
    for names in _alike(evidence, plain):
        samples = model_samples(evidence, model, _target(evidence, plain[names[0]]))
        resampled |= _compared(samples, evidence, {name: plain[name] for name in names})
    return {name: resampled[name] for name in plain}


def _target(evidence: Evidence, table: LevelTable) -> str | None:
    """What the table's numbers are of, where there is a choice."""
    return None if evidence.protocol.task == "classification" else table.overall.target


def _plain_table(evidence: Evidence, model: Model, endpoint: Endpoint) -> LevelTable | None:
    """Levels and their estimates, not yet compared."""
    selection = Selection(evidence.estimates)
    overall = selection.overall(endpoint.id, model.id)
    found = (
        (attribute, estimate)
        for attribute in stratum_attributes(evidence.protocol)
        for estimate in selection.levels(endpoint.id, model.id, attribute)
    )
    fewest = _fewest_events(evidence, model, endpoint)
    levels = [LevelRow(a, e.stratum[a], e, _why_greyed(evidence, e, fewest)) for a, e in found]
    return LevelTable(overall, tuple(levels), None) if overall is not None and levels else None


def _alike(evidence: Evidence, tables: dict[str, LevelTable]) -> list[list[str]]:
    """Endpoints that read the same rows, so that one sweep serves them all."""
    alike: dict[tuple[Any, ...], list[str]] = {}
    for endpoint in evidence.protocol.endpoints:
        if endpoint.id in tables:
            table = tables[endpoint.id]
            groups = tuple((row.attribute, row.level) for row in table.rows)
            options = tuple(sorted(_condition(endpoint).items()))
            metric = metric_of(table.overall)
            rows = _target(evidence, table), metric.failures, options, _needs(evidence, metric)
            alike.setdefault((rows, groups), []).append(endpoint.id)
    return list(alike.values())


def _compared(samples: ModelSamples, evidence: Evidence, tables: dict[str, LevelTable]) -> dict[str, LevelTable]:
    """The tables with each level's values in every resample, and its difference from all cases outside it."""
    first = next(iter(tables))
    endpoint = next(endpoint for endpoint in evidence.protocol.endpoints if endpoint.id == first)
    metric = metric_of(tables[first].overall)
    counted = samples.outputs_only if metric.failures == "outputs_only" else samples.locked
    sample = counted(_condition(endpoint), needs=_needs(evidence, metric))
    known = list(zip(sample.groups.attributes, sample.groups.levels, strict=True))
    levels = [(row.attribute, row.level) for row in tables[first].rows]
    if len(sample.rows) == 0 or not set(levels) <= set(known):
        return tables
    inside = sample.groups.members[[known.index(level) for level in levels]]
    metrics = [metric_of(table.overall) for table in tables.values()]
    rests = np.stack([_rest(evidence, sample, *one) for one in zip(levels, inside, strict=True)])
    both = group_values(metrics, sample, np.concatenate([inside, rests]), weights=samples.weights)
    rarer = [_rarer_class(sample, members) for members in inside]
    few = [_few_of(one, sample.resampled) for one in rarer]
    return {name: _with(table, values, few) for (name, table), values in zip(tables.items(), both, strict=True)}


def _rest(evidence: Evidence, sample: Sample, level: tuple[str, str], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Everything outside a level: all other cases, or of a level of lesions all other lesions."""
    block = evidence.protocol.detection
    if block is not None and level[0] in block.by_lesion:
        return others(inside, np.asarray(sample.rows["lesion"]))
    return np.asarray(~inside)


def _with(table: LevelTable, both: GroupValues | None, few: list[str | None]) -> LevelTable:
    """Few : of each row why its rarer class is too few, or None"""
    if both is None:
        return table
    values, rests = both.of(slice(None, len(few))), both.of(slice(len(few), None))
    rows = table.rows
    if _ranks(metric_of(table.overall)):
        rows = tuple(replace(row, why_greyed=row.why_greyed or why) for row, why in zip(rows, few, strict=True))
    found = differences(values, rests, [row.readable for row in rows])
    # a value that is not given must not be told by its difference from the others either
    told = [one if row.estimate.value is not None else None for row, one in zip(rows, found, strict=True)]
    return LevelTable(
        table.overall, tuple(replace(row, difference=one) for row, one in zip(rows, told, strict=True)), values
    )


def _needs(evidence: Evidence, metric: Metric) -> tuple[str, ...]:
    """Where each case is measured, what a row must have: rows with one measure need not have another."""
    return metric.needs if evidence.protocol.task in MEASURED else ()


def _condition(endpoint: Endpoint) -> dict[str, float]:
    return {name: float(x) for name, x in endpoint.options.items() if isinstance(x, int | float)}


def _ranks(metric: Metric) -> bool:
    """Whether it compares the scores of two classes, so that the rarer one limits what it can say."""
    return {"score", "positive"} <= set(metric.needs) and metric.failures == "scored"


def _rarer_class(sample: Sample, members: NDArray[np.bool_]) -> int:
    """Clusters with a case of the rarer class in a group; of several classes all of its clusters."""
    if "positive" not in sample.rows.columns:
        return len(np.unique(sample.cluster[members]))
    sides = (sample.rows["positive"], ~sample.rows["positive"])
    return min(len(np.unique(sample.cluster[members & side])) for side in sides)


def _few_of(clusters: int, noun: str) -> str | None:
    if clusters >= FEWEST_PATIENTS:
        return None
    return f"{count_of(clusters, noun)} of the rarer class, fewer than {FEWEST_PATIENTS}"


def _fewest_events(evidence: Evidence, model: Model, endpoint: Endpoint) -> int:
    """As many as a criterion on this endpoint asks for, or ten."""
    asked = [
        criterion.min_events
        for criterion in evidence.protocol.acceptance
        if criterion.endpoint == endpoint.id and criterion.min_events and criterion.model in (None, model.id)
    ]
    return max(asked, default=FEWEST_EVENTS)


def _why_greyed(evidence: Evidence, estimate: Estimate, fewest: int) -> str | None:
    """Too few to read, in words. Whether limits may decide about a goal is the verdict's question, and not this one."""
    if estimate.value is None:
        return estimate.reason or "not defined"
    if estimate.n_events < fewest:
        return f"{count_of(estimate.n_events, events_noun(estimate, evidence.protocol))}, fewer than {fewest}"
    if estimate.n_patients < FEWEST_PATIENTS:
        return f"{count_of(estimate.n_patients, 'patient')}, fewer than {FEWEST_PATIENTS}"
    return None
