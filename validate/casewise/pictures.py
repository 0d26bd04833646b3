"""The worst cases as a reader would look at them: the slice where the two masks differ most, with both outlines.

Pixels leave the site with the report, so a protocol must ask for them (segmentation.pictures).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.canonical import pretty_json, write_atomically
from validate.casewise.slice_picture import between, slice_picture
from validate.cohort.case import Case
from validate.cohort.reference_mask import reference_mask
from validate.errors import EvidenceError
from validate.imaging.in_time import decoded_in_time
from validate.imaging.mask import LabelMap
from validate.imaging.nifti import read_mask
from validate.imaging.series import read_series
from validate.imaging.volume import DecodeFailure
from validate.inference.store import mask_file
from validate.protocol.passes import CLEAN
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import structures

FOLDER = "pictures"
MARGIN = 8  # pixels around both masks
WINDOW = (1.0, 99.0)  # percentiles of what is shown, drawn black and white


@dataclass(frozen=True, slots=True)
class Wanted:
    """One picture."""

    model: str
    unit: str
    structure: str


def write_pictures(
    folder: Path, protocol: StudyProtocol, base: Path, cases: Iterable[Case], wanted: Iterable[Wanted]
) -> int:
    """FOLDER/MODEL/UNIT.json of each that can be drawn; returns how many.

    Left out are cases without a predicted mask, whose masks lie on different grids, or whose image is no NIfTI on the grid of its
    reference. Raises EvidenceError where a stored mask can't be read.
    """
    known = {case.unit: case for case in cases}
    written = 0
    for one in wanted:
        found = _picture(folder, protocol, base, known[one.unit], one)
        if found is not None:
            write_atomically(folder / FOLDER / one.model / f"{one.unit}.json", pretty_json(found))
            written += 1
    return written


def _picture(folder: Path, protocol: StudyProtocol, base: Path, case: Case, wanted: Wanted) -> Mapping[str, Any] | None:
    stored = mask_file(folder / "inference", wanted.model, CLEAN.id, wanted.unit)
    if not stored.is_file():
        return None
    reference = reference_mask(protocol.reference, base, case, protocol.cohort.geometry)
    try:
        predicted = read_mask(stored)
    except DecodeFailure as failure:
        raise EvidenceError(f"{stored}: is not the mask that was stored there.") from failure
    try:
        image = decoded_in_time(partial(read_series, case.files, protocol.cohort.geometry))
    except DecodeFailure:
        return None
    if reference is None:
        return None
    if not predicted.grid.is_same(reference.grid) or image.voxels.shape != reference.labels.shape:
        return None
    value = structures(protocol.reference)[wanted.structure]
    return picture(image.voxels, reference, predicted, value)


def picture(voxels: NDArray[Any], reference: LabelMap, predicted: LabelMap, value: int) -> Mapping[str, Any] | None:
    """As `slice_picture` makes it, of the slice where the masks differ most; None where both are empty."""
    one, other = reference.labels == value, predicted.labels == value
    if not (one | other).any():
        return None
    chosen = int(((one ^ other).sum(axis=(1, 2)) * 2 + 1e-9 * (one | other).sum(axis=(1, 2))).argmax())
    rows, columns = (_span((one | other)[chosen].any(axis=axis)) for axis in (1, 0))
    shown = np.asarray(voxels[chosen, rows, columns], np.float64)
    low, high = (float(x) for x in np.percentile(shown, WINDOW))
    return slice_picture(
        between(shown, low, high),
        place=chosen,
        slices=int(one.shape[0]),
        spacing=reference.grid.spacing[1:],
        window=[low, high],
        reference=borders(one[chosen, rows, columns]),
        prediction=borders(other[chosen, rows, columns]),
    )


def borders(mask: NDArray[np.bool_]) -> list[list[int]]:
    """Sides of pixels between inside and outside: [x, y, across, down], from (x, y) on."""
    padded = np.pad(mask, 1)
    level = np.argwhere(padded[1:, :] != padded[:-1, :]).tolist()  # between a row and the next
    upright = np.argwhere(padded[:, 1:] != padded[:, :-1]).tolist()
    return [[x - 1, y, 1, 0] for y, x in level] + [[x, y - 1, 0, 1] for y, x in upright]


def _span(inside: NDArray[np.bool_]) -> slice:
    """Around what is inside, with a margin where there is room."""
    places = np.flatnonzero(inside)
    if not places.size:
        return slice(0, inside.size)
    return slice(max(int(places[0]) - MARGIN, 0), int(places[-1]) + MARGIN + 1)
