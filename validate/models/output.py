"""From a model's raw numbers to scores: every step is stated in the protocol, none is guessed.

The numbers are read as float64 and the stated activation is computed here, in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.errors import ModelError
from validate.models.prediction import ONLY_TARGET, ClassScores, Failure
from validate.protocol.model import Model, Output
from validate.protocol.targets import written

ROUNDING = 1e-6  # float32 arithmetic may leave a probability this far outside [0, 1]; it is put back on the limit


def output_name(names: tuple[str, ...], *, model: Model) -> str:
    """The output that is read. Raises ModelError where it isn't there, or isn't said and there are several."""
    wanted, place = model.output.name, f"models.{model.id}.output.name"
    if names == ("",) and wanted is not None:
        raise ModelError(f"{place}: got '{wanted}', but this model returns one tensor without a name: leave name out.")
    if wanted is not None and wanted not in names:
        raise ModelError(f"{place}: no output '{wanted}'; this model's outputs are {_listed(names)}.")
    if wanted is None and len(names) != 1:
        raise ModelError(f"{place}: missing; this model has {len(names)} outputs, {_listed(names)}. Name one of them.")
    return wanted if wanted is not None else names[0]


def check_columns(columns: int, *, model: Model) -> None:
    """Raises ModelError where the stated activation and index can't be read from this many numbers per case."""
    output, place = model.output, f"models.{model.id}.output"
    if output.activation == "softmax" and columns == 1:
        raise ModelError(
            f"{place}.activation: softmax of one number is always 1; this output has one number per case. "
            "Say 'sigmoid' if it is a logit, or 'none'."
        )
    if output.columns is not None:
        if len(output.columns) != columns:
            raise ModelError(
                f"{place}.columns: names {len(output.columns)} numbers, but this output has {columns} per case. Say what "
                "each of them is for, in order."
            )
        return
    if output.index is None and columns > 1:
        raise ModelError(
            f"{place}.index: missing; this output has {columns} numbers per case. "
            f"Say which one is the score, index 0 to {columns - 1}."
        )
    if output.index is not None and not 0 <= output.index < columns:
        raise ModelError(
            f"{place}.index: got {output.index}, but this output has {columns} number{'s' * (columns > 1)} per case: "
            f"index 0 to {columns - 1}."
        )


def voxel_values(raw: NDArray[Any], *, cases: int, size: tuple[int, ...], model: Model) -> NDArray[np.float32]:
    """What a model says of each voxel, (cases, channel, *size), before the stated activation, in float32.

    raw : (cases, channel, *size); (cases, *size) of one channel      Raises ModelError on another shape.
    """
    if raw.ndim == len(size) + 1 and raw.shape == (cases, *size):
        raw = raw[:, None]
    if raw.ndim != len(size) + 2 or raw.shape[0] != cases or raw.shape[2:] != size:
        raise ModelError(
            f"models.{model.id}.output: got an output of shape {tuple(raw.shape)} for {cases} inputs of {size}; expected "
            f"({cases}, channels, {', '.join(map(str, size))}), one value for each voxel that goes in."
        )
    return np.asarray(raw, np.float32)


def activated_voxels(values: NDArray[np.float32], *, model: Model) -> NDArray[np.float32]:
    """The stated activation over the channels, (channel, z, y, x), in float32."""
    if model.output.activation == "sigmoid":
        decay: NDArray[np.float32] = np.exp(-np.abs(values))
        return np.where(values >= 0, 1 / (1 + decay), decay / (1 + decay)).astype(np.float32, copy=False)
    if model.output.activation == "softmax":
        if values.shape[0] == 1:
            check_columns(1, model=model)
        shares: NDArray[np.float32] = np.exp(values - values.max(axis=0))
        shares /= shares.sum(axis=0)
        return shares
    return values


def class_scores(raw: NDArray[Any], *, cases: int, model: Model) -> tuple[ClassScores | Failure, ...]:
    """One result per case.

    raw : (cases,) or (cases, columns), any real type
    A case whose numbers are not all finite is a Failure "nan_output".
    Raises ModelError on another shape, and where a promised probability is outside [0, 1].
    """
    if raw.ndim not in {1, 2} or raw.shape[0] != cases:
        raise ModelError(
            f"models.{model.id}.output: got an output of shape {tuple(raw.shape)} for {cases} cases; expected "
            f"({cases},) or ({cases}, number of classes). Name another output in the protocol, or export the model "
            "with one row per case."
        )
    rows = np.asarray(raw, dtype=np.float64).reshape(cases, -1)
    check_columns(rows.shape[1], model=model)
    finite: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(rows), axis=1)
    scores = _activated(np.where(finite[:, None], rows, 0.0), model.output)
    if model.output.kind == "probability":
        scores = _probabilities(scores, finite, model)
    columns = model.output.columns
    names = (ONLY_TARGET,) if columns is None else tuple(written(name) for name in columns)
    results = zip(finite.tolist(), scores.tolist(), rows.tolist(), strict=True)
    return tuple(
        ClassScores(dict(zip(names, of_case, strict=True)), tuple(row)) if ok else _NOT_FINITE
        for ok, of_case, row in results
    )


_NOT_FINITE = Failure("nan_output", "The model's output holds a number that is not finite.")


def _activated(rows: NDArray[np.float64], output: Output) -> NDArray[np.float64]:
    """(cases, 1): the one score; or (cases, columns) where the protocol says what each is for."""
    chosen = rows if output.columns is not None else rows[:, [output.index or 0]]
    if output.activation == "sigmoid":
        decay = np.exp(-np.abs(chosen))  # never overflows
        return np.where(chosen >= 0, 1 / (1 + decay), decay / (1 + decay))
    if output.activation == "softmax":
        largest = rows.max(axis=1, keepdims=True)
        shares: NDArray[np.float64] = np.exp(chosen - largest) / np.exp(rows - largest).sum(axis=1, keepdims=True)
        return shares
    return chosen


def _probabilities(scores: NDArray[np.float64], finite: NDArray[np.bool_], model: Model) -> NDArray[np.float64]:
    wrong = scores[finite[:, None] & ((scores < -ROUNDING) | (scores > 1 + ROUNDING))]
    if wrong.size == 0:
        return np.clip(scores, 0.0, 1.0)
    raise ModelError(
        f"models.{model.id}.output: got {wrong[0]:.6g} where a probability was promised, which is outside [0, 1]. "
        "If these are logits, say activation: sigmoid (or softmax); if percentages, say so in a predictions model "
        "(percent: true); if they are scores on another scale, say kind: score."
    )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names) or "none"
