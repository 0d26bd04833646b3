"""What a header declares of its pixels before any of them is looked at: how they are encoded, and how many bits they take."""

from __future__ import annotations

from functools import lru_cache

from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import UID, RLELossless

from validate.imaging.element_value import whole_number
from validate.imaging.quick_dataset import QuickDataset
from validate.imaging.volume import DecodeFailure

LARGEST = 4 << 30  # bytes of decoded pixels in one file
PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
BITS = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}


def transfer_syntax(dataset: FileDataset) -> UID:
    """As file meta says; without it, as reading showed (PS3.5 10.1)."""
    if isinstance(dataset, QuickDataset):
        return _uid(dataset.syntax)
    syntax = getattr(dataset, "file_meta", Dataset()).get("TransferSyntaxUID")
    if syntax:
        return UID(syntax)
    implicit, little = dataset.original_encoding
    return UID(("1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1") if little else "1.2.840.10008.1.2.2")


def declared_bits(dataset: FileDataset, keyword: str) -> int:
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


def holds_words(syntax: UID) -> bool:
    """Whether whole words are stored, with their unused bits; a code stream holds values."""
    return not syntax.is_compressed or syntax == RLELossless


@lru_cache(maxsize=64)
def _uid(text: str) -> UID:
    return UID(text)
