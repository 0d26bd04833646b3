"""The stored values of a DICOM file: checked against its header, decoded by a named decoder, only the stored bits kept."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import generate_frames
from pydicom.pixels import get_decoder
from pydicom.uid import UID, RLELossless

from validate.imaging.codestream import is_whole, size
from validate.imaging.volume import DecodeFailure

LARGEST = 4 << 30  # bytes of decoded pixels in one file
PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
BITS = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}
# Fastest of the bit-exact decoders first. Lossy JPEG decoders differ by a grey level or two: one order, everywhere.
PREFERRED = {
    "1.2.840.10008.1.2.4.50": ("pylibjpeg",),
    "1.2.840.10008.1.2.4.51": ("pylibjpeg",),
    "1.2.840.10008.1.2.5": ("pylibjpeg", "pydicom"),
    "1.2.840.10008.1.2.4.80": ("pyjpegls", "pylibjpeg"),
    "1.2.840.10008.1.2.4.81": ("pyjpegls", "pylibjpeg"),
    "1.2.840.10008.1.2.4.90": ("pylibjpeg",),
    "1.2.840.10008.1.2.4.91": ("pylibjpeg",),
}
# What decoders, which are other people's code, have been seen to raise on damaged input.
DECODER_ERRORS = (
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class Stored:
    """values : (frame, y, x) or, in colour, (frame, y, x, 3) as RGB    decoder : the library that decoded them"""

    values: NDArray[Any]
    decoder: str
    transfer_syntax: UID


def stored_values(dataset: FileDataset) -> Stored:
    """Raises DecodeFailure: decode:corrupt, no_pixel_data, too_large, truncated, unsupported_transfer_syntax."""
    keyword = next((name for name in PIXEL_KEYWORDS if name in dataset), None)
    if keyword is None:
        raise DecodeFailure("decode:no_pixel_data", "The file has a header and no pixels.")
    syntax = transfer_syntax(dataset)
    needed = _declared_bits(dataset, keyword)
    content = dataset[keyword].value or b""
    if not isinstance(content, bytes):
        raise DecodeFailure("decode:corrupt", "The pixels have a value representation that holds no pixels.")
    decoder = _decoder(syntax)
    if syntax.is_compressed:
        _check_frames(dataset, content, syntax)
    elif len(content) < (expected := -(-needed // 8)):
        raise DecodeFailure("decode:truncated", f"The pixels have {len(content):,} bytes, expected {expected:,}.")
    array, plugin = _decoded(dataset, syntax, decoder)
    return Stored(_frames_first(dataset, array, keyword), plugin, syntax)


def whole_number(dataset: Dataset, keyword: str, default: int) -> int:
    """A header's whole number, or `default` where it is absent or empty. Raises DecodeFailure where it is none."""
    try:
        value = dataset.get(keyword)
        return default if value is None or value == "" else int(value)
    except (TypeError, ValueError, OverflowError):
        raise DecodeFailure("decode:corrupt", f"{keyword} is not a number.") from None


def transfer_syntax(dataset: FileDataset) -> UID:
    """As file meta says; without it, as reading showed (PS3.5 10.1)."""
    syntax = getattr(dataset, "file_meta", Dataset()).get("TransferSyntaxUID")
    if syntax:
        return UID(syntax)
    implicit, little = dataset.original_encoding
    return UID(("1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1") if little else "1.2.840.10008.1.2.2")


