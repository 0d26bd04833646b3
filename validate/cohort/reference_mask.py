"""A case's reference mask as one label map, from a NIfTI file or from DICOM SEG and RTSTRUCT objects.

A NIfTI mask has its own grid, and where its image has one too, both must be the same. SEG and RTSTRUCT are put on the grid of
their image. What lies on another grid is refused, or brought to the image's by reference.grid: nearest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from validate.cohort.case import Case
from validate.cohort.dicom_masks import SEGMENTATIONS
from validate.cohort.mask_reference import MaskFinder, mask_finder, owned_masks
from validate.errors import DataError
from validate.imaging.contours import contours, drawn, structure_names
from validate.imaging.header import read_header
from validate.imaging.mask import Grid, LabelMap
from validate.imaging.nifti import is_nifti, read_grid, read_mask
from validate.imaging.pixel_header import whole_dataset
from validate.imaging.segments import label_map, own_grid, places, segmentation
from validate.imaging.series import grid_of
from validate.imaging.volume import DecodeFailure
from validate.protocol.geometry import Geometry
from validate.protocol.reference import Reference
from validate.protocol.targets import structures


def reference_mask(
    reference: Reference, base: Path, case: Case, geometry: Geometry, *, find: MaskFinder | None = None
) -> LabelMap | None:
    """The mask; None where the case has none. Raises DataError, naming the case, where it can't be used.

    find : of `mask_finder`, where masks of many cases are read
    """
    paths = (find or mask_finder(reference, base))(case.keys, case.attributes)
    if not paths:
        return None
    try:
        grid = image_grid(case, geometry)
        if reference.names is not None:
            mask = read_mask(paths[0])
            return mask.on(_common(mask.grid, grid, reference))
        return _combined(reference, paths, _needed(grid))
    except (DataError, MemoryError):
        raise
    except Exception as error:  # a hostile header may break the parser in any way
        raise _unusable(case, error) from error


def check_masks(reference: Reference, base: Path, cases: Sequence[Case], geometry: Geometry) -> None:
    """Raise DataError where a case's mask can't be used, two cases share one, or no case has any.

    May be called before inference: headers only, no voxel.
    """
    for case, paths in owned_masks(reference, base, cases):
        _check(reference, paths, case, geometry)


def _check(reference: Reference, paths: tuple[Path, ...], case: Case, geometry: Geometry) -> None:
    try:
        grid = image_grid(case, geometry)
        if reference.names is not None:
            _common(read_grid(paths[0]), grid, reference)
            return
        values = [value for path in paths for value in _held(reference, path, grid)]
        _check_once(values, case)
    except (DataError, MemoryError):
        raise
    except Exception as error:  # a hostile header may break the parser in any way
        raise _unusable(case, error) from error


def _check_once(values: Sequence[int], case: Case) -> None:
    if len(set(values)) < len(values):
        detail = "Two files hold the same structure, and which one counts must not be guessed."
        raise DataError(f"reference mask of case {case.unit}: {detail}")


def _unusable(case: Case, error: Exception) -> DataError:
    why = error.detail if isinstance(error, DecodeFailure) else f"It can't be read ({type(error).__name__})."
    return DataError(f"reference mask of case {case.unit}: {why} Mend or remove it.")


def _held(reference: Reference, path: Path, grid: Grid | None) -> set[int]:
    """The structures of a SEG or RTSTRUCT, by value. Raises DecodeFailure where its header shows that it can't be used."""
    dataset = read_header(path).dataset
    if not _is_segmentation(dataset):
        _needed(grid)
        return set(_wanted(reference, dict(enumerate(structure_names(dataset)))).values())
    described = segmentation(dataset)
    if described.kind == "FRACTIONAL" and reference.fraction is None:
        detail = "The segmentation is fractional; reference.fraction must say what belongs."
        raise DecodeFailure("mask:fraction", detail)
    if reference.grid == "refuse":
        places(described, _needed(grid))
    else:
        own_grid(described)
    return set(_wanted(reference, {one.number: one.label for one in described.segments}).values())


