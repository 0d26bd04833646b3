"""What a table asks and answers: one yes-or-no question, one for each class, finding or step, and all classes together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from validate.casewise.measure import BESIDE, MEASURES
from validate.errors import DataError
from validate.estimation.threshold import Threshold
from validate.protocol.targets import ALL, AT_LEAST, FITTING, MEASURED, TOGETHER, written

BINARY = frozenset({"classification"})


@dataclass(frozen=True, slots=True)
class Question:
    """target : as an estimate names it      columns : of metrics.metric.Rows      tasks : whose metrics it can be read by"""

    target: str
    columns: Mapping[str, NDArray[Any]]
    condition: Mapping[str, float] = field(default_factory=dict)
    tasks: frozenset[str] = BINARY


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The arguments of `evaluate` that say what stands in which column."""

    task: str
    truth: str | Mapping[str, str] | None
    score: str | None
    scores: Mapping[Any, str] | None
    predicted: str | None
    classes: Sequence[object] | None
    threshold: float | Mapping[str, float] | None
    threshold_rule: str
    cuts: Sequence[float] | None
    positive: object


def questions(table: pa.Table, asked: Asked) -> tuple[Question, ...]:
    """Every question of the task, in the order that its estimates come. Raises DataError, in a sentence."""
    _refuse_strangers(asked)
    if asked.task == "multilabel":
        return _findings(table, asked)
    if asked.task in MEASURED:
        return (_measured(table, asked),)
    if asked.task == "classification":
        if not isinstance(asked.truth, str) or asked.score is None:
            raise DataError("truth and score: name one column each; for several findings say task='multilabel'.")
        return (_binary(table, asked, asked.truth, asked.truth, asked.score, asked.threshold),)
    return _graded(table, asked)


