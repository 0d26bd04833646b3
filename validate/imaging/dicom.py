"""A DICOM file → a Volume in modality units, MONOCHROME2, with its display windows. What can't be read says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset

from validate.imaging.element_value import value_of
from validate.imaging.functional_groups import macro
from validate.imaging.modality import Modality, measured, modality
from validate.imaging.pixel_header import OVERLAYS, dataset_of
from validate.imaging.reader_warnings import silence_readers
from validate.imaging.stored import Stored, stored_values
from validate.imaging.voi import stored_windows
from validate.imaging.volume import DecodeFailure, Volume


def read_image(path: Path | bytes) -> Volume:
    """Decode one file, or the content of one.

    voxels : (frame, y, x) or (frame, y, x, 3), in modality units (rescale applied), MONOCHROME1 brought to MONOCHROME2
    source : decoder, transfer_syntax, photometric, inverted, range (lowest and highest value that can be stored, in the
        same units), windows, voi_luts
    Raises DecodeFailure: decode:missing, unreadable, not_dicom, corrupt, no_pixel_data, not_finite, truncated,
    unsupported_transfer_syntax, too_large.
    """
    silence_readers()
    dataset = dataset_of(path)
    try:
        return _volume(dataset, stored_values(dataset))
    except (DecodeFailure, MemoryError):
        raise
    except Exception as error:  # elements are parsed when they are asked for, and a hostile one may break that anyhow
        raise DecodeFailure("decode:corrupt", f"The header can't be read ({type(error).__name__}).") from error


def _volume(dataset: FileDataset, stored: Stored) -> Volume:
    source = {"decoder": stored.decoder, **source_of(dataset, stored.transfer_syntax)}
    if stored.values.ndim == 4:
        source["range"] = (0.0, float(np.iinfo(stored.values.dtype).max))
        return Volume(stored.values, spacing=spacing_of(dataset), source=source)
    rule = modality(dataset, len(stored.values))
    if rule.is_plain:
        values = stored.values
    else:
        values = np.empty(stored.values.shape, rule.dtype)
        for frame, plane in enumerate(stored.values):
            rule.convert(plane, frame, values[frame])
    rule = measured(rule, values, inverted=source["inverted"])
    if rule.stored.kind == "f" and rule.mirror is not None:
        values = (rule.mirror - values.astype(np.float64)).astype(values.dtype)
    source |= {"range": (rule.low, rule.high), **windows_of(dataset, 0, rule)}
    return Volume(values, spacing=spacing_of(dataset), unit=unit_of(dataset), source=source)


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
