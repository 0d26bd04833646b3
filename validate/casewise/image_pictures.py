"""Images of the cases a model gets wrong, as a radiologist's display would show them, made small.

Pixels leave the site with the report, so a protocol must ask for them (report.gallery.pixels). What is burnt into the
pixels goes along: only people can look for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.canonical import pretty_json, write_atomically
from validate.casewise.pictures import FOLDER
from validate.casewise.slice_picture import between, slice_picture
from validate.cohort.case import Case
from validate.imaging.dicom import read_image
from validate.imaging.nifti import is_nifti, read_nifti
from validate.imaging.preprocess import apply
from validate.imaging.series import read_series
from validate.imaging.volume import DecodeFailure, Volume

SIDE = 384  # pixels of the longer side at most
DISPLAY = ({"window": {"source": "voi_lut", "index": 0, "missing": "full_range"}},)
PERCENTILES = (1.0, 99.0)  # drawn black and white where a file names no window


@dataclass(frozen=True, slots=True)
class WantedImage:
    """One picture of one case, for one model's gallery."""

    model: str
    unit: str


def write_image_pictures(folder: Path, cases: Iterable[Case], wanted: Iterable[WantedImage]) -> int:
    """FOLDER/MODEL/UNIT.json of each that can be drawn; returns how many. A case that can't be decoded has no picture."""
    known = {case.unit: case for case in cases}
    written = 0
    for one in wanted:
        found = _picture(known[one.unit].files)
        if found is not None:
            write_atomically(folder / FOLDER / one.model / f"{one.unit}.json", pretty_json(found))
            written += 1
    return written


def _picture(files: tuple[Path, ...]) -> Mapping[str, Any] | None:
    try:
        volume = (
            read_series(files)
            if len(files) > 1
            else read_nifti(files[0])
            if is_nifti(files[0])
            else read_image(files[0])
        )
        return image_picture(volume)
    except (DecodeFailure, IndexError):
        return None


def image_picture(volume: Volume) -> Mapping[str, Any]:
    """As of a mask's slice, without borders; a volume is shown by its middle slice.

    Raises DecodeFailure where the file's own window can't be used.
    """
    slices = int(volume.voxels.shape[0])
    middle = slices // 2
    if slices == 1 and volume.source.get("windows"):
        grey = apply(volume, DISPLAY)[0].astype(np.float64)
        told = "the file's own window"
    else:
        plane = np.asarray(volume.voxels[middle], np.float64)
        low, high = (float(x) for x in np.percentile(plane, PERCENTILES))
        grey, told = between(plane, low, high), f"{low:.0f} to {high:.0f}"
    small = _smaller(grey)
    spacing = [float(x) for x in volume.spacing[1:]] if volume.spacing is not None else [1.0, 1.0]
    steps = [spacing[0] * grey.shape[0] / small.shape[0], spacing[1] * grey.shape[1] / small.shape[1]]
    return slice_picture(small, place=middle, slices=slices, spacing=steps, window=told)


def _smaller(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    """By whole factors, each block its mean, so that nothing is made up between pixels."""
    factor = -(-max(grey.shape) // SIDE)
    rows, columns = (size // factor * factor for size in grey.shape)
    blocks = grey[:rows, :columns].reshape(rows // factor, factor, columns // factor, factor)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float64)
