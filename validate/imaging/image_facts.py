"""What a header says of its image besides its values: where it comes from, its windows, the size of its pixels, its unit."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset

from validate.imaging.element_value import value_of
from validate.imaging.functional_groups import macro
from validate.imaging.modality import Modality
from validate.imaging.pixel_header import OVERLAYS
from validate.imaging.voi import stored_windows


def source_of(dataset: FileDataset, syntax: str) -> dict[str, Any]:
    """What was decoded, for `Volume.source`. Overlays are counted: they are drawings on an image, and not part of it."""
    photometric = str(value_of(dataset, "PhotometricInterpretation") or "")
    return {
        "transfer_syntax": str(syntax),
        "photometric": photometric,
        "inverted": photometric == "MONOCHROME1",
        "overlays": sum(tag in dataset for tag in OVERLAYS),
    }


def windows_of(dataset: FileDataset, frame: int, rule: Modality) -> dict[str, Any]:
    """The display windows and tables of a frame, turned as its values are."""
    return stored_windows(macro(dataset, frame, "FrameVOILUTSequence"), rule.mirror, little=_little(dataset))


def spacing_of(dataset: Dataset) -> tuple[float, float, float] | None:
    """(z, y, x) in mm; z is the slice thickness, 1 for a projection. ImagerPixelSpacing is that at the detector."""
    measures = macro(dataset, 0, "PixelMeasuresSequence")
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        try:
            value, depth = value_of(measures, keyword), value_of(measures, "SliceThickness")
            y, x = (float(part) for part in value) if value is not None else (0.0, 0.0)
            z = float(depth) if depth not in (None, "") else 0.0
        except (TypeError, ValueError):
            continue
        if 0 < y < np.inf and 0 < x < np.inf:
            return (z or 1.0, y, x)
    return None


def unit_of(dataset: Dataset) -> str:
    """HU only where the file says so, or is CT, whose rescaled values are HU unless it says otherwise (C.8.2.1)."""
    values = macro(dataset, 0, "PixelValueTransformationSequence")
    stated = str(value_of(values, "RescaleType") or "").strip()
    if stated:
        return "stored" if stated == "US" else stated
    return "HU" if value_of(dataset, "Modality") == "CT" and "RescaleSlope" in values else "stored"


def _little(dataset: FileDataset) -> bool:
    return dataset.original_encoding[1] is not False
