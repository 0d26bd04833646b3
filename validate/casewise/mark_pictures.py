"""The worst cases of a study of marks as a reader would look at them: the slice of what went wrong, lesions and marks drawn in.

Pixels leave the site with the report, so a protocol must ask for them (detection.pictures).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.canonical import pretty_json, write_atomically
from validate.casewise.pictures import FOLDER, WINDOW, borders
from validate.casewise.slice_picture import between, slice_picture
from validate.cohort.case import Case
from validate.imaging.series import read_series
from validate.imaging.volume import DecodeFailure, Volume
from validate.protocol.geometry import Geometry

Floats = NDArray[np.float64]
AROUND = 45.0  # mm, or pixels where the file says no size, from the middle of the picture to its side
POINT = 6.0  # the diameter that a point is drawn with


@dataclass(frozen=True, slots=True)
class Shape:
    """A lesion, or a mark that reaches the operating point.    right : a lesion that is found, a mark that hits one."""

    shape: str
    geometry: Sequence[float]
    right: bool


@dataclass(frozen=True, slots=True)
class WantedMarks:
    """One picture of one case, of what is looked for and what was marked there."""

    model: str
    target: str
    case: Case
    lesions: Sequence[Shape]
    marks: Sequence[Shape]


def write_mark_pictures(folder: Path, wanted: Sequence[WantedMarks], *, space: str, rules: Geometry) -> int:
    """FOLDER/MODEL/TARGET/UNIT.json of each that can be drawn; returns how many.

    space : "mm" or "pixels", of the geometries. Left out are cases that can't be decoded, that do not say where their voxels lie
    although marks are in mm, and those where nothing went wrong.
    """
    written = 0
    for one in wanted:
        try:
            volume = read_series(one.case.files, rules)
        except DecodeFailure:
            continue
        found = mark_picture(volume, one.lesions, one.marks, space=space)
        if found is not None:
            path = folder / FOLDER / one.model / one.target / f"{one.case.unit}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, pretty_json(found))
            written += 1
    return written


def mark_picture(
    volume: Volume, lesions: Sequence[Shape], marks: Sequence[Shape], *, space: str
) -> Mapping[str, Any] | None:
    """As `pictures.picture`: around the largest lesion that was missed, or else around the first mark that hits none."""
    missed = sorted((one for one in lesions if not one.right), key=lambda one: -_extent(one))
    wrong = next(iter([*missed, *(one for one in marks if not one.right)]), None)
    across = volume.affine if space == "mm" else _pixels()
    if wrong is None or across is None or volume.voxels.ndim != 3:
        return None
    axes = len(_middle(wrong))
    middle = np.linalg.inv(across) @ np.array([*_middle(wrong), *([0.0] * (3 - axes)), 1.0])
    depth, height, width = volume.voxels.shape
    x, y, z = (int(np.floor(value + 0.5)) for value in middle[:3])
    z = z if axes == 3 else depth // 2
    if not (0 <= z < depth and 0 <= y < height and 0 <= x < width):
        return None
    steps = [1.0, 1.0] if volume.spacing is None else [float(length) for length in volume.spacing[1:]]
    rows, columns = (
        slice(max(at - round(AROUND / step), 0), at + round(AROUND / step) + 1)
        for at, step in zip((y, x), steps, strict=True)
    )
    shown = np.asarray(volume.voxels[z, rows, columns], np.float64)
    grid = np.stack(
        np.broadcast_arrays(
            *np.ogrid[rows.start : rows.start + shown.shape[0], columns.start : columns.start + shown.shape[1]]
        )
    )
    places = np.stack([grid[1], grid[0], np.full(shown.shape, z), np.ones(shown.shape)], axis=-1) @ across.T
    low, high = _window(volume, shown)
    drawn = [
        [side for one in shapes for side in borders(_inside(one, places[..., : len(_middle(one))]))]
        for shapes in (lesions, marks)
    ]
    kept = slice_picture(
        between(shown, low, high),
        place=z,
        slices=depth,
        spacing=steps,
        window=[low, high],
        reference=drawn[0],
        prediction=drawn[1],
    )
    return {**kept, "about": "missed" if missed else "false"}


def _pixels() -> Floats:
    """Voxel index to pixels counted from the first one's corner."""
    found = np.eye(4)
    found[:3, 3] = 0.5
    return found


def _window(volume: Volume, shown: Floats) -> tuple[float, float]:
    """The file's own first window, or where it names none the 1st and the 99th percentile of what is shown."""
    windows = volume.source.get("windows")
    if windows:
        centre, width = float(windows[0]["center"]), float(windows[0]["width"])
        return centre - width / 2, centre + width / 2
    low, high = (float(value) for value in np.percentile(shown, WINDOW))
    return low, high


def _middle(one: Shape) -> Floats:
    numbers = np.asarray(one.geometry, np.float64)
    if one.shape == "box":
        return np.asarray((numbers[: numbers.size // 2] + numbers[numbers.size // 2 :]) / 2)
    return numbers[:-1] if one.shape == "ball" else numbers


def _extent(one: Shape) -> float:
    numbers = np.asarray(one.geometry, np.float64)
    if one.shape == "box":
        return float(np.prod(numbers[numbers.size // 2 :] - numbers[: numbers.size // 2]))
    return float(numbers[-1]) if one.shape == "ball" else 0.0


def _inside(one: Shape, places: Floats) -> NDArray[np.bool_]:
    """Of the pixels of the slice, those that the shape covers."""
    numbers = np.asarray(one.geometry, np.float64)
    if one.shape == "box":
        axes = numbers.size // 2
        return np.asarray(((places >= numbers[:axes]) & (places <= numbers[axes:])).all(axis=-1))
    away = np.linalg.norm(places - _middle(one), axis=-1)
    return np.asarray(away <= (numbers[-1] if one.shape == "ball" else POINT) / 2)
