"""Two masks of one case, compared in one call: overlap, volumes, surface distances and lesions (contracts.md)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.errors import DataError, Undefined
from validate.stats.masks.borders import Boundary, border_of
from validate.stats.masks.centreline import centreline_dice
from validate.stats.masks.components import CONNECTIVITIES, components_of
from validate.stats.masks.instances import InstanceAgreement, Matching, instance_agreement
from validate.stats.masks.overlap import overlap_of
from validate.stats.masks.runs import Runs, runs_of
from validate.stats.masks.surface_distances import SurfaceDistances, surface_distances

MICROLITRES = 1000.0  # mm³ in a ml


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskComparison:
    """What two masks have in common. None where something is undefined; `undefined` then says why, by its name.

    dice, iou, precision, recall : in [0, 1]
    volume_reference, volume_prediction : ml (of a plane: area in mm²)      volume_difference : prediction - reference
    hd, hd95, assd, masd : mm      nsd : in [0, 1], at `tolerance` mm
    boundary : "surfel" or "voxel", what the surface figures were measured by
    lesions : component by component      centreline_dice : in [0, 1], only where asked for
    """

    boundary: Boundary
    tolerance: float
    dice: float | None
    iou: float | None
    precision: float | None
    recall: float | None
    volume_reference: float
    volume_prediction: float
    volume_difference: float
    hd: float | None
    hd95: float | None
    assd: float | None
    masd: float | None
    nsd: float | None
    centreline_dice: float | None
    lesions: InstanceAgreement
    undefined: Mapping[str, str] = field(default_factory=dict)


def compare_masks(
    reference: Any,
    prediction: Any,
    *,
    spacing: Sequence[float],
    tolerance: float,
    boundary: Boundary = "surfel",
    matching: Matching | None = None,
    connectivity: int | None = None,
    centreline: bool = False,
    workers: int = 0,
) -> MaskComparison:
    """Compare a reference and a predicted mask.

    reference, prediction : (z, y, x) or (y, x), bool or integers 0 and 1, of one shape
    spacing : mm between voxels along each axis, in the order of the axes      tolerance : of the NSD, mm
    boundary : what a surface is: "surfel" (area-weighted elements between voxels) or "voxel" (border voxels)
    matching, connectivity : when components are the same lesion, and what is one component
    centreline : also the centreline Dice (needs scikit-image, the extra `segmentation`)
    Raises DataError for masks that can't be compared: another shape, values besides 0 and 1, a spacing that is no length.
    """
    one, other = _mask(reference, "reference"), _mask(prediction, "prediction")
    if one.shape != other.shape:
        raise DataError(
            f"compare_masks: the reference has shape {one.shape}, the prediction {other.shape}. "
            "Both must lie on the same grid; resample one of them by a stated rule first."
        )
    lengths = _spacing(spacing, one.ndim)
    _check_options(boundary, tolerance, connectivity, planar=one.ndim == 2)
    runs = runs_of(one, workers=workers), runs_of(other, workers=workers)
    distances = _distances(runs, boundary, lengths, workers)
    undefined: dict[str, str] = {}

    def read(name: str, value: Callable[[], float]) -> float | None:
        try:
            return value()
        except Undefined as reason:
            undefined[name] = f"{reason}."
            return None

    shared = overlap_of(*runs)
    unit = math.prod(lengths) / MICROLITRES if one.ndim == 3 else math.prod(lengths[1:])
    return MaskComparison(
        boundary=boundary,
        tolerance=float(tolerance),
        dice=read("dice", shared.dice),
        iou=read("iou", shared.iou),
        precision=read("precision", shared.precision),
        recall=read("recall", shared.recall),
        volume_reference=shared.reference * unit,
        volume_prediction=shared.prediction * unit,
        volume_difference=(shared.prediction - shared.reference) * unit,
        hd=read("hd", distances.hausdorff),
        hd95=read("hd95", distances.hausdorff_percentile),
        assd=read("assd", distances.average),
        masd=read("masd", distances.mean_of_directed),
        nsd=read("nsd", lambda: distances.normalised_surface_dice(tolerance)),
        centreline_dice=read("centreline_dice", lambda: centreline_dice(one, other)) if centreline else None,
        lesions=instance_agreement(
            components_of(runs[0], connectivity=connectivity),
            components_of(runs[1], connectivity=connectivity),
            matching=matching,
        ),
        undefined=undefined,
    )


def _distances(
    runs: tuple[Runs, Runs], boundary: Boundary, spacing: tuple[float, float, float], workers: int
) -> SurfaceDistances:
    borders = [border_of(mask, boundary=boundary, spacing=spacing) for mask in runs]
    return surface_distances(*borders, boundary=boundary, spacing=spacing, workers=workers)


def _mask(values: Any, name: str) -> NDArray[np.bool_]:
    array = np.asarray(values)
    if array.ndim not in (2, 3) or not array.size:
        raise DataError(f"compare_masks: the {name} has shape {array.shape}; expected (y, x) or (z, y, x), not empty.")
    if array.dtype == np.bool_:
        return array
    if array.dtype.kind not in "iuf":
        raise DataError(f"compare_masks: the {name} is of type {array.dtype}; expected bool, or 0 and 1.")
    inside = array == 1
    if not (inside | (array == 0)).all():
        strange = array[~(inside | (array == 0))].flat[0]
        raise DataError(
            f"compare_masks: the {name} holds {strange:g}; expected 0 and 1 only. "
            "Of a label map compare one label at a time: labels == 2."
        )
    return np.asarray(inside)


def _spacing(spacing: Sequence[float], axes: int) -> tuple[float, float, float]:
    lengths = [float(length) for length in spacing]
    if len(lengths) != axes:
        raise DataError(f"compare_masks: spacing has {len(lengths)} numbers for {axes} axes; give one for each, in mm.")
    if not all(math.isfinite(length) and length > 0 for length in lengths):
        raise DataError(f"compare_masks: spacing is {lengths}; expected lengths above 0, in mm.")
    return (1.0, lengths[0], lengths[1]) if axes == 2 else (lengths[0], lengths[1], lengths[2])


def _check_options(boundary: str, tolerance: float, connectivity: int | None, *, planar: bool) -> None:
    if boundary not in ("surfel", "voxel"):
        raise DataError(f"compare_masks: boundary is {boundary!r}; expected 'surfel' or 'voxel'.")
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise DataError(f"compare_masks: tolerance is {tolerance} mm; expected a finite number of 0 or more.")
    if connectivity is not None and connectivity not in CONNECTIVITIES[planar]:
        allowed = ", ".join(map(str, CONNECTIVITIES[planar]))
        raise DataError(f"compare_masks: connectivity is {connectivity}; expected one of {allowed}.")
