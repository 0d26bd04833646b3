"""DICOM Segmentation objects (PS3.3 C.8.20): binary, fractional and label map, put on the grid of their image.

A SEG often holds only the slices that something was drawn in, so its frames are placed one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset

from validate.imaging.element_value import whole_number
from validate.imaging.functional_groups import macro
from validate.imaging.mask import Grid, LabelMap
from validate.imaging.plane import Plane, planes
from validate.imaging.stored import stored_frames
from validate.imaging.volume import DecodeFailure

OFF_GRID = 0.1  # of a voxel, by which a frame may miss its place
Rule = Literal["refuse", "nearest"]


@dataclass(frozen=True, slots=True)
class Segment:
    """number : as frames and label maps name it    label : as written"""

    number: int
    label: str


@dataclass(frozen=True, slots=True)
class Segmentation:
    """What the header says.

    kind : BINARY, FRACTIONAL or LABELMAP    segment_of : number by frame; 0 of a label map's, which hold them in their pixels
    """

    kind: str
    segments: tuple[Segment, ...]
    planes: tuple[Plane, ...]
    segment_of: tuple[int, ...]
    shape: tuple[int, int]
    full: int  # the value of a fraction of 1


def segmentation(dataset: Dataset) -> Segmentation:
    """Raises DecodeFailure, mask:segments, where the header does not describe its frames."""
    kind = str(dataset.get("SegmentationType") or "")
    if kind not in {"BINARY", "FRACTIONAL", "LABELMAP"}:
        raise DecodeFailure("mask:segments", f"Segmentation type '{kind}' is none of BINARY, FRACTIONAL and LABELMAP.")
    count = whole_number(dataset, "NumberOfFrames", 1)
    groups = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    if count < 1 or len(groups) != count:
        raise DecodeFailure("mask:segments", f"The header describes {len(groups)} of {count} frames.")
    placed = [plane for plane in planes(dataset, count) if plane is not None]
    if len(placed) < count:
        raise DecodeFailure("mask:segments", "A frame does not say where it lies.")
    segments = tuple(
        Segment(whole_number(item, "SegmentNumber", 0), str(item.get("SegmentLabel") or "").strip())
        for item in dataset.get("SegmentSequence") or ()
        if whole_number(item, "SegmentNumber", 0) != 0  # the background of a label map
    )
    of = tuple(
        0
        if kind == "LABELMAP"
        else whole_number(macro(dataset, frame, "SegmentIdentificationSequence"), "ReferencedSegmentNumber", 0)
        for frame in range(count)
    )
    known = {segment.number for segment in segments}
    if kind != "LABELMAP" and not set(of) <= known:
        raise DecodeFailure("mask:segments", "A frame belongs to a segment that the file does not describe.")
    shape = (whole_number(dataset, "Rows", 0), whole_number(dataset, "Columns", 0))
    full = whole_number(dataset, "MaximumFractionalValue", 1) if kind == "FRACTIONAL" else 1
    return Segmentation(kind, segments, tuple(placed), of, shape, max(full, 1))


def places(described: Segmentation, grid: Grid) -> list[int]:
    """In which slice of the grid each frame lies. Raises DecodeFailure, mask:grid, where one lies in none."""
    back = np.linalg.inv(grid.affine)
    found = []
    for plane in described.planes:
        corner = (back @ [*plane.position, 1.0])[:3]
        axes = back[:3, :3] @ np.column_stack([plane.across * plane.spacing[1], plane.down * plane.spacing[0]])
        far = corner + axes @ [described.shape[1] - 1, described.shape[0] - 1]
        level = round(float(corner[2]))
        wanted = np.array([[0, 0, level], [described.shape[1] - 1, described.shape[0] - 1, level]], np.float64)
        missed = float(np.abs(np.array([corner, far]) - wanted).max())
        if described.shape != grid.shape[1:] or missed > OFF_GRID or not 0 <= level < grid.shape[0]:
            detail = "The segmentation lies on another grid than its image; reference.grid is refuse."
            raise DecodeFailure("mask:grid", detail)
        found.append(level)
    return found


def own_grid(described: Segmentation) -> tuple[Grid, list[int]]:
    """The grid that the frames make themselves, and the slice of each. Raises DecodeFailure, mask:grid, where they make none."""
    first = described.planes[0]
    along = np.array([plane.position @ first.normal for plane in described.planes])
    levels = np.unique(np.round(along, 3))
    step = float(np.diff(levels).min()) if len(levels) > 1 else 1.0
    where = (along - levels[0]) / step
    directions = np.array([[*plane.across, *plane.down] for plane in described.planes])
    if np.abs(where - np.rint(where)).max() > OFF_GRID or np.abs(directions - directions[0]).max() > 1e-3:
        raise DecodeFailure("mask:grid", "The frames of the segmentation make no regular grid.")
    lowest = described.planes[int(np.argmin(along))]
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = first.across * first.spacing[1], first.down * first.spacing[0]
    affine[:3, 2], affine[:3, 3] = first.normal * step, lowest.position
    return Grid((int(np.rint(where).max()) + 1, *described.shape), affine), [int(place) for place in np.rint(where)]


def label_map(
    dataset: FileDataset,
    grid: Grid,
    values: Mapping[int, int],
    *,
    rule: Rule = "refuse",
    fraction: float | None = None,
) -> LabelMap:
    """The segments as one label map on the image's grid.

    values : of each wanted segment by its number; other segments are left out
    rule : of a segmentation on another grid: "refuse", or "nearest", the value of its voxel that a centre of the grid lies in
    fraction : from which on a voxel of a fractional segmentation belongs
    Raises DecodeFailure: mask:grid, mask:overlap, mask:fraction, mask:segments, and what decoding raises.
    """
    described = segmentation(dataset)
    if described.kind == "FRACTIONAL" and fraction is None:
        raise DecodeFailure(
            "mask:fraction", "The segmentation is fractional; reference.fraction must say what belongs."
        )
    own, levels = grid, []
    try:
        levels = places(described, grid)
    except DecodeFailure:
        if rule == "refuse":
            raise
        own, levels = own_grid(described)
    labels = np.zeros(own.shape, np.uint16 if max(values.values(), default=0) > 255 else np.uint8)
    for level, number, frame in zip(levels, described.segment_of, _frames(dataset), strict=True):
        if frame.shape != labels.shape[1:]:
            raise DecodeFailure("decode:corrupt", "The segmentation's frames are not of the size that its header says.")
        if described.kind == "LABELMAP":
            for segment, value in values.items():
                _put(labels[level], frame == segment, value)
        elif number in values:
            belongs = frame > 0 if described.kind == "BINARY" else frame >= float(fraction or 0) * described.full
            _put(labels[level], belongs, values[number])
    return LabelMap(labels, own).on(grid)


def _put(labels: NDArray[Any], belongs: NDArray[np.bool_], value: int) -> None:
    there = labels[belongs]
    if ((there != 0) & (there != value)).any():
        detail = "Two structures share a voxel, which a label map can't say; take one out, or judge each in a study of its own."
        raise DecodeFailure("mask:overlap", detail)
    labels[belongs] = value


def _frames(dataset: FileDataset) -> Iterator[NDArray[Any]]:
    dataset.PhotometricInterpretation = "MONOCHROME2"  # a label map may have a palette, for its display
    frames = stored_frames(dataset)
    for number in range(len(frames)):
        yield frames.frame(number)
