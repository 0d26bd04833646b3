"""The stored values of a DICOM file: checked against its header, decoded by a named decoder, only the stored bits kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.uid import UID

from validate.imaging import reference_decoder
from validate.imaging.codecs import NAME, NATIVE, Shape, decoded, one_sample
from validate.imaging.compressed_frames import checked_frames
from validate.imaging.declared import BITS, PIXEL_KEYWORDS, declared_bits, holds_words, transfer_syntax
from validate.imaging.element_value import value_of, whole_number
from validate.imaging.quick_dataset import real
from validate.imaging.reference_decoder import DECODER_ERRORS, decoded_by_reference, decoder_of
from validate.imaging.reference_process import decoded_apart
from validate.imaging.stored_bits import bits_of, only_stored_bits
from validate.imaging.volume import DecodeFailure


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
            self._used[NATIVE] = None
            size = shape.rows * shape.columns
            first = size * number
            packed = np.frombuffer(self.content, np.uint8)[first // 8 : -(-(first + size) // 8)]
            bits = np.unpackbits(packed, bitorder="little")[first % 8 : first % 8 + size]
            return bits.reshape(shape.array)
        if shape.samples != 1 or shape.allocated not in {8, 16, 32, 64} or (shape.allocated == 8 and not little):
            return None
        self._used[NATIVE] = None
        signed = whole_number(self.dataset, "PixelRepresentation", 0) == 1
        kind = "f" if self.keyword in BITS else "i" if signed else "u"
        dtype = np.dtype(f"{'<' if little else '>'}{kind}{shape.allocated // 8}")
        size = shape.rows * shape.columns
        values = np.frombuffer(self.content, dtype, size, offset=number * size * dtype.itemsize)
        return values.reshape(shape.array)

    def _compressed(self, number: int) -> NDArray[Any] | None:
        assert self.parts is not None
        syntax = str(self.syntax)
        try:
            if self.shape.samples == 1:
                bits, _ = bits_of(self.dataset, self.shape.allocated)
                signed = whole_number(self.dataset, "PixelRepresentation", 0) == 1
                values = one_sample(self.parts[number], syntax, self.shape, signed=signed, bits=bits)
            else:
                values = decoded(self.parts[number], syntax, self.shape)
        except DECODER_ERRORS:
            return None  # the reference decides whether the frame is damaged
        if values is None:
            return None
        self._used[NAME] = None
        return values

    def _by_pydicom(self, number: int) -> NDArray[Any]:
        if self.parts is None or reference_decoder.HAS_A_PROCESS:
            found = decoded_by_reference(self.dataset, self.syntax, number)
        else:
            found = decoded_apart(self.dataset, self.syntax, self.parts[number])
        self._used[found.decoder] = None
        values: NDArray[Any] = found.values.reshape(self.shape.array)
        return values

    def _finished(self, values: NDArray[Any]) -> NDArray[Any]:
        if value_of(self.dataset, "PhotometricInterpretation") == "PALETTE COLOR":
            return _coloured(self.dataset, values)
        if self.keyword == "PixelData" and self.shape.samples == 1:
            bits, high = bits_of(self.dataset, values.dtype.itemsize * 8)
            # A code stream holds values, of which a lossy one may lie a little outside of the bits stored.
            if holds_words(self.syntax):
                signed = whole_number(self.dataset, "PixelRepresentation", 0) == 1
                values = only_stored_bits(values, bits, high, signed=signed)
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
    needed = declared_bits(dataset, keyword)
    content = value_of(dataset, keyword) or b""
    if not isinstance(content, bytes | memoryview):
        raise DecodeFailure("decode:corrupt", "The pixels have a value representation that holds no pixels.")
    decoder_of(syntax)
    parts = None
    if syntax.is_compressed:
        parts = checked_frames(dataset, content, syntax)
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


def _coloured(dataset: FileDataset, values: NDArray[Any]) -> NDArray[Any]:
    try:
        return np.asarray(pydicom.pixels.apply_color_lut(values, real(dataset)))
    except DECODER_ERRORS as error:
        raise DecodeFailure("decode:corrupt", "The colour palette of the header can't be read.") from error
