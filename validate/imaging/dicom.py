"""A DICOM file → a Volume in modality units, MONOCHROME2, with its display windows. What can't be read says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset

from validate.imaging.functional_groups import macro
from validate.imaging.header import open_dicom, pixels_of
from validate.imaging.modality import Modality, measured, modality
from validate.imaging.reader_warnings import silence_readers
from validate.imaging.stored import PIXEL_KEYWORDS, Stored, stored_values
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


def dataset_of(path: Path | bytes) -> FileDataset:
    """The whole file, parsed. Raises DecodeFailure."""
    stream, head = open_dicom(path)
    with stream:
        force = head[128:132] != b"DICM"
        try:
            dataset = pydicom.dcmread(stream, force=force)
            whole = any(keyword in dataset for keyword in PIXEL_KEYWORDS)
            if not whole:
                # The reader drops what was cut off. Whether there never were pixels shows where they would begin.
                stream.seek(0)
                pydicom.dcmread(stream, stop_before_pixels=True, force=force, specific_tags=[])
                whole = pixels_of(stream, little=_little(dataset)) == "absent"
        except Exception as error:  # a hostile header may break the parser in any way
            raise DecodeFailure("decode:corrupt", f"The header can't be read ({type(error).__name__}).") from error
    if not whole:
        raise DecodeFailure("decode:truncated", "The file ends in the middle of its header or pixels.")
    return dataset


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
    """What was decoded, for `Volume.source`."""
    photometric = str(dataset.get("PhotometricInterpretation") or "")
    return {
        "transfer_syntax": str(syntax),
        "photometric": photometric,
        "inverted": photometric == "MONOCHROME1",
    }


def windows_of(dataset: FileDataset, frame: int, rule: Modality) -> dict[str, Any]:
    """The display windows and tables of a frame, turned as its values are."""
    return stored_windows(macro(dataset, frame, "FrameVOILUTSequence"), rule.mirror, little=_little(dataset))


def spacing_of(dataset: Dataset) -> tuple[float, float, float] | None:
    """(z, y, x) in mm; z is the slice thickness, 1 for a projection. ImagerPixelSpacing is that at the detector."""
    measures = macro(dataset, 0, "PixelMeasuresSequence")
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        try:
            value, depth = measures.get(keyword), measures.get("SliceThickness")
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
    stated = str(values.get("RescaleType") or "").strip()
    if stated:
        return "stored" if stated == "US" else stated
    return "HU" if dataset.get("Modality") == "CT" and "RescaleSlope" in values else "stored"


def _little(dataset: FileDataset) -> bool:
    return dataset.original_encoding[1] is not False
