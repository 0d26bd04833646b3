"""The units table as arrays: the labelled rows of one model, pass and target, and how failures count among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from validate.errors import DataError
from validate.estimation.marked import LESION, Marked, Tables, lesion_levels, marked_rows, members_of
from validate.estimation.measured import counted, defined, measures_of
from validate.metrics.metric import Array, Rows
from validate.protocol.model import Model
from validate.protocol.targets import ALL
from validate.results.levels import MISSING
from validate.results.units import STRATUM_PREFIX

Rule = Literal["worst_case", "best_case", "excluded"]
UNREADABLE = "decode:"  # how the reason of a file that could not be read begins; other reasons are the model's
RULES: Mapping[str, Rule] = {
    "worst_case": "worst_case",
    "best_case": "best_case",
    "excluded": "excluded",
    "exclude_and_report": "excluded",
}


@dataclass(frozen=True, slots=True)
class Groups:
    """attributes, levels : one per group, both None for all cases together    members : (group, n) bool"""

    attributes: tuple[str | None, ...]
    levels: tuple[str | None, ...]
    members: NDArray[np.bool_]

    def of(self, attribute: str) -> list[int]:
        """Places of the groups of one attribute."""
        return [place for place, name in enumerate(self.attributes) if name == attribute]

    @property
    def overall(self) -> Groups:
        """The first group alone."""
        return Groups(self.attributes[:1], self.levels[:1], self.members[:1])

    def stratum(self, place: int) -> dict[str, str]:
        """As an estimate carries it: {} or {attribute: level}."""
        attribute, level = self.attributes[place], self.levels[place]
        return {} if attribute is None or level is None else {attribute: level}


@dataclass(frozen=True, slots=True)
class Cases:
    """Labelled rows, in table order.

    score : float64, NaN where failed (in memory only)    unreadable : failed because the file could not be read
    cluster, patient : int64, numbered over the whole table in table order, so all models and passes share them
    answered : the answer by a rule that is no threshold, NaN where failed; None where a threshold decides
    classes : of the target of all classes, how many there are; else 0. Then `true` is each case's class, and `scores` (n, K)
        the score of each class, or None where the model gives one number
    measures : of a task that measures each case, by name, NaN without a value; None of any other
    left_out : rows that enter no sample, because the other half of their pair has no value
    marked : of a task that judges marks, the marks and lesions of these cases
    """

    model: str
    pass_id: str
    target: str
    score: NDArray[np.float64]
    positive: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    unreadable: NDArray[np.bool_]
    cluster: NDArray[np.int64]
    patient: NDArray[np.int64]
    groups: Groups
    answered: NDArray[np.float64] | None = None
    classes: int = 0
    true: NDArray[np.int64] | None = None
    scores: NDArray[np.float64] | None = None
    measures: Mapping[str, NDArray[np.float64]] | None = None
    left_out: NDArray[np.bool_] | None = None
    marked: Marked | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows as one rule has them counted, ready for metrics; groups and failed per group beside them.

    counted : (n,) rows that are cases, where others are lesions and marks; None where all are
    """

    rows: Rows
    cluster: NDArray[np.int64]
    patient: NDArray[np.int64]
    groups: Groups
    failed: NDArray[np.int64]
    counted: NDArray[np.bool_] | None = None

    def cases(self, members: NDArray[np.bool_]) -> int:
        """How many cases are among these rows."""
        return int((members if self.counted is None else members & self.counted).sum())


