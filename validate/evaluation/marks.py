"""`evaluate(task="detection")`: a table of cases, one of marks and one of lesions, judged here or judged already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.estimation.groups import Groups, with_lesions
from validate.estimation.marked import LESION, Marked, lesion_levels, marked_rows, members_of
from validate.estimation.sample import Sample
from validate.evaluation.judging import MarkedTables, judged
from validate.metrics.metric import Rows


@dataclass(frozen=True, slots=True)
class MarkedSamples:
    """What metrics of cases, and what metrics of lesions, are computed from."""

    found: Marked
    patients: NDArray[np.int64]
    groups: Groups
    condition: Mapping[str, float]
    inclusive: bool

    @property
    def told(self) -> tuple[NDArray[Any], ...]:
        """What numbers hang on."""
        found = self.found
        return found.mark_case, found.mark_score, found.lesion_case, found.lesion_score

    def of(self, needs: Sequence[str], options: Mapping[str, float]) -> Sample:
        """Groups of lesions only for metrics of lesions."""
        nobody = np.zeros(self.patients.size, np.bool_)
        rows = marked_rows(self.found, cases=self.patients.size, worst=nobody, best=nobody, keep=~nobody)
        columns = dict(rows.columns)
        if "threshold" in self.condition:
            at = self.condition["threshold"]
            columns["flagged"] = columns["score"] >= at if self.inclusive else columns["score"] > at
        kept = [n for n, name in enumerate(self.groups.attributes) if name not in self.found.levels or LESION in needs]
        groups = Groups(
            tuple(self.groups.attributes[n] for n in kept),
            tuple(self.groups.levels[n] for n in kept),
            self.groups.members[kept],
        )
        members = members_of(groups, rows, self.found)
        return Sample(
            Rows(columns, {**self.condition, **options}),
            self.patients[rows.case],
            self.patients[rows.case],
            Groups(groups.attributes, groups.levels, members),
            np.zeros(len(kept), np.int64),
            counted=rows.kinds == 0,
        )


def marked_samples(
    tables: MarkedTables,
    patients: NDArray[np.int64],
    groups: Groups,
    *,
    threshold: float | None,
    inclusive: bool,
) -> MarkedSamples:
    """Judge the marks. Raises DataError, in a sentence, for what can't be judged."""
    found = judged(tables)
    of_lesions = [name for name in tables.by if name not in tables.cases.column_names]
    levels = [one for one in lesion_levels(found) if one[0] in of_lesions]
    condition = {} if threshold is None else {"threshold": float(threshold)}
    return MarkedSamples(found, patients, with_lesions(groups, levels), condition, inclusive)