def column(table: pa.Table, name: str) -> pa.ChunkedArray:
    """One column. Raises DataError naming the nearest."""
    if name not in table.column_names:
        near = get_close_matches(name, table.column_names, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise DataError(f"frame: no column '{name}'; its columns are {', '.join(map(repr, table.column_names))}.{hint}")
    if table.column_names.count(name) > 1:
        raise DataError(f"frame: {table.column_names.count(name)} columns are called '{name}'; leave one.")
    return table[name]


def _refuse_strangers(asked: Asked) -> None:
    """What belongs to another task is refused, never ignored."""
    belongs = {
        "truth": ("classification", "multiclass", "ordinal", "multilabel"),
        "scores": ("multiclass", "ordinal", "multilabel", "segmentation"),
        "predicted": ("multiclass", "ordinal"),
        "classes": ("multiclass", "ordinal"),
        "cuts": ("ordinal",),
        "threshold": ("classification", "multilabel"),
        "score": ("classification", "ordinal"),
    }
    for name, tasks in belongs.items():
        if getattr(asked, name) is not None and asked.task not in tasks:
            raise DataError(f"{name}: does not belong to task '{asked.task}', but to {' or '.join(tasks)}.")


def _measured(table: pa.Table, asked: Asked) -> Question:
    """What was measured of each case's masks. Raises DataError for what is no measure, or lies beyond its bounds."""
    known = {**MEASURES, **dict.fromkeys(BESIDE)}
    columns: dict[str, NDArray[Any]] = {}
    for name, where in (asked.scores or {}).items():
        if name not in known:
            raise DataError(f"scores: no measure '{name}'; there are {', '.join(known)}.")
        columns[str(name)] = values = numbers(column(table, where), where)
        measure = MEASURES.get(str(name))
        low, high = measure.bounds if measure is not None else (-np.inf, np.inf)
        outside = values[(values < low) | (values > high)]
        if outside.size:
            raise DataError(
                f"column '{where}': {outside.size} of {values.size} rows lie outside {low:g} to {high:g}, where {name} lies; "
                f"the first is {outside[0]:g}."
            )
    if not columns:
        raise DataError("scores: task 'segmentation' needs {measure: column}, such as {'dice': 'dice'}.")
    return Question("masks", columns, tasks=MEASURED)


def _binary(
    table: pa.Table, asked: Asked, target: str, truth: str, score: str, threshold: float | Mapping[str, float] | None
) -> Question:
    if isinstance(threshold, Mapping):
        raise DataError(
            "threshold: got one for each finding, expected a number; for several findings say task='multilabel'."
        )
    columns: dict[str, NDArray[Any]] = {
        "score": numbers(column(table, score), score),
        "positive": _positives(column(table, truth), truth, asked.positive),
    }
    if threshold is None:
        return Question(target, columns)
    rule = Threshold(float(threshold), inclusive=asked.threshold_rule == ">=")
    return Question(target, {**columns, "flagged": rule.flags(columns["score"])}, {"threshold": float(threshold)})


def _findings(table: pa.Table, asked: Asked) -> tuple[Question, ...]:
    truth, scores = asked.truth, asked.scores
    if (
        truth is None
        or isinstance(truth, str)
        or scores is None
        or [str(name) for name in truth] != [str(name) for name in scores]
    ):
        raise DataError(
            "truth and scores: task 'multilabel' needs both as {finding: column}, of the same findings in the same order."
        )
    found = []
    for name, label in truth.items():
        threshold = asked.threshold
        if isinstance(threshold, Mapping):
            if name not in threshold:
                raise DataError(f"threshold: none for '{name}'; there are {', '.join(map(repr, threshold))}.")
            threshold = threshold[name]
        found.append(_binary(table, asked, name, label, scores[name], threshold))
    return tuple(found)


def _graded(table: pa.Table, asked: Asked) -> tuple[Question, ...]:
    """Each class against the rest, or each grade and above, and all of them together."""
    if not isinstance(asked.truth, str) or asked.classes is None:
        raise DataError(
            f"truth and classes: task '{asked.task}' needs the column of labels and every value it may hold, in order."
        )
    names = [written(value) for value in asked.classes]
    if len(names) < 3 or len(set(names)) < len(names):
        raise DataError(f"classes: got {', '.join(names) or 'none'}; expected at least three different ones.")
    true = _numbered(column(table, asked.truth), asked.truth, names)
    scores = _class_scores(table, asked, names)
    single = numbers(column(table, asked.score), asked.score) if asked.score is not None else None
    predicted = _predicted(table, asked, names, scores, single)
    together = {"true": true, "predicted": predicted} | ({"scores": scores} if scores is not None else {})
    found = []
    for place, name in enumerate(names):
        if asked.task == "multiclass" or place:
            columns = _step(asked.task, place, true, predicted, scores, single)
            found.append(Question(name if asked.task == "multiclass" else f"{AT_LEAST}{name}", columns))
    tasks = FITTING[asked.task] & TOGETHER
    return (*found, Question(ALL, together, {"classes": float(len(names))}, tasks))


def _step(
    task: str,
    place: int,
    true: NDArray[Any],
    predicted: NDArray[Any],
    scores: NDArray[Any] | None,
    single: NDArray[Any] | None,
) -> dict[str, NDArray[Any]]:
    """Columns of one class against the rest, or of one grade and above."""
    upward = task == "ordinal"
    columns = {
        "positive": true >= place if upward else true == place,
        "flagged": predicted >= place if upward else predicted == place,
    }
    if scores is not None:
        columns["score"] = np.minimum(scores[:, place:].sum(axis=1), 1.0) if upward else scores[:, place]
    elif single is not None:
        columns["score"] = single
    return columns


def _class_scores(table: pa.Table, asked: Asked, names: Sequence[str]) -> NDArray[np.float64] | None:
    if asked.scores is None:
        return None
    by_name = {written(name): where for name, where in asked.scores.items()}
    if set(by_name) != set(names):
        raise DataError(f"scores: is for {', '.join(by_name)}, and the classes are {', '.join(names)}.")
    return np.stack([numbers(column(table, by_name[name]), by_name[name]) for name in names], axis=1)


def _predicted(
    table: pa.Table, asked: Asked, names: Sequence[str], scores: NDArray[Any] | None, single: NDArray[Any] | None
) -> NDArray[np.int64]:
    if asked.predicted is not None:
        return _numbered(column(table, asked.predicted), asked.predicted, names)
    if single is not None:
        cuts = list(asked.cuts or ())
        if len(cuts) != len(names) - 1 or any(a >= b for a, b in pairwise(cuts)):
            raise DataError(
                f"cuts: got {cuts}, expected {len(names) - 1} rising numbers, which turn the score into grades."
            )
        return np.asarray(np.searchsorted(cuts, single, side="right"), np.int64)
    if scores is None:
        more = ", score with cuts" if asked.task == "ordinal" else ""
        raise DataError(f"task '{asked.task}' needs the answers: predicted, or scores of every class{more}.")
    return np.asarray(scores.argmax(axis=1), np.int64)


def _numbered(values: pa.ChunkedArray, name: str, names: Sequence[str]) -> NDArray[np.int64]:
    """Each value's place among the classes."""
    place = {one: number for number, one in enumerate(names)}
    texts = [None if value is None or value != value else written(value) for value in values.to_pylist()]  # noqa: PLR0124
    missing = texts.count(None)
    if missing:
        raise DataError(f"column '{name}': {missing} of {len(texts)} rows are empty. Leave them out, and say how many.")
    strangers = sorted({text for text in texts if text not in place and text is not None})
    if strangers:
        raise DataError(
            f"column '{name}': holds {', '.join(map(repr, strangers[:6]))}; the classes are {', '.join(names)}."
        )
    return np.array([place[text] for text in texts if text is not None], np.int64)


def numbers(values: pa.ChunkedArray, name: str) -> NDArray[np.float64]:
    """A column of finite numbers. Raises DataError, with how many are not."""
    if not (pa.types.is_floating(values.type) or pa.types.is_integer(values.type) or pa.types.is_decimal(values.type)):
        raise DataError(f"column '{name}': got {values.type}, expected numbers.")
    found = np.asarray(values.cast(pa.float64()).to_numpy(), dtype=np.float64)
    missing, infinite = int(np.isnan(found).sum()), int(np.isinf(found).sum())
    if missing:
        raise DataError(
            f"column '{name}': {missing} of {found.size} rows have no number (empty or NaN). Cases without an output "
            "must not vanish: a protocol counts them by a rule (validate run); here, decide and pass complete rows."
        )
    if infinite:
        raise DataError(f"column '{name}': {infinite} of {found.size} rows are infinite; expected finite numbers.")
    return found


def _positives(values: pa.ChunkedArray, name: str, positive: object) -> NDArray[np.bool_]:
    found = values.to_pylist()
    missing = sum(value is None or value != value for value in found)  # noqa: PLR0124 (NaN is not itself)
    if missing:
        raise DataError(
            f"column '{name}': {missing} of {len(found)} rows have no label. Leave them out, and say how many."
        )
    levels = sorted(set(found), key=str)
    others = [level for level in levels if level != positive]
    if len(others) > 1 or (len(levels) > 1 and positive not in levels):
        shown = ", ".join(repr(level) for level in levels[:6])
        raise DataError(
            f"column '{name}': holds {shown}; expected {positive!r} and one other value. Say which is positive: positive=…"
        )
    return np.array([value == positive for value in found], dtype=np.bool_)
