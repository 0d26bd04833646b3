"""The stored values of a DICOM file: checked against its header, decoded by a named decoder, only the stored bits kept."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import generate_frames
from pydicom.pixels import get_decoder
from pydicom.uid import UID, RLELossless

from validate.imaging.codecs import NAME, Shape, decoded
from validate.imaging.codestream import is_whole, size
from validate.imaging.element_value import value_of
from validate.imaging.quick_dataset import QuickDataset, real
from validate.imaging.volume import DecodeFailure

LARGEST = 4 << 30  # bytes of decoded pixels in one file
PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
BITS = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}
# Where our own choice (see `codecs`) does not decode, in this order before what pydicom would try.
PREFERRED = {
    "1.2.840.10008.1.2.4.50": ("pillow", "pylibjpeg"),
    "1.2.840.10008.1.2.4.51": ("pillow", "pylibjpeg"),
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
    frames = stored_frames(dataset)
    first = frames.frame(0)
    if len(frames) == 1:
        values = first[None] if first.flags.writeable else first[None].copy()
    else:
        values = np.empty((len(frames), *first.shape), first.dtype)
        values[0] = first
        for number in range(1, len(frames)):
            values[number] = frames.frame(number)
    return Stored(values, frames.decoder, frames.syntax)


@dataclass(slots=True)
class StoredFrames:
    """The frames of one file, decoded when they are asked for: never more than one of them in memory.

    content : the pixels' element    parts : the compressed frames, none where they are plain
    """

    dataset: FileDataset
    syntax: UID
    keyword: str
    shape: Shape
    count: int
    content: bytes | memoryview = field(repr=False)
    parts: Sequence[bytes] | None = field(repr=False)
    _used: dict[str, None] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.count

    @property
    def decoder(self) -> str:
        """The libraries that decoded what was asked for so far."""
        return ", ".join(self._used)

    def frame(self, number: int) -> NDArray[Any]:
        """(y, x), or in colour (y, x, 3) as RGB, in this machine's byte order; may be read-only. Raises DecodeFailure."""
        values = self._plain(number) if self.parts is None else self._compressed(number)
        if values is None:
            values = self._by_pydicom(number)
        return self._finished(values)

    def room(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any] | None:
        """The memory of plain frames as an array to write to, frame over frame; None where that can't be."""
        if (
            self.parts is not None
            or not isinstance(self.content, memoryview)
            or dtype.itemsize * 8 != self.shape.allocated
        ):
            return None
        if len(self.content) < int(np.prod(shape, dtype=np.int64)) * dtype.itemsize or self.shape.samples != 1:
            return None
        return np.frombuffer(self.content, dtype, int(np.prod(shape, dtype=np.int64))).reshape(shape)

    def _plain(self, number: int) -> NDArray[Any] | None:
        shape, little = self.shape, self.syntax.is_little_endian
        if shape.allocated == 1 and shape.samples == 1:
            self._used["pydicom"] = None
            size = shape.rows * shape.columns
            first = size * number
            packed = np.frombuffer(self.content, np.uint8)[first // 8 : -(-(first + size) // 8)]
            bits = np.unpackbits(packed, bitorder="little")[first % 8 : first % 8 + size]
            return bits.reshape(shape.array)
        if shape.samples != 1 or shape.allocated not in {8, 16, 32, 64} or (shape.allocated == 8 and not little):
            return None
        self._used["pydicom"] = None
        signed = whole_number(self.dataset, "PixelRepresentation", 0) == 1
        kind = "f" if self.keyword in BITS else "i" if signed else "u"
        dtype = np.dtype(f"{'<' if little else '>'}{kind}{shape.allocated // 8}")
        size = shape.rows * shape.columns
        values = np.frombuffer(self.content, dtype, size, offset=number * size * dtype.itemsize)
        return values.reshape(shape.array)

    def _compressed(self, number: int) -> NDArray[Any] | None:
        assert self.parts is not None
        try:
            values = decoded(self.parts[number], str(self.syntax), self.shape)
        except DECODER_ERRORS:
            return None  # the reference decides whether the frame is damaged
        if values is None:
            return None
        if self.shape.samples == 1:
            signed = whole_number(self.dataset, "PixelRepresentation", 0) == 1
            if values.dtype.kind == "i" and not signed:
                return None  # the code stream says signed and the header does not
            wide = values.astype(f"{values.dtype.kind}{self.shape.allocated // 8}", copy=False)
            if values.dtype.kind == "u" and signed:
                wide = _stored_bits(self.dataset, wide.view(f"i{wide.dtype.itemsize}"))
            values = wide
        self._used[NAME] = None
        return values

    def _by_pydicom(self, number: int) -> NDArray[Any]:
        decoder = _decoder(self.syntax)
        dataset = real(self.dataset)
        if not getattr(dataset, "file_meta", None):
            dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = self.syntax
        available = decoder.available_plugins if self.syntax.is_compressed else ("",)
        preferred = [name for name in PREFERRED.get(str(self.syntax), ()) if name in available]
        problem: Exception | None = None
        for plugin in dict.fromkeys([*preferred, *available]):
            try:
                # The unused bits are cleared later, where the high bit is heeded too.
                options = {"correct_unused_bits": False} if _holds_words(self.syntax) else {}
                array, _ = decoder.as_array(dataset, index=number, decoding_plugin=plugin, **options)
            except DECODER_ERRORS as error:
                problem = error
                continue
            self._used[plugin or "pydicom"] = None
            values: NDArray[Any] = array.reshape(self.shape.array)
            return values
        raise DecodeFailure("decode:corrupt", f"The pixels can't be decoded ({type(problem).__name__}).") from problem

    def _finished(self, values: NDArray[Any]) -> NDArray[Any]:
        if value_of(self.dataset, "PhotometricInterpretation") == "PALETTE COLOR":
            return _coloured(self.dataset, values)
        if self.keyword == "PixelData" and self.shape.samples == 1:
            # A code stream holds values, of which a lossy one may lie a little outside of the bits stored.
            values = (
                _stored_bits(self.dataset, values) if _holds_words(self.syntax) else _checked_bits(self.dataset, values)
            )
        if values.dtype.kind == "f":
            values = np.asarray(values, values.dtype.newbyteorder("="))
            if not np.isfinite(values).all():
                raise DecodeFailure("decode:not_finite", "The pixels hold values that are not numbers.")
        return values


def stored_frames(dataset: FileDataset) -> StoredFrames:
    """Checked against the header before anything is decoded.

    Raises DecodeFailure: decode:corrupt, no_pixel_data, too_large, truncated, unsupported_transfer_syntax.
    """
    keyword = next((name for name in PIXEL_KEYWORDS if name in dataset), None)
    if keyword is None:
        raise DecodeFailure("decode:no_pixel_data", "The file has a header and no pixels.")
    syntax = transfer_syntax(dataset)
    needed = _declared_bits(dataset, keyword)
    content = value_of(dataset, keyword) or b""
    if not isinstance(content, bytes | memoryview):
        raise DecodeFailure("decode:corrupt", "The pixels have a value representation that holds no pixels.")
    _decoder(syntax)
    parts = None
    if syntax.is_compressed:
        parts = _checked_frames(dataset, content, syntax)
    elif len(content) < (expected := -(-needed // 8)):
        raise DecodeFailure("decode:truncated", f"The pixels have {len(content):,} bytes, expected {expected:,}.")
    shape = Shape(
        rows=int(dataset.Rows),
        columns=int(dataset.Columns),
        samples=whole_number(dataset, "SamplesPerPixel", 1),
        allocated=BITS.get(keyword) or whole_number(dataset, "BitsAllocated", 0),
        photometric=str(dataset.get("PhotometricInterpretation") or ""),
    )
    return StoredFrames(dataset, syntax, keyword, shape, whole_number(dataset, "NumberOfFrames", 1), content, parts)


def whole_number(dataset: Dataset, keyword: str, default: int) -> int:
    """A header's whole number, or `default` where it is absent or empty. Raises DecodeFailure where it is none."""
    try:
        value = value_of(dataset, keyword)
        return default if value is None or value == "" else int(value)
    except (TypeError, ValueError, OverflowError):
        raise DecodeFailure("decode:corrupt", f"{keyword} is not a number.") from None


def transfer_syntax(dataset: FileDataset) -> UID:
    """As file meta says; without it, as reading showed (PS3.5 10.1)."""
    if isinstance(dataset, QuickDataset):
        return _uid(dataset.syntax)
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


def _checked_frames(dataset: FileDataset, content: bytes | memoryview, syntax: UID) -> list[bytes]:
    """Every declared frame is there, ends, and is of the declared size: decoders fill in what is missing, in silence."""
    count = whole_number(dataset, "NumberOfFrames", 1)
    offsets = dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths")
    announced = (int(dataset.Rows), int(dataset.Columns))
    found: list[bytes] = []
    try:
        frames = generate_frames(content, number_of_frames=count, extended_offsets=offsets if all(offsets) else None)
        for number, frame in enumerate(frames, start=1):
            if number > count:
                break
            found.append(frame)
            if syntax == RLELossless:
                continue
            if not is_whole(frame):
                raise DecodeFailure("decode:truncated", f"Frame {number} of {count} has no end.")
            if (own := size(frame)) not in {None, announced}:
                raise DecodeFailure(
                    "decode:corrupt", f"The compressed frame is {own}, the header says {announced} (rows, columns)."
                )
    except (ValueError, EOFError, IndexError, struct.error) as error:
        raise DecodeFailure("decode:truncated", "The compressed frames are not whole.") from error
    if len(found) < count:
        raise DecodeFailure("decode:truncated", f"The file has {len(found)} of the {count} frames that it declares.")
    return found


@lru_cache(maxsize=64)
def _uid(text: str) -> UID:
    return UID(text)


@lru_cache(maxsize=64)
def _decoder(syntax: UID) -> Any:
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise DecodeFailure("decode:unsupported_transfer_syntax", f"Transfer syntax {syntax} has no decoder.") from None
    if not decoder.is_available:
        needs = "; ".join(decoder.missing_dependencies)
        raise DecodeFailure("decode:unsupported_transfer_syntax", f"{syntax.name} needs a decoder: {needs}.")
    return decoder


def _coloured(dataset: FileDataset, values: NDArray[Any]) -> NDArray[Any]:
    try:
        return np.asarray(pydicom.pixels.apply_color_lut(values, real(dataset)))
    except DECODER_ERRORS as error:
        raise DecodeFailure("decode:corrupt", "The colour palette of the header can't be read.") from error


def _stored_bits(dataset: FileDataset, array: NDArray[Any]) -> NDArray[Any]:
    """Only BitsStored up to HighBit count (PS3.5 8.1.1): overlays and rubbish in the word go, the sign is carried up."""
    array = np.asarray(array, dtype=array.dtype.newbyteorder("="))
    width = array.dtype.itemsize * 8
    stored, high = _bits(dataset, width)
    if not _holds_words(transfer_syntax(dataset)):
        high = stored - 1
    if stored == width:
        return array
    signed = whole_number(dataset, "PixelRepresentation", 0) == 1
    if high == stored - 1 and _within(array, stored, signed=signed):
        return array
    kind = np.dtype(f"{'i' if signed else 'u'}{array.dtype.itemsize}")
    # Up until the high bit is the word's highest, then down again, which carries the sign of signed numbers.
    up = array.view(kind) << (width - 1 - high)
    down: NDArray[Any] = up >> (width - stored)
    return down


def _within(array: NDArray[Any], stored: int, *, signed: bool) -> bool:
    """Whether every value is one that so many bits can hold already."""
    if array.dtype.kind != ("i" if signed else "u"):
        return False
    low, high = (-(1 << (stored - 1)), (1 << (stored - 1)) - 1) if signed else (0, (1 << stored) - 1)
    return bool(array.max() <= high) and (not signed or bool(array.min() >= low))


def _checked_bits(dataset: FileDataset, array: NDArray[Any]) -> NDArray[Any]:
    _bits(dataset, array.dtype.itemsize * 8)
    return array


def _bits(dataset: FileDataset, width: int) -> tuple[int, int]:
    """(bits stored, high bit). Raises DecodeFailure where they are none."""
    stored = whole_number(dataset, "BitsStored", width)
    high = whole_number(dataset, "HighBit", stored - 1)
    if not 1 <= stored <= high + 1 <= width:
        raise DecodeFailure("decode:corrupt", f"{stored} bits stored up to bit {high} in {width} bits.")
    return stored, high


def _holds_words(syntax: UID) -> bool:
    """Whether whole words are stored, with their unused bits; a code stream holds values."""
    return not syntax.is_compressed or syntax == RLELossless
