"""From a model's scores to the answer on every target that the study asks about, by the rule that was locked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from validate.protocol.model import Model
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import Target, label_columns, targets_of, written

BY_TARGET = ("multilabel", "segmentation", "detection")  # tasks whose reference has a row for each target
GRADED = ("multiclass", "ordinal")  # tasks whose cases have one class, and whose answers are classes


def by_target(protocol: StudyProtocol, reference: pa.Table) -> dict[str, pa.Table]:
    """The reference by finding; of any other study, the whole under the name of its only column."""
    if protocol.task not in BY_TARGET:
        return {label_columns(protocol.reference)[0]: reference}
    names = reference["target"].to_pylist()
    return {
        target.name: reference.filter(pa.array([name == target.name for name in names])).drop_columns(["target"])
        for target in targets_of(protocol)
    }


def labelled(protocol: StudyProtocol, asked: pa.Table, labels: Mapping[str, pa.Table], of_case: pa.Array) -> pa.Table:
    """status, label of every row of `asked`: on a class, a finding or a step 1 or 0, on all classes the class's number.

    labels : by_target's tables in case order    of_case : the case of each row
    """
    if protocol.task == "classification":
        return next(iter(labels.values())).take(of_case)
    known = {target.name: target for target in targets_of(protocol)}
    cases = np.asarray(of_case.to_numpy(zero_copy_only=False))
    statuses: list[str] = []
    values: list[float | None] = []
    columns = {name: (part["status"].to_pylist(), part["label"].to_pylist()) for name, part in labels.items()}
    only = next(iter(columns))
    for name, case in zip(asked["target"].to_pylist(), cases.tolist(), strict=True):
        status, label = columns[name if name in columns and protocol.task in BY_TARGET else only]
        statuses.append(status[case])
        values.append(_on(known[name], label[case]))
    return pa.table({"status": pa.array(statuses, pa.string()), "label": pa.array(values, pa.float64())})


def _on(target: Target, label: float | None) -> float | None:
    """What a label says on one target."""
    if label is None or target.kind in {"finding", "all", "only", "structure", "lesion"}:
        return label
    return float(label == target.place if target.kind == "class" else label >= target.place)


def answered(protocol: StudyProtocol, inference: pa.Table) -> pa.Table:
    """The inference table on the study's targets; with "answer" and "scores" where answers are classes.

    inference : ordered by model, pass, score and case. Rows come out ordered by model, pass, target and case.
    """
    if protocol.task not in GRADED:
        return _ranked(protocol, inference)
    models = {model.id: model for model in protocol.models}
    parts = [
        part for stretch in _stretches(inference) for part in _on_targets(protocol, models[stretch.model], stretch)
    ]
    return pa.concat_tables(parts) if parts else inference


def _ranked(protocol: StudyProtocol, inference: pa.Table) -> pa.Table:
    """With "answer" where a rule looks at all of a model's numbers: is this one the highest, or among the k highest?

    Of a tie, the earlier number is the higher one. No answer of a model whose rule is a threshold.
    """
    rules = {model.id: depth for model in protocol.models if (depth := _depth(model)) is not None}
    if not rules:
        return inference
    models = {model.id: model for model in protocol.models}
    answers: list[float | None] = []
    for name, target, raw in zip(*(inference[key].to_pylist() for key in ("model", "target", "raw")), strict=True):
        depth = rules.get(name)
        if depth is None or not raw:
            answers.append(None)
            continue
        place = _place(models[name], target)
        above = sum(value > raw[place] or (value == raw[place] and other < place) for other, value in enumerate(raw))
        answers.append(float(above < depth))
    nothing = pa.nulls(inference.num_rows, pa.list_(pa.float64()))
    return inference.append_column("answer", pa.array(answers, pa.float64())).append_column("scores", nothing)


def _depth(model: Model) -> int | None:
    """How many of the highest numbers count; None where a threshold decides."""
    point = model.operating_point
    if point is None or point.rule not in {"argmax", "top_k"}:
        return None
    return point.k if point.rule == "top_k" and point.k is not None else 1


def _place(model: Model, target: str) -> int:
    """Which of the model's numbers is this target's."""
    if model.output.columns is None:
        return model.output.index or 0
    return [written(column) for column in model.output.columns].index(target)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """One model and pass: rows of its first score, and the scores (case, score), NaN where failed."""

    model: str
    rows: pa.Table
    scores: NDArray[np.float64]


def _stretches(inference: pa.Table) -> Iterator[_Stretch]:
    keys = list(zip(inference["model"].to_pylist(), inference["pass"].to_pylist(), strict=True))
    for key in dict.fromkeys(keys):
        part = inference.filter(pa.array([other == key for other in keys]))
        names = part["target"].to_pylist()
        count = len(dict.fromkeys(names))
        scores = np.array([np.nan if x is None else x for x in part["score"].to_pylist()], np.float64)
        yield _Stretch(key[0], part.slice(0, part.num_rows // count), scores.reshape(count, -1).T)


def _on_targets(protocol: StudyProtocol, model: Model, stretch: _Stretch) -> Iterator[pa.Table]:
    failed: NDArray[np.bool_] = np.isnan(stretch.scores).max(axis=1)
    answer = np.where(failed, np.nan, _answers(model, stretch.scores))
    several = model.output.columns is not None
    nothing = pa.nulls(stretch.rows.num_rows, pa.list_(pa.float64()))
    for target in targets_of(protocol):
        if target.kind == "all":
            of_class = [None if bad else row for bad, row in zip(failed, stretch.scores.tolist(), strict=True)]
            scores = pa.array(of_class, pa.list_(pa.float64())) if several else nothing
            yield _table(stretch.rows, target, score=answer, answer=answer, scores=scores)
        else:
            chosen = answer == target.place if target.kind == "class" else answer >= target.place
            said = np.where(failed, np.nan, chosen.astype(np.float64))
            yield _table(stretch.rows, target, score=_score(target, stretch.scores), answer=said, scores=nothing)


def _answers(model: Model, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """(case,) the class's number: the highest score, of a tie the first; or how many cuts the one score has reached."""
    point = model.operating_point
    assert point is not None
    if point.cuts is not None:
        return np.asarray(np.searchsorted(point.cuts, scores[:, 0], side="right"), np.float64)
    return np.asarray(np.where(np.isnan(scores), -np.inf, scores).argmax(axis=1), np.float64)


def _score(target: Target, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of a class its own; of a step the sum of the grades from there on, or the one score itself."""
    if scores.shape[1] == 1:
        return scores[:, 0]
    if target.kind == "class":
        return scores[:, target.place]
    together: NDArray[np.float64] = scores[:, target.place :].sum(axis=1)
    return np.minimum(together, 1.0)  # rounding may carry a sum a hair above 1


def _table(rows: pa.Table, target: Target, *, score: Any, answer: Any, scores: Any) -> pa.Table:
    place = rows.column_names.index("target")
    name = pa.array([target.name] * rows.num_rows, pa.string())
    table = rows.set_column(place, pa.field("target", pa.string(), nullable=False), [name])
    numbers = {"score": score, "answer": answer}
    for column, values in numbers.items():
        array = pa.array(values, pa.float64(), from_pandas=True)
        here = table.column_names.index(column) if column in table.column_names else table.num_columns
        change = table.set_column if here < table.num_columns else table.add_column
        table = change(here, pa.field(column, pa.float64()), [array])
    return table.append_column("scores", [scores])
