"""Where marks and lesions of a table lie, by the columns that say so, and whether a rule can judge them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import ValidationError

from validate.casewise.objects import Objects
from validate.errors import DataError
from validate.evaluation.questions import numbers
from validate.protocol.detection import Hit
from validate.stats.detection.geometry import diameters

Floats = NDArray[np.float64]
SHAPES = {
    "box": ("x_min", "y_min", "z_min", "x_max", "y_max", "z_max"),
    "ball": ("x", "y", "z", "diameter"),
    "point": ("x", "y", "z"),
}
DEEP = frozenset({"z", "z_min", "z_max"})


def hit_rule(told: Mapping[str, Any]) -> Hit:
    """As a protocol's detection.hit. Raises DataError."""
    try:
        return Hit.model_validate(dict(told))
    except ValidationError as error:
        problem = error.errors()[0]
        raise DataError(f"hit: {'.'.join(map(str, problem['loc']))}: {problem['msg']}.") from error


def objects_of(table: pa.Table, name: str) -> Objects:
    """By the first shape whose columns are there; z may lack in a plane."""
    for shape, names in SHAPES.items():
        wanted = [one for one in names if one in table.column_names or one not in DEEP]
        if not all(one in table.column_names for one in wanted):
            continue
        geometry = np.stack([numbers(table[one], f"{name}.{one}") for one in wanted], axis=1)
        axes = geometry.shape[1] // 2
        wrong = (geometry[:, axes:] <= geometry[:, :axes]).any(axis=1) if shape == "box" else geometry[:, -1] <= 0
        if shape != "point" and wrong.any():
            what = "are inverted or have no extent" if shape == "box" else "have no diameter"
            raise DataError(
                f"{name}: {int(wrong.sum())} of {len(geometry)} rows {what}; the first is row {int(wrong.argmax()) + 1}."
            )
        return Objects(shape, geometry, diameters(shape, geometry))
    told = "; or ".join(", ".join(names) for names in SHAPES.values())
    raise DataError(f"{name}: no columns that say where they lie: {told} (without z in a plane).")


def check_rule(hit: Hit, marks: Objects, lesions: Objects) -> None:
    """Raises DataError where the rule can't judge such marks and lesions."""
    if len(marks) and len(lesions) and marks.centres.shape[1] != lesions.centres.shape[1]:
        raise DataError("marks and lesions: one has z and the other has not.")
    extended = {
        "iou": {"box", "ball"},
        "centre_in_object": {"box", "ball"},
        "diameter_fraction": {"ball"},
        "distance": set(SHAPES),
    }
    if lesions.shape not in extended[hit.criterion]:
        raise DataError(f"hit: {hit.criterion} can't be judged of lesions that are {lesions.shape}s; say distance.")
    if hit.criterion == "iou" and marks.shape != lesions.shape:
        raise DataError(f"hit: overlap is of two of a kind, and these are a {marks.shape} and a {lesions.shape}.")
    if hit.criterion != "centre_in_object" and hit.value is None:
        raise DataError(f"hit: {hit.criterion} needs a value.")
    if hit.criterion == "iou" and hit.value is not None and hit.value > 1:
        raise DataError(f"hit: value is {hit.value:g}; an overlap is more than 0 and at most 1.")


def check_distinct(name: str, objects: Objects, of_case: NDArray[np.int64]) -> None:
    """Two at one place are one, counted twice."""
    seen: dict[tuple[int, ...], int] = {}
    for row, place in enumerate(zip(of_case.tolist(), *objects.geometry.T.tolist(), strict=True), start=1):
        if place in seen:
            raise DataError(
                f"{name}: row {row} lies at the very place of row {seen[place]}, in the same case. Remove one of them."
            )
        seen[place] = row


def only(objects: Objects, rows: NDArray[np.int64]) -> Objects:
    """The objects of these rows."""
    return Objects(objects.shape, objects.geometry[rows], objects.size[rows])


def extents(objects: Objects) -> Floats:
    """(n, 2 · axes) of boxes: lowest corner, then edges."""
    axes = objects.geometry.shape[1] // 2
    return np.column_stack((objects.geometry[:, :axes], objects.geometry[:, axes:] - objects.geometry[:, :axes]))
