"""A DICOM file → a Volume in modality units, MONOCHROME2, with its display windows. What can't be read says why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset

from validate.imaging.image_facts import source_of, spacing_of, unit_of, windows_of
from validate.imaging.modality import measured, modality
from validate.imaging.pixel_header import dataset_of
from validate.imaging.quick_image import quick_image
from validate.imaging.reader_warnings import silence_readers
from validate.imaging.stored import Stored, stored_values
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
    if isinstance(path, Path) and (quick := quick_image(path)) is not None:
        return quick
    return by_the_longer_way(path)


def by_the_longer_way(path: Path | bytes) -> Volume:
    """The same of any file; `quick_image` is held against it."""
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
