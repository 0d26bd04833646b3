"""A DICOM file → a Volume in modality units, MONOCHROME2, with its display windows. What can't be read says why."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.pixels import get_decoder
from pydicom.uid import UID, RLELossless

from validate.imaging.sniff import HEAD, is_dicom
from validate.imaging.voi import stored_windows
from validate.imaging.volume import DecodeFailure, Volume

LARGEST = 4 << 30  # bytes of decoded pixels in one file
PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
# Fastest of the bit-exact decoders first; what is missing here is left to pydicom's own order.
PREFERRED = {
    "1.2.840.10008.1.2.5": ("pylibjpeg", "pydicom"),
    "1.2.840.10008.1.2.4.80": ("pyjpegls", "pylibjpeg"),
    "1.2.840.10008.1.2.4.81": ("pyjpegls", "pylibjpeg"),
    "1.2.840.10008.1.2.4.90": ("pylibjpeg",),
    "1.2.840.10008.1.2.4.91": ("pylibjpeg",),
}
GREY = {"MONOCHROME1", "MONOCHROME2"}
END_OF_IMAGE = b"\xff\xd9"  # JPEG, JPEG-LS and JPEG 2000 code streams all end in it


def read_image(path: Path) -> Volume:
    """Decode one file.

    voxels : (frame, y, x) or (frame, y, x, 3), in modality units (rescale applied), MONOCHROME1 brought to MONOCHROME2
    Raises DecodeFailure: decode:missing, not_dicom, corrupt, no_pixel_data, truncated, unsupported_transfer_syntax,
    too_large.
    """
    with warnings.catch_warnings():
        # What pydicom only warns about is either checked here or does not concern the pixels.
        warnings.simplefilter("ignore")
        dataset = _dataset(path)
        keyword = next((name for name in PIXEL_KEYWORDS if name in dataset), None)
        if keyword is None:
            raise DecodeFailure("decode:no_pixel_data", "The file has a header and no pixels.")
        _check_size(dataset, keyword)
        stored, decoder = _stored(dataset, keyword)
        return _volume(dataset, stored, decoder)


def _dataset(path: Path) -> Dataset:
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD)
        if not is_dicom(head):
            raise DecodeFailure("decode:not_dicom", "The file does not begin like a DICOM file.")
        return pydicom.dcmread(path, force=head[128:132] != b"DICM")
    except FileNotFoundError:
        raise DecodeFailure("decode:missing", "The file was there when the cohort was read and is gone now.") from None
    except EOFError:
        raise DecodeFailure("decode:truncated", "The file ends in the middle of its pixels.") from None
    except (OSError, InvalidDicomError, ValueError, KeyError, TypeError, AttributeError, NotImplementedError) as error:
        raise DecodeFailure("decode:corrupt", f"The header can't be read ({type(error).__name__}).") from error


def _number(dataset: Dataset, keyword: str, default: int) -> int:
    value = dataset.get(keyword, default)
    try:
        return int(default if value in (None, "") else value)
    except (TypeError, ValueError, OverflowError):
        raise DecodeFailure("decode:corrupt", f"{keyword} is not a number.") from None


def _check_size(dataset: Dataset, keyword: str) -> None:
    rows, columns = _number(dataset, "Rows", 0), _number(dataset, "Columns", 0)
    frames, samples = _number(dataset, "NumberOfFrames", 1), _number(dataset, "SamplesPerPixel", 1)
    bits = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}.get(keyword, _number(dataset, "BitsAllocated", 0))
    if min(rows, columns, frames, samples, bits) <= 0:
        raise DecodeFailure(
            "decode:corrupt", f"Rows {rows}, Columns {columns}, frames {frames}, bits {bits}: no image."
        )
    bits_needed = rows * columns * frames * samples * bits
    if bits_needed // 8 > LARGEST:
        raise DecodeFailure(
            "decode:too_large", f"The header declares {bits_needed // 8:,} bytes; at most {LARGEST:,} are read."
        )
    syntax = _transfer_syntax(dataset)
    content = dataset[keyword].value or b""
    if not syntax.is_compressed:
        subsampled = dataset.get("PhotometricInterpretation") == "YBR_FULL_422"
        expected = (bits_needed * 2 // 3 if subsampled else bits_needed) // 8
        if len(content) < expected:
            raise DecodeFailure("decode:truncated", f"The pixels have {len(content):,} bytes, expected {expected:,}.")
    elif len(content) == 0:
        raise DecodeFailure("decode:truncated", "The compressed pixels are empty.")
    elif syntax != RLELossless and content.rstrip(b"\0").rfind(END_OF_IMAGE) < len(content) - 64:
        raise DecodeFailure("decode:truncated", "The last compressed frame has no end.")


def _transfer_syntax(dataset: Dataset) -> UID:
    syntax = getattr(dataset, "file_meta", Dataset()).get("TransferSyntaxUID")
    if syntax is not None:
        return UID(syntax)
    # PS3.5 10.1: without file meta it is implicit little endian unless reading showed otherwise.
    implicit, little = dataset.original_encoding
    return UID(("1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1") if little else "1.2.840.10008.1.2.2")


def _stored(dataset: Dataset, keyword: str) -> tuple[NDArray[Any], str]:
    """Stored values, (frame, y, x[, 3]), colours as RGB, and the name of the decoder."""
    syntax = _transfer_syntax(dataset)
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise DecodeFailure("decode:unsupported_transfer_syntax", f"Transfer syntax {syntax} has no decoder.") from None
    if not decoder.is_available:
        needs = "; ".join(decoder.missing_dependencies)
        raise DecodeFailure("decode:unsupported_transfer_syntax", f"{syntax.name} needs a decoder: {needs}.")
    plugins = [name for name in PREFERRED.get(str(syntax), ()) if name in decoder.available_plugins]
    problem: Exception | None = None
    if not hasattr(dataset, "file_meta") or "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
    for plugin in [*plugins, ""]:
        try:
            array, _ = decoder.as_array(dataset, decoding_plugin=plugin)
        except (
            ValueError,
            RuntimeError,
            AttributeError,
            TypeError,
            KeyError,
            IndexError,
            EOFError,
            MemoryError,
        ) as error:
            problem = error
            continue
        name = plugin or ("pydicom" if not syntax.is_compressed else "/".join(sorted(decoder.available_plugins)))
        return _frames_first(dataset, array, keyword), name
    raise DecodeFailure("decode:corrupt", f"The pixels can't be decoded ({type(problem).__name__}).") from problem


def _frames_first(dataset: Dataset, array: NDArray[Any], keyword: str) -> NDArray[Any]:
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    colour = _number(dataset, "SamplesPerPixel", 1) > 1
    shape = (-1, rows, columns, array.shape[-1]) if colour else (-1, rows, columns)
    array = array.reshape(shape)
    if dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
        return np.asarray(pydicom.pixels.apply_color_lut(array, dataset))
    return array if keyword != "PixelData" or colour else _masked(dataset, array)


def _masked(dataset: Dataset, array: NDArray[Any]) -> NDArray[Any]:
    """Only the stored bits count: what else is in the word (overlays, rubbish) is cleared and the sign carried up."""
    allocated, stored = _number(dataset, "BitsAllocated", 16), _number(dataset, "BitsStored", 16)
    if stored >= allocated or allocated not in {8, 16, 32}:
        return array
    unsigned = array.view(f"u{array.dtype.itemsize}") & ((1 << stored) - 1)
    if not _number(dataset, "PixelRepresentation", 0):
        return unsigned
    sign = 1 << (stored - 1)
    return (unsigned.astype(np.int64) ^ sign).astype(np.int64) - sign


def _volume(dataset: Dataset, stored: NDArray[Any], decoder: str) -> Volume:
    photometric = str(dataset.get("PhotometricInterpretation", ""))
    source: dict[str, Any] = {
        "decoder": decoder,
        "transfer_syntax": str(_transfer_syntax(dataset)),
        "photometric": photometric,
        "inverted": photometric == "MONOCHROME1",
    }
    if stored.ndim == 4:
        return Volume(
            stored, spacing=_spacing(dataset), source={**source, "range": (0, int(np.iinfo(stored.dtype).max))}
        )
    if photometric not in GREY:
        raise DecodeFailure("decode:corrupt", f"One sample per pixel and photometric interpretation '{photometric}'.")
    slope, intercept = _rescale(dataset)
    values = stored if (slope, intercept) == (1.0, 0.0) else stored * np.float64(slope) + intercept
    table = dataset.get("ModalityLUTSequence")
    if table:
        values = pydicom.pixels.apply_modality_lut(stored, dataset)
    low, high = (x * slope + intercept for x in _stored_range(dataset, stored)) if not table else _lut_range(table)
    mirror = low + high if source["inverted"] else None
    if mirror is not None:
        # v → low + high - v turns white to black and leaves the range where it was; the windows follow in voi.
        values = (mirror - values.astype(np.float64)).astype(np.float32)
    source |= {"range": (min(low, high), max(low, high)), **stored_windows(dataset, mirror)}
    return Volume(np.asarray(values), spacing=_spacing(dataset), unit=_unit(dataset), source=source)


def _rescale(dataset: Dataset) -> tuple[float, float]:
    try:
        slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
        numbers = float(1 if slope in (None, "") else slope), float(0 if intercept in (None, "") else intercept)
    except (TypeError, ValueError):
        raise DecodeFailure("decode:corrupt", "Rescale slope or intercept is not a number.") from None
    if not np.isfinite(numbers).all() or numbers[0] == 0:
        raise DecodeFailure("decode:corrupt", f"Rescale slope is {numbers[0]}, intercept {numbers[1]}.")
    return numbers


def _stored_range(dataset: Dataset, stored: NDArray[Any]) -> tuple[float, float]:
    if stored.dtype.kind == "f":
        return float(stored.min()), float(stored.max())
    bits = _number(dataset, "BitsStored", stored.dtype.itemsize * 8)
    signed = _number(dataset, "PixelRepresentation", 0) == 1
    return (float(-(1 << (bits - 1))), float((1 << (bits - 1)) - 1)) if signed else (0.0, float((1 << bits) - 1))


def _lut_range(table: Any) -> tuple[float, float]:
    bits = int(table[0].LUTDescriptor[2])
    return 0.0, float((1 << bits) - 1)


def _spacing(dataset: Dataset) -> tuple[float, float, float] | None:
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        value = dataset.get(keyword)
        try:
            y, x = (float(part) for part in value) if value is not None else (0.0, 0.0)
            depth = dataset.get("SliceThickness")
            z = float(depth) if depth not in (None, "") else 0.0
        except (TypeError, ValueError):
            continue
        if y > 0 and x > 0:
            return (z or 1.0, y, x)
    return None


def _unit(dataset: Dataset) -> str:
    if dataset.get("Modality") == "CT":
        return "HU"
    return str(dataset.get("RescaleType", "") or "stored").replace("US", "stored")