def image_grid(case: Case, geometry: Geometry) -> Grid | None:
    """Of the case's image, from headers; None where there is no image, or it can't be read (it then fails, with the reason)."""
    if not case.files:
        return None
    try:
        if is_nifti(case.files[0]):
            return read_grid(case.files[0])
        found = grid_of(case.files, geometry)
    except DecodeFailure:
        return None
    return None if found is None else found[0]


def _common(mask: Grid, image: Grid | None, reference: Reference) -> Grid:
    """The grid that is used: the image's where the rule lets a mask be brought there."""
    if image is None or mask.is_same(image):
        return mask
    if reference.grid == "nearest":
        return image
    detail = "The mask lies on another grid than its image; reference.grid is refuse."
    raise DecodeFailure("mask:grid", detail)


def _needed(grid: Grid | None) -> Grid:
    if grid is None:
        detail = "The image that it is of has no readable geometry, so there is no grid to put it on."
        raise DecodeFailure("mask:grid", detail)
    return grid


def _is_segmentation(dataset: Mapping[str, object]) -> bool:
    return str(dataset.get("SOPClassUID")) in SEGMENTATIONS


def _wanted(reference: Reference, labels: Mapping[int, str]) -> dict[int, int]:
    """Value in the label map by number of segment (or place of a structure). Raises DecodeFailure for one nobody named."""
    values = structures(reference)
    names = {_plain(str(reference.segments.get(name, name))): value for name, value in values.items()}
    found: dict[int, int] = {}
    for number, label in labels.items():
        value = names.get(_plain(label), names.get(str(number)) if reference.segments else None)
        if value is None:
            if reference.unnamed == "refuse":
                known = ", ".join(names)
                detail = (
                    f"It holds a structure '{label}', which is none of {known} (reference.segments, reference.unnamed)."
                )
                raise DecodeFailure("mask:unknown_class", detail)
            continue
        if value in found.values():
            raise DecodeFailure(
                "mask:twice", f"Two structures are called '{label}', and which one counts must not be guessed."
            )
        found[number] = value
    return found


def _plain(label: str) -> str:
    return " ".join(label.split()).casefold()


def _combined(reference: Reference, paths: tuple[Path, ...], grid: Grid) -> LabelMap:
    """All files of a case in one label map. Raises DecodeFailure where two of them say something of one voxel."""
    largest = max(structures(reference).values())
    labels = np.zeros(grid.shape, np.uint8 if largest < 256 else np.uint16)
    for path in paths:
        head = read_header(path).dataset
        mask = _segments(reference, path, grid) if _is_segmentation(head) else _contoured(reference, path, grid)
        there = (labels != 0) & (mask.labels != 0)
        if there.any():
            raise DecodeFailure("mask:overlap", "Two files say something of one voxel, which a label map can't hold.")
        labels |= mask.labels.astype(labels.dtype)
    return LabelMap(labels, grid)


def _segments(reference: Reference, path: Path, grid: Grid) -> LabelMap:
    dataset = whole_dataset(path)
    wanted = _wanted(reference, {one.number: one.label for one in segmentation(dataset).segments})
    return label_map(dataset, grid, wanted, rule=reference.grid, fraction=reference.fraction)


def _contoured(reference: Reference, path: Path, grid: Grid) -> LabelMap:
    dataset = read_header(path).dataset
    names = structure_names(dataset)
    wanted = {names[number]: value for number, value in _wanted(reference, dict(enumerate(names))).items()}
    inside = {value: np.zeros(grid.shape, np.bool_) for value in wanted.values()}
    for contour in contours(dataset):
        value = wanted.get(contour.name)
        if value is None:
            continue
        found = drawn(contour, grid, reference.grid)
        if found is not None:
            level, filled = found
            inside[value][level] ^= filled
    labels = np.zeros(grid.shape, np.uint16 if max(inside, default=0) > 255 else np.uint8)
    for value, belongs in inside.items():
        if (labels[belongs] != 0).any():
            raise DecodeFailure("mask:overlap", "Two structures share a voxel, which a label map can't hold.")
        labels[belongs] = value
    return LabelMap(labels, grid)
