"""Several answers on one case → one, by the rule that the protocol states. Of a failure among them nothing is averaged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from validate.errors import ModelError
from validate.models.output import class_scores
from validate.models.prediction import ClassScores, Failure, Prediction
from validate.protocol.model import Model

Rule = Literal["mean", "median", "max"]
Subject = Literal["scores", "raw"]


def combined(
    answers: Sequence[Sequence[Prediction | Failure]],
    *,
    names: Sequence[str],
    rule: Rule,
    of: Subject,
    model: Model,
    weights: Sequence[float] | None = None,
) -> list[Prediction | Failure]:
    """One answer a case.

    answers : per member, one per case      names : of the members, for messages
    of : "scores" combines what came out after the stated activation, "raw" what came out before it
    Raises ModelError for answers that are no scores.
    """
    return [
        _one(list(of_case), names, rule=rule, of=of, model=model, weights=weights)
        for of_case in zip(*answers, strict=True)
    ]


def _one(
    answers: Sequence[Prediction | Failure],
    names: Sequence[str],
    *,
    rule: Rule,
    of: Subject,
    model: Model,
    weights: Sequence[float] | None,
) -> Prediction | Failure:
    scores: list[ClassScores] = []
    for name, answer in zip(names, answers, strict=True):
        if isinstance(answer, Failure):
            return Failure(answer.reason, f"{name}: {answer.detail}")
        if not isinstance(answer, ClassScores):
            raise ModelError(
                f"models.{model.id}: {name} answered with {type(answer).__name__}; only scores can be combined."
            )
        scores.append(answer)
    if of == "raw":
        (result,) = class_scores(
            by_rule(rule, np.array([one.raw for one in scores]), weights)[None], cases=1, model=model
        )
        return result
    keys = list(scores[0].scores)
    together = by_rule(rule, np.array([[one.scores[key] for key in keys] for one in scores]), weights)
    raw = tuple(value for one in scores for value in one.raw)
    return ClassScores(dict(zip(keys, together.tolist(), strict=True)), raw)


def by_rule(rule: Rule, rows: NDArray[Any], weights: Sequence[float] | None) -> NDArray[Any]:
    """(member, …) → (…)."""
    if rule == "mean":
        return np.asarray(np.average(rows, axis=0, weights=weights))
    return np.asarray(np.median(rows, axis=0) if rule == "median" else rows.max(axis=0))
