"""From a model's raw numbers to marks: each is looked at before it is believed, and one that is wrong makes the case a failure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.errors import ModelError
from validate.models.prediction import Boxes, Failure, Shape
from validate.protocol.model import Model
from validate.protocol.targets import written

SHAPES: dict[str, Shape] = {"boxes": "box", "points": "point", "balls": "ball"}
COLUMNS = {"box": (4, 6), "point": (2, 3), "ball": (3, 4)}  # numbers of a mark in a plane and in a volume
NAMES = {
    "box": ("x_min", "y_min", "z_min", "x_max", "y_max", "z_max"),
    "point": ("x", "y", "z"),
    "ball": ("x", "y", "z", "diameter"),
}


def marks(geometry: Any, scores: Any, *, model: Model, targets: Sequence[Any] | None = None) -> Boxes | Failure:
    """The marks of one case.

    geometry : (n, columns), as `Boxes` says for the shape that output.kind names      scores : (n,)
    targets : (n,) names of kinds of lesion, or places in output.columns; None where there is one kind
    Raises ModelError where arrays do not fit each other or the declaration: that is no matter of one case.
    """
    shape, place = SHAPES[model.output.kind], f"models.{model.id}.output"
    rows, told = np.asarray(geometry, np.float64), np.asarray(scores, np.float64).reshape(-1)
    if rows.size == 0:
        rows = rows.reshape(0, COLUMNS[shape][-1])
    if rows.ndim != 2 or rows.shape[1] not in COLUMNS[shape] or rows.shape[0] != told.size:
        wanted = " or ".join(map(str, COLUMNS[shape]))
        raise ModelError(
            f"{place}: got marks of shape {rows.shape} with {told.size} scores; a {shape} is {wanted} numbers "
            f"({', '.join(NAMES[shape])}), with one score each."
        )
    if model.output.space is None:
        raise ModelError(
            f"{place}.space: missing; say which coordinates the marks are in: mm, mm_ras, pixels or voxels."
        )
    names = tuple(_name(value, model) for value in targets) if targets is not None else ("",) * told.size
    if len(names) != told.size:
        raise ModelError(f"{place}: got {len(names)} kinds of lesion for {told.size} marks; expected one for each.")
    return checked(Boxes(shape, model.output.space, rows, told, names))


def checked(found: Boxes) -> Boxes | Failure:
    """The marks, or why this case has none that can be counted."""
    if not np.isfinite(found.scores).all():
        return _failure(~np.isfinite(found.scores), "score", "has a score that is no finite number")
    if not np.isfinite(found.geometry).all():
        return _failure(np.asarray(~np.isfinite(found.geometry).all(axis=1)), "geometry", "lies at no finite place")
    if (wrong := _inverted(found)).any():
        what = (
            "has no extent: its upper corner does not lie beyond its lower one"
            if found.shape == "box"
            else "has no diameter"
        )
        return _failure(wrong, "inverted", what)
    rows = [(name, *row) for name, row in zip(found.targets, found.geometry.tolist(), strict=True)]
    if len(set(rows)) < len(rows):
        twice = np.array([row in rows[:place] for place, row in enumerate(rows)])
        return _failure(twice, "duplicate", "is at the very place of another")
    return found


def _inverted(found: Boxes) -> NDArray[np.bool_]:
    axes = found.geometry.shape[1] // 2
    if found.shape == "box":
        return np.asarray((found.geometry[:, axes:] <= found.geometry[:, :axes]).any(axis=1))
    if found.shape == "ball":
        return np.asarray(found.geometry[:, -1] <= 0)
    return np.zeros(len(found), np.bool_)


def _failure(wrong: NDArray[np.bool_], reason: str, what: str) -> Failure:
    first = int(np.flatnonzero(wrong)[0]) + 1
    return Failure(f"marks:{reason}", f"Mark {first} of {wrong.size} {what}.")


def _name(value: Any, model: Model) -> str:
    columns = model.output.columns
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and columns is not None:
        if not 0 <= int(value) < len(columns):
            raise ModelError(
                f"models.{model.id}.output.columns: a mark is of kind {value}; there are {len(columns)}, from 0."
            )
        return written(columns[int(value)])
    return written(value)
