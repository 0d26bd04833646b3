"""A DICOM file → a Volume in modality units, MONOCHROME2, with its display windows. What can't be read says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset

from validate.imaging.functional_groups import macro
from validate.imaging.header import open_dicom, pixels_of
from validate.imaging.reader_warnings import silence_readers
from validate.imaging.stored import PIXEL_KEYWORDS, Stored, stored_values, whole_number
from validate.imaging.voi import stored_windows
from validate.imaging.volume import DecodeFailure, Volume

GREY = {"MONOCHROME1", "MONOCHROME2"}


def read_image(path: Path | bytes) -> Volume:
    """Decode one file, or the content of one.

    voxels : (frame, y, x) or (frame, y, x, 3), in modality units (rescale applied), MONOCHROME1 brought to MONOCHROME2
    source : decoder, transfer_syntax, photometric, inverted, range (lowest and highest value that can be stored, in the
        same units), windows, voi_luts
    Raises DecodeFailure: decode:missing, unreadable, not_dicom, corrupt, no_pixel_data, not_finite, truncated,
    unsupported_transfer_syntax, too_large.
    """
    silence_readers()
    dataset = _dataset(path)
    try:
        return _volume(dataset, stored_values(dataset))
    except (DecodeFailure, MemoryError):
        raise
    except Exception as error:  # elements are parsed when they are asked for, and a hostile one may break that anyhow
        raise DecodeFailure("decode:corrupt", f"The header can't be read ({type(error).__name__}).") from error


def _dataset(path: Path | bytes) -> FileDataset:
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
    photometric = str(dataset.get("PhotometricInterpretation") or "")
    source: dict[str, Any] = {
        "decoder": stored.decoder,
        "transfer_syntax": str(stored.transfer_syntax),
        "photometric": photometric,
        "inverted": photometric == "MONOCHROME1",
    }
    if stored.values.ndim == 4:
        source["range"] = (0.0, float(np.iinfo(stored.values.dtype).max))
        return Volume(stored.values, spacing=_spacing(dataset), source=source)
    if photometric not in GREY:
        raise DecodeFailure("decode:corrupt", f"One sample a pixel, and photometric interpretation '{photometric}'.")
    values, low, high = _modality_values(dataset, stored.values)
    mirror = low + high if source["inverted"] else None
    if mirror is not None:
        # v → low + high - v turns white to black and leaves the range where it was; the windows follow in voi.
        values = (mirror - values.astype(np.float64)).astype(np.float32)
    windows = stored_windows(macro(dataset, 0, "FrameVOILUTSequence"), mirror, little=_little(dataset))
    source |= {"range": (low, high), **windows}
    return Volume(values, spacing=_spacing(dataset), unit=_unit(dataset), source=source)


def _modality_values(dataset: FileDataset, stored: NDArray[Any]) -> tuple[NDArray[Any], float, float]:
    """Values after the modality LUT or rescale (PS3.3 C.11.1), and the lowest and highest that could be stored."""
    if dataset.get("ModalityLUTSequence"):
        try:
            values = np.asarray(pydicom.pixels.apply_modality_lut(stored, dataset))
            bits = int(dataset.ModalityLUTSequence[0].LUTDescriptor[2])
        except (AttributeError, LookupError, NotImplementedError, TypeError, ValueError) as error:
            raise DecodeFailure("decode:corrupt", "The modality LUT of the header can't be read.") from error
        return values, 0.0, float((1 << bits) - 1)
    lines = [_rescale(macro(dataset, frame, "PixelValueTransformationSequence")) for frame in range(len(stored))]
    ends = [end * slope + intercept for slope, intercept in set(lines) for end in _stored_range(dataset, stored)]
    if set(lines) == {(1.0, 0.0)}:
        values = stored
    else:
        slopes, intercepts = (np.array(parts).reshape(-1, 1, 1) for parts in zip(*lines, strict=True))
        values = stored * slopes + intercepts
    return values, min(ends), max(ends)


def _rescale(dataset: Dataset) -> tuple[float, float]:
    try:
        slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
        line = float(1 if slope in (None, "") else slope), float(0 if intercept in (None, "") else intercept)
    except (TypeError, ValueError):
        raise DecodeFailure("decode:corrupt", "Rescale slope or intercept is not a number.") from None
    if not np.isfinite(line).all() or line[0] == 0:
        raise DecodeFailure("decode:corrupt", f"Rescale slope is {line[0]}, intercept {line[1]}.")
    return line


def _stored_range(dataset: Dataset, stored: NDArray[Any]) -> tuple[float, float]:
    if stored.dtype.kind == "f":
        return float(stored.min()), float(stored.max())
    bits = whole_number(dataset, "BitsStored", stored.dtype.itemsize * 8)
    signed = whole_number(dataset, "PixelRepresentation", 0) == 1
    return (float(-(1 << (bits - 1))), float((1 << (bits - 1)) - 1)) if signed else (0.0, float((1 << bits) - 1))


def _spacing(dataset: Dataset) -> tuple[float, float, float] | None:
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


def _unit(dataset: Dataset) -> str:
    """HU only where the file says so, or is CT, whose rescaled values are HU unless it says otherwise (C.8.2.1)."""
    stated = str(dataset.get("RescaleType") or "").strip()
    if stated:
        return "stored" if stated == "US" else stated
    return "HU" if dataset.get("Modality") == "CT" and "RescaleSlope" in dataset else "stored"


def _little(dataset: FileDataset) -> bool:
    return dataset.original_encoding[1] is not False
