"""Rows as one rule has them counted: what failed as wrong, as right or left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from validate.estimation.cases import Cases
from validate.estimation.cluster_words import PATIENT
from validate.estimation.groups import Groups
from validate.estimation.marked import LESION, Marked, marked_rows, members_of
from validate.estimation.measured import counted, defined
from validate.estimation.threshold import Threshold
from validate.metrics.metric import Array, Rows

Rule = Literal["worst_case", "best_case", "excluded"]
RULES: Mapping[str, Rule] = {
    "worst_case": "worst_case",
    "best_case": "best_case",
    "excluded": "excluded",
    "exclude_and_report": "excluded",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows as one rule has them counted, ready for metrics; groups and failed per group beside them.

    counted : (n,) rows that are cases, where others are lesions and marks; None where all are
    resampled : what a cluster is, as in "site"      place : (n,) of which case each row is, by its number among all; None where unknown
    """

    rows: Rows
    cluster: NDArray[np.int64]
    patient: NDArray[np.int64]
    groups: Groups
    failed: NDArray[np.int64]
    counted: NDArray[np.bool_] | None = None
    resampled: str = PATIENT
    place: NDArray[np.int64] | None = None

    def is_beside(self, other: Sample) -> bool:
        """Whether each row is of the same case as the other's: one may have left out as many, and not the same."""
        if self.place is None or other.place is None:
            return len(self.rows) == len(other.rows)
        return np.array_equal(self.place, other.place)

    def cases(self, members: NDArray[np.bool_]) -> int:
        """How many cases are among these rows."""
        return int((members if self.counted is None else members & self.counted).sum())


def sample_under(
    cases: Cases,
    *,
    unreadable: Rule,
    failure: Rule,
    threshold: Threshold | None,
    condition: Mapping[str, float],
    needs: Sequence[str] = (),
) -> Sample:
    """Rows with failures counted as wrong (worst_case), right (best_case) or left out, by what failed.

    needs : of a task that measures each case, the measures; rows without a value of one of them are left out
    """
    if cases.marked is not None:
        return _marked_sample(cases, cases.marked, unreadable, failure, threshold, condition, needs)
    columns: dict[str, Array]
    rules = {rule: _falls_under(cases, rule, unreadable, failure) for rule in ("worst_case", "best_case", "excluded")}
    low = (rules["worst_case"] & cases.positive) | (rules["best_case"] & ~cases.positive)
    high = (rules["worst_case"] & ~cases.positive) | (rules["best_case"] & cases.positive)
    score = np.where(low, -np.inf, np.where(high, np.inf, cases.score))
    keep = ~rules["excluded"]
    if cases.measures is not None:
        values = measured_columns(cases, needs, unreadable=unreadable, failure=failure)
        keep &= defined(values) if values else True
        keep &= True if cases.left_out is None else ~cases.left_out
        columns = {name: column[keep] for name, column in values.items()}
        columns["positive"] = cases.positive[keep]
    elif cases.classes:
        columns = _of_all_classes(cases, worst=rules["worst_case"], best=rules["best_case"], keep=keep)
        condition = {**condition, "classes": float(cases.classes)}
    else:
        columns = {"score": score[keep], "positive": cases.positive[keep]}
        flags = _flagged(cases, score, threshold)
        if flags is not None:
            columns["flagged"] = flags[keep]
    return Sample(
        rows=Rows(columns, dict(condition)),
        cluster=cases.cluster[keep],
        patient=cases.patient[keep],
        groups=Groups(
            cases.groups.attributes, cases.groups.levels, np.ascontiguousarray(cases.groups.members[:, keep])
        ),
        failed=(cases.groups.members & cases.failed).sum(axis=1),
        resampled=cases.resampled,
        place=np.flatnonzero(keep),
    )


def _marked_sample(
    cases: Cases,
    marked: Marked,
    unreadable: Rule,
    failure: Rule,
    threshold: Threshold | None,
    condition: Mapping[str, float],
    needs: Sequence[str],
) -> Sample:
    """Groups of lesions only for metrics of lesions: a case has lesions in several of them."""
    worst, best, excluded = (
        _falls_under(cases, rule, unreadable, failure) for rule in ("worst_case", "best_case", "excluded")
    )
    rows = marked_rows(marked, cases=cases.cluster.size, worst=worst, best=best, keep=~excluded)
    columns = rows.columns
    if threshold is not None:
        columns["flagged"] = threshold.flags(columns["score"])
    kept = [
        place
        for place, attribute in enumerate(cases.groups.attributes)
        if attribute not in marked.levels or LESION in needs
    ]
    groups = Groups(
        tuple(cases.groups.attributes[place] for place in kept),
        tuple(cases.groups.levels[place] for place in kept),
        cases.groups.members[kept],
    )
    return Sample(
        rows=Rows(columns, dict(condition)),
        cluster=cases.cluster[rows.case],
        patient=cases.patient[rows.case],
        groups=Groups(groups.attributes, groups.levels, members_of(groups, rows, marked)),
        failed=(groups.members & cases.failed).sum(axis=1),
        counted=rows.kinds == 0,
        resampled=cases.resampled,
        place=rows.case,
    )


def measured_columns(
    cases: Cases, needs: Sequence[str], *, unreadable: Rule, failure: Rule
) -> dict[str, NDArray[np.float64]]:
    """(n,) of each measure, failed rows as the rules have them; NaN without a value."""
    worst, best = (_falls_under(cases, rule, unreadable, failure) for rule in ("worst_case", "best_case"))
    return {name: counted(cases, name, worst=worst, best=best) for name in needs}


def _flagged(cases: Cases, score: Array, threshold: Threshold | None) -> NDArray[np.bool_] | None:
    """By the threshold, or by the answer; a failed row as its score was set."""
    if threshold is not None:
        return threshold.flags(score)
    there = np.isfinite(score)
    if cases.answered is None or (there.any() and bool(np.isnan(cases.answered[there]).all())):
        return None
    return np.where(np.isinf(score), score > 0, cases.answered == 1.0)


def _of_all_classes(cases: Cases, *, worst: Array, best: Array, keep: Array) -> dict[str, Array]:
    """Class, answer and scores of every row; K, the number after the last class, is no answer."""
    assert cases.true is not None and cases.answered is not None
    answer = np.where(np.isnan(cases.answered), cases.classes, cases.answered).astype(np.int64)
    columns = {"true": cases.true[keep], "predicted": np.where(best, cases.true, answer)[keep]}
    if cases.scores is not None:
        own = np.arange(cases.classes) == cases.true[:, None]
        low = (worst[:, None] & own) | (best[:, None] & ~own)
        high = (worst[:, None] & ~own) | (best[:, None] & own)
        columns["scores"] = np.where(low, -np.inf, np.where(high, np.inf, cases.scores))[keep]
    return columns


def _falls_under(cases: Cases, rule: str, unreadable: Rule, failure: Rule) -> NDArray[np.bool_]:
    ours, models = cases.unreadable, cases.failed & ~cases.unreadable
    return (ours if unreadable == rule else np.zeros_like(ours)) | (
        models if failure == rule else np.zeros_like(models)
    )