@dataclass(frozen=True, slots=True)
class Threshold:
    """The operating point."""

    value: float
    inclusive: bool = True

    def flags(self, score: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which rows are flagged; -inf never is."""
        return np.asarray(score >= self.value if self.inclusive else score > self.value)


def threshold_of(model: Model, target: str) -> Threshold | None:
    """What flags a case on this target; None where there is no operating point, or its rule is no threshold."""
    point = model.operating_point
    if point is None:
        return None
    value = point.threshold if point.thresholds is None else point.thresholds.get(target)
    return None if value is None else Threshold(value, inclusive=point.rule == ">=")


def conditions(threshold: Threshold | None) -> dict[str, float]:
    """What a number is read under."""
    return {} if threshold is None else {"threshold": threshold.value}


def cases_of(
    units: pa.Table, attributes: tuple[str, ...], *, classes: int = 0, marked: Tables | None = None
) -> Iterator[Cases]:
    """One Cases for each model, pass and target of the units table, in table order; of marks of several classes, then one of all
    classes together, for what is a mean over them. Raises DataError without labels.

    classes : how many classes or grades the study has      marked : of a task that judges marks, its tables
    """
    cluster, patient = _codes(units["cluster"]), _codes(units["patient"])
    labelled = _equals(units["label_status"], "present")
    if not labelled.any():
        raise DataError("results: no row has a reference label, so nothing can be estimated.")
    parts = [units[name].combine_chunks().dictionary_encode() for name in ("model", "pass", "target")]
    codes = np.stack([part.indices.to_numpy(zero_copy_only=False) for part in parts])
    levels = {
        name: units[f"{STRATUM_PREFIX}{name}"] for name in attributes if f"{STRATUM_PREFIX}{name}" in units.column_names
    }
    keys: list[tuple[int, int, int]] = list(dict.fromkeys(map(tuple, codes.T.tolist())))
    names = [(*(part.dictionary[place].as_py() for part, place in zip(parts, key, strict=True)),) for key in keys]
    if marked is not None and len({key[2] for key in keys}) > 1:
        first = keys[0][2]  # cases, and which of them failed, are those of any class
        names += [(*name[:2], ALL) for key, name in zip(keys, names, strict=True) if key[2] == first]
        keys += [key for key in keys if key[2] == first]
    for key, (model, pass_id, target) in zip(keys, names, strict=True):
        chosen = np.flatnonzero(labelled & (codes == np.array(key)[:, None]).all(axis=0))
        rows = pa.array(chosen)
        failed = _equals(units["status"].take(rows), "failed")
        label = _numbers(units["label"].take(rows))
        together = target == ALL and classes > 0 and marked is None
        own = None if marked is None else marked.of(model, pass_id, target, units["unit"].take(rows).to_pylist())
        groups = groups_of({name: column.take(rows).to_pylist() for name, column in levels.items()}, chosen.size)
        yield Cases(
            model=model,
            pass_id=pass_id,
            target=target,
            score=_numbers(units["score"].take(rows)),
            positive=label == 1.0,
            failed=failed,
            unreadable=failed & _begins(units["failure"].take(rows), UNREADABLE),
            cluster=cluster[chosen],
            patient=patient[chosen],
            groups=groups
            if own is None
            else with_lesions(groups, [one for one in lesion_levels(own) if one[0] in attributes]),
            marked=own,
            answered=_numbers(units["answer"].take(rows)) if "answer" in units.column_names else None,
            classes=classes if together else 0,
            true=label.astype(np.int64) if together else None,
            scores=_class_scores(units["scores"].take(rows), classes) if together else None,
            measures=measures_of(units.take(rows)),
        )


def class_strata(units: pa.Table) -> NDArray[np.int64]:
    """(clusters,) 0 without a labelled row, 1 negatives only, 2 positives only, 3 both: a stratum of their own."""
    cluster = _codes(units["cluster"])
    labelled = _equals(units["label_status"], "present")
    positive = _numbers(units["label"]) == 1.0
    count = int(cluster.max(initial=-1)) + 1
    with_negative = np.bincount(cluster[labelled & ~positive], minlength=count) > 0
    with_positive = np.bincount(cluster[labelled & positive], minlength=count) > 0
    return np.asarray(with_negative + 2 * with_positive, np.int64)


def groups_of(levels: Mapping[str, list[str]], size: int) -> Groups:
    """All cases first, then each level of each attribute, in order of name with "missing" last."""
    attributes: list[str | None] = [None]
    names: list[str | None] = [None]
    members = [np.ones(size, np.bool_)]
    for attribute, values in levels.items():
        column = pa.array(values, pa.string()).dictionary_encode()
        codes, known = column.indices.to_numpy(zero_copy_only=False), column.dictionary.to_pylist()
        for level in sorted(known, key=lambda name: (name == MISSING, name)):
            attributes.append(attribute)
            names.append(level)
            members.append(codes == known.index(level))
    return Groups(tuple(attributes), tuple(names), np.stack(members))


def with_lesions(groups: Groups, levels: Sequence[tuple[str, str]]) -> Groups:
    """The groups of cases, then those of lesions: every case may have a lesion in each of them."""
    everybody = np.ones((len(levels), groups.members.shape[1]), np.bool_)
    return Groups(
        (*groups.attributes, *(attribute for attribute, _ in levels)),
        (*groups.levels, *(level for _, level in levels)),
        np.concatenate((groups.members, everybody)),
    )


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


def _class_scores(column: pa.ChunkedArray, classes: int) -> NDArray[np.float64] | None:
    """(n, K), NaN where failed; None where the model gives one number a case."""
    values = column.to_pylist()
    if all(row is None for row in values):
        return None
    return np.array([[np.nan] * classes if row is None else row for row in values], np.float64)


def _falls_under(cases: Cases, rule: str, unreadable: Rule, failure: Rule) -> NDArray[np.bool_]:
    ours, models = cases.unreadable, cases.failed & ~cases.unreadable
    return (ours if unreadable == rule else np.zeros_like(ours)) | (
        models if failure == rule else np.zeros_like(models)
    )


def _codes(column: pa.ChunkedArray) -> NDArray[np.int64]:
    encoded = column.combine_chunks().dictionary_encode()
    return np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)


def _equals(column: pa.ChunkedArray, text: str) -> NDArray[np.bool_]:
    encoded = column.combine_chunks().dictionary_encode()
    hit = np.array([value == text for value in encoded.dictionary.to_pylist()] + [False], dtype=np.bool_)
    return np.asarray(hit[encoded.indices.fill_null(hit.size - 1).to_numpy(zero_copy_only=False)])


def _begins(column: pa.ChunkedArray, prefix: str) -> NDArray[np.bool_]:
    encoded = column.combine_chunks().dictionary_encode()
    hit = np.array([value.startswith(prefix) for value in encoded.dictionary.to_pylist()] + [False], dtype=np.bool_)
    return np.asarray(hit[encoded.indices.fill_null(hit.size - 1).to_numpy(zero_copy_only=False)])


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(column.combine_chunks().fill_null(float("nan")).to_numpy(zero_copy_only=False), dtype=np.float64)