def _declared_bits(dataset: FileDataset, keyword: str) -> int:
    """Bits that the header promises. Raises DecodeFailure where they make no image, or one past all bounds."""
    rows, columns = whole_number(dataset, "Rows", 0), whole_number(dataset, "Columns", 0)
    frames, samples = whole_number(dataset, "NumberOfFrames", 1), whole_number(dataset, "SamplesPerPixel", 1)
    bits = BITS.get(keyword) or whole_number(dataset, "BitsAllocated", 0)
    if min(rows, columns, frames, samples, bits) <= 0:
        raise DecodeFailure(
            "decode:corrupt", f"Rows {rows}, columns {columns}, frames {frames}, bits {bits} make no image."
        )
    pixels = rows * columns * frames
    if (decoded := pixels * samples * max(bits, 8) // 8) > LARGEST:
        raise DecodeFailure("decode:too_large", f"The header declares {decoded:,} bytes; at most {LARGEST:,} are read.")
    # PS3.3 C.7.6.3.1.2: two pixels of YBR_FULL_422 share their colour, which makes two samples a pixel of three.
    return pixels * bits * (2 if dataset.get("PhotometricInterpretation") == "YBR_FULL_422" else samples)


def _check_frames(dataset: FileDataset, content: bytes, syntax: UID) -> None:
    """Every declared frame is there, ends, and is of the declared size: decoders fill in what is missing, in silence."""
    count = whole_number(dataset, "NumberOfFrames", 1)
    offsets = dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths")
    try:
        frames = generate_frames(content, number_of_frames=count, extended_offsets=offsets if all(offsets) else None)
        announced = (int(dataset.Rows), int(dataset.Columns))
        found = 0
        for found, frame in enumerate(frames, start=1):
            if syntax == RLELossless:
                continue
            if not is_whole(frame):
                raise DecodeFailure("decode:truncated", f"Frame {found} of {count} has no end.")
            if (own := size(frame)) not in {None, announced}:
                raise DecodeFailure(
                    "decode:corrupt", f"The compressed frame is {own}, the header says {announced} (rows, columns)."
                )
    except (ValueError, EOFError, IndexError, struct.error) as error:
        raise DecodeFailure("decode:truncated", "The compressed frames are not whole.") from error
    if found < count:
        raise DecodeFailure("decode:truncated", f"The file has {found} of the {count} frames that it declares.")


def _decoder(syntax: UID) -> Any:
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise DecodeFailure("decode:unsupported_transfer_syntax", f"Transfer syntax {syntax} has no decoder.") from None
    if not decoder.is_available:
        needs = "; ".join(decoder.missing_dependencies)
        raise DecodeFailure("decode:unsupported_transfer_syntax", f"{syntax.name} needs a decoder: {needs}.")
    return decoder


def _decoded(dataset: FileDataset, syntax: UID, decoder: Any) -> tuple[NDArray[Any], str]:
    if not getattr(dataset, "file_meta", None):
        dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    available = decoder.available_plugins if syntax.is_compressed else ("",)
    preferred = [name for name in PREFERRED.get(str(syntax), ()) if name in available]
    problem: Exception | None = None
    for plugin in dict.fromkeys([*preferred, *available]):
        try:
            # The unused bits are cleared below, where the high bit is heeded too.
            options = {"correct_unused_bits": False} if _holds_words(syntax) else {}
            array, _ = decoder.as_array(dataset, decoding_plugin=plugin, **options)
        except DECODER_ERRORS as error:
            problem = error
            continue
        return array, plugin or "pydicom"
    raise DecodeFailure("decode:corrupt", f"The pixels can't be decoded ({type(problem).__name__}).") from problem


def _frames_first(dataset: FileDataset, array: NDArray[Any], keyword: str) -> NDArray[Any]:
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    colour = whole_number(dataset, "SamplesPerPixel", 1) > 1
    array = array.reshape((-1, rows, columns, array.shape[-1]) if colour else (-1, rows, columns))
    if dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
        try:
            return np.asarray(pydicom.pixels.apply_color_lut(array, dataset))
        except DECODER_ERRORS as error:
            raise DecodeFailure("decode:corrupt", "The colour palette of the header can't be read.") from error
    if keyword == "PixelData" and not colour:
        array = _stored_bits(dataset, array)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise DecodeFailure("decode:not_finite", "The pixels hold values that are not numbers.")
    return array


def _stored_bits(dataset: FileDataset, array: NDArray[Any]) -> NDArray[Any]:
    """Only BitsStored up to HighBit count (PS3.5 8.1.1): overlays and rubbish in the word go, the sign is carried up."""
    array = np.asarray(array, dtype=array.dtype.newbyteorder("="))
    width = array.dtype.itemsize * 8
    stored = whole_number(dataset, "BitsStored", width)
    high = whole_number(dataset, "HighBit", stored - 1)
    if not 1 <= stored <= high + 1 <= width:
        raise DecodeFailure("decode:corrupt", f"{stored} bits stored up to bit {high} in {width} bits.")
    if not _holds_words(transfer_syntax(dataset)):
        high = stored - 1
    if stored == width:
        return array
    signed = whole_number(dataset, "PixelRepresentation", 0) == 1
    kind = np.dtype(f"{'i' if signed else 'u'}{array.dtype.itemsize}")
    # Up until the high bit is the word's highest, then down again, which carries the sign of signed numbers.
    up = array.view(kind) << (width - 1 - high)
    down: NDArray[Any] = up >> (width - stored)
    return down


def _holds_words(syntax: UID) -> bool:
    """Whether whole words are stored, with their unused bits; a code stream holds values."""
    return not syntax.is_compressed or syntax == RLELossless
