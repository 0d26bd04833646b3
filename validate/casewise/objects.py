"""What lies where in one case: lesions or marks of one kind, from a table or from the components of a mask, and how well they fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.imaging.mask import LabelMap
from validate.protocol.detection import Hit
from validate.stats.detection import geometry as shapes
from validate.stats.masks.components import Components, components_of, overlaps
from validate.stats.masks.runs import runs_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Objects:
    """shape, geometry : in the coordinates that are judged in; of a component the ball around its centroid with its volume
    size : (n,) as stated, or the diameter; NaN where there is none      mask : where they are components of one
    """

    shape: str
    geometry: Floats
    size: Floats
    mask: MaskObjects | None = None

    def __len__(self) -> int:
        return len(self.geometry)

    @property
    def centres(self) -> Floats:
        """(n, axes)."""
        return shapes.centres(self.shape, self.geometry)


@dataclass(frozen=True, slots=True)
class MaskObjects:
    """inverse : judged coordinates to voxel indices (x, y[, z])."""

    components: Components
    inverse: Floats

    def at(self, points: Floats) -> NDArray[np.int64]:
        """(n,) component that each point lies in, or -1."""
        axes, runs = points.shape[1], self.components.runs
        index = np.floor(points @ self.inverse[:axes, :axes].T + self.inverse[:axes, -1] + 0.5).astype(np.int64)
        depth, height, width = runs.shape
        found = np.full(len(points), -1, np.int64)
        for place, (x, y, *rest) in enumerate(index.tolist()):
            z = rest[0] if rest else 0
            if not (0 <= z < depth and 0 <= y < height and 0 <= x < width):
                continue
            start, stop = (int(runs.first[z * height + y + step]) for step in (0, 1))
            run = start + int(np.searchsorted(runs.begin[start:stop], x, side="right")) - 1
            if run >= start and x < runs.end[run]:
                found[place] = self.components.of_run[run]
        return found


def nothing(shape: str, axes: int) -> Objects:
    """No object at all."""
    columns = {"box": 2 * axes, "point": axes, "ball": axes + 1}[shape]
    return Objects(shape, np.zeros((0, columns)), np.zeros(0))


def mask_objects(mask: LabelMap, value: int, connectivity: int, space: str) -> Objects:
    """The components of one value. space : "mm" or "pixels", what is judged in."""
    inside = mask.labels == value
    planar = inside.shape[0] == 1
    found = components_of(runs_of(inside[0] if planar else inside, workers=1), connectivity=connectivity)
    centre = _centroids(found)
    axes = 2 if planar else 3
    affine = mask.grid.affine.copy()
    if space == "pixels":
        affine = np.eye(4)
        affine[:3, 3] = 0.5
    elif planar:
        affine = np.diag([*mask.grid.spacing[::-1], 1.0])
        affine[:3, 3] = 0.5 * np.array(mask.grid.spacing[::-1])
    kept = [*range(axes), 3]
    across = affine[np.ix_(kept, kept)]
    voxel = abs(float(np.linalg.det(across[:-1, :-1])))
    size = 2 * np.sqrt(found.voxels * voxel / np.pi) if planar else np.cbrt(6 * found.voxels * voxel / np.pi)
    at = centre[:, :axes] @ across[:-1, :-1].T + across[:-1, -1]
    geometry = np.column_stack((at, size))
    return Objects(
        "ball", geometry, size.astype(np.float64), MaskObjects(found, np.asarray(np.linalg.inv(across), np.float64))
    )


def fit(marks: Objects, lesions: Objects, hit: Hit) -> Floats:
    """(marks, lesions), higher is closer, -inf where the mark does not hit the lesion."""
    if not len(marks) or not len(lesions):
        return np.full((len(marks), len(lesions)), -np.inf)
    value = hit.value or 0.0
    if hit.criterion == "iou":
        found = _overlap(marks, lesions)
        return np.where(found >= value, found, -np.inf)
    apart = shapes.distances(marks.centres, lesions.centres)
    if hit.criterion == "distance":
        return np.where(apart <= value, -apart, -np.inf)
    if hit.criterion == "diameter_fraction":
        relative = apart / lesions.geometry[:, -1]
        return np.where(relative <= value, -relative, -np.inf)
    return np.where(_inside(marks, lesions, apart), -apart, -np.inf)


def _inside(marks: Objects, lesions: Objects, apart: Floats) -> NDArray[np.bool_]:
    if lesions.mask is not None:
        return np.asarray(lesions.mask.at(marks.centres)[:, None] == np.arange(len(lesions)))
    if lesions.shape == "box":
        return shapes.centre_in_box(marks.centres, lesions.geometry)
    return np.asarray(apart <= lesions.geometry[:, -1] / 2)


def _overlap(marks: Objects, lesions: Objects) -> Floats:
    if marks.mask is not None and lesions.mask is not None:
        one, other = lesions.mask.components, marks.mask.components
        pairs = overlaps(one, other)
        found = np.zeros((len(marks), len(lesions)))
        sizes = one.voxels[pairs.reference] + other.voxels[pairs.prediction]
        found[pairs.prediction, pairs.reference] = pairs.voxels / (sizes - pairs.voxels)
        return found
    return (shapes.box_iou if marks.shape == "box" else shapes.ball_iou)(marks.geometry, lesions.geometry)


def _centroids(found: Components) -> Floats:
    """(components, 3) x, y, z in voxel indices."""
    runs = found.runs
    rows = np.repeat(np.arange(runs.first.size - 1), np.diff(runs.first))
    length = (runs.end - runs.begin).astype(np.float64)
    middles = (runs.begin + runs.end - 1) / 2, rows % runs.shape[1], rows // runs.shape[1]
    sums = [np.bincount(found.of_run, length * middle, minlength=found.count) for middle in middles]
    return np.stack(sums, axis=1) / np.maximum(found.voxels, 1)[:, None]
