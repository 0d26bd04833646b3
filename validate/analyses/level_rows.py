"""The rows of a forest plot: every level of every stratifying attribute, and how it differs from all other cases."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from validate.analyses.analysis import Evidence
from validate.analyses.differences import Difference, GroupValues, differences, group_values
from validate.analyses.samples import ModelSamples
from validate.analyses.selection import Selection
from validate.analyses.wording import count_of, events_noun, metric_of
from validate.estimation.estimate import Estimate
from validate.protocol.schema import Endpoint, Model
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


def level_table(evidence: Evidence, samples: ModelSamples, endpoint: Endpoint) -> LevelTable | None:
    """None where the endpoint was not estimated over all cases and by group."""
    selection, model = Selection(evidence.estimates), samples.model
    overall = selection.overall(endpoint.id, model.id)
    levels = [
        LevelRow(attribute, estimate.stratum[attribute], estimate, _why_greyed(evidence, model, endpoint, estimate))
        for attribute in stratum_attributes(evidence.protocol)
        for estimate in selection.levels(endpoint.id, model.id, attribute)
    ]
    if overall is None or not levels:
        return None
    both = _values(samples, endpoint, levels)
    if both is None:
        return LevelTable(overall, tuple(levels), None)
    found = differences(both[0], both[1], [row.readable for row in levels])
    compared = tuple(replace(row, difference=difference) for row, difference in zip(levels, found, strict=True))
    return LevelTable(overall, compared, both[0])


def _values(
    samples: ModelSamples, endpoint: Endpoint, levels: list[LevelRow]
) -> tuple[GroupValues, GroupValues] | None:
    """Values of each level, and of all cases outside it."""
    metric = metric_of(levels[0].estimate)
    condition = {name: float(x) for name, x in endpoint.options.items() if isinstance(x, int | float)}
    sample = (samples.outputs_only if metric.failures == "outputs_only" else samples.locked)(condition)
    if metric.fast is None or len(sample.rows) == 0:
        return None
    known = list(zip(sample.groups.attributes, sample.groups.levels, strict=True))
    inside = sample.groups.members[[known.index((row.attribute, row.level)) for row in levels]]
    values = group_values(metric, sample, np.concatenate([inside, ~inside]), weights=samples.weights)
    return (values.of(slice(None, len(levels))), values.of(slice(len(levels), None))) if values is not None else None


def _why_greyed(evidence: Evidence, model: Model, endpoint: Endpoint, estimate: Estimate) -> str | None:
    """Too few to read: by the events that the protocol asks for, or ten, and by ten patients."""
    asked = [
        criterion.min_events
        for criterion in evidence.protocol.acceptance
        if criterion.endpoint == endpoint.id and criterion.min_events and criterion.model in (None, model.id)
    ]
    fewest = max(asked, default=FEWEST_EVENTS)
    if estimate.n_events < fewest:
        return f"{count_of(estimate.n_events, events_noun(estimate, evidence.protocol))}, fewer than {fewest}"
    if estimate.n_patients < FEWEST_PATIENTS:
        return f"{count_of(estimate.n_patients, 'patient')}, fewer than {FEWEST_PATIENTS}"
    if estimate.status != "ok":
        return estimate.reason or "too few"
    return None
