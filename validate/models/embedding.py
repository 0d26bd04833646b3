"""A model's second output: inner numbers of each case, which stand beside its score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.errors import ModelError
from validate.models.prediction import ClassScores, Failure, Prediction
from validate.protocol.model import Embedding, Model


def embedding_output(names: Sequence[str], *, model: Model) -> None:
    """Raises ModelError where the model has no output of the declared name."""
    declared = model.output.embedding
    if declared is not None and declared.name not in names:
        listed = ", ".join(f"'{name}'" for name in names if name) or "without names"
        raise ModelError(
            f"models.{model.id}.output.embedding.name: no output '{declared.name}'; this model's outputs are {listed}. "
            "Export the model with its inner values as an output of their own, or leave embedding out."
        )


def declared_shape(shape: Sequence[int | str | None], *, model: Model) -> None:
    """Raises ModelError where the file itself says that the output has another shape."""
    declared = model.output.embedding
    assert declared is not None
    if len(shape) != 2 or (isinstance(shape[1], int) and shape[1] != declared.numbers):
        raise _misshapen(model, declared, list(shape))


def embeddings(raw: NDArray[Any], *, cases: int, model: Model) -> list[tuple[float, ...]]:
    """One of each case, () where a number is not finite.

    raw : (cases, size), any real type      Raises ModelError on another shape.
    """
    declared = model.output.embedding
    assert declared is not None
    if raw.shape[:1] != (cases,) or raw.ndim != 2 or raw.shape[1] != declared.numbers or raw.dtype.kind not in "fiu":
        raise _misshapen(model, declared, list(raw.shape), cases)
    rows = np.asarray(raw, np.float64)
    finite: list[bool] = np.logical_and.reduce(np.isfinite(rows), axis=1).tolist()
    return [tuple(row) if ok else () for row, ok in zip(rows.tolist(), finite, strict=True)]


def with_embeddings(
    results: Sequence[ClassScores | Failure], found: Sequence[tuple[float, ...]]
) -> list[Prediction | Failure]:
    """Each score with its embedding; failures as they are."""
    return [
        one if isinstance(one, Failure) else replace(one, embedding=inner)
        for one, inner in zip(results, found, strict=True)
    ]


def _misshapen(model: Model, declared: Embedding, shape: list[Any], cases: int | None = None) -> ModelError:
    of = "" if cases is None else f" for {cases} cases"
    wanted = f"({'batch' if cases is None else cases}, {declared.numbers})"
    return ModelError(
        f"models.{model.id}.output.embedding: '{declared.name}' has the shape {shape}{of}; expected {wanted}, one row of "
        f"{declared.numbers} numbers for each case. Say its true size, or export the inner values pooled and flat."
    )
