"""The units table as arrays: the labelled rows of one model, pass and target, and how failures count among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from validate.errors import DataError
from validate.estimation.cluster_words import PATIENT
from validate.estimation.groups import Groups, groups_of, with_lesions
from validate.estimation.marked import Marked, Tables, lesion_levels
from validate.estimation.measured import measures_of
from validate.protocol.targets import ALL
from validate.results.units import STRATUM_PREFIX

UNREADABLE = "decode:"  # how the reason of a file that could not be read begins; other reasons are the model's


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
    marked : of a task that judges marks, the marks and lesions of these cases      resampled : what a cluster is, as in "site"
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
    resampled: str = PATIENT


def cases_of(
    units: pa.Table,
    attributes: tuple[str, ...],
    *,
    classes: int = 0,
    marked: Tables | None = None,
    resampled: str = PATIENT,
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
            resampled=resampled,
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


def _class_scores(column: pa.ChunkedArray, classes: int) -> NDArray[np.float64] | None:
    """(n, K), NaN where failed; None where the model gives one number a case."""
    values = column.to_pylist()
    if all(row is None for row in values):
        return None
    return np.array([[np.nan] * classes if row is None else row for row in values], np.float64)


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
