"""What the header of one grey image with one frame says of its pixels, all of it: the same for every file with the same few elements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.imaging.codecs import NAME, NATIVE, Shape
from validate.imaging.declared import declared_bits, holds_words, transfer_syntax
from validate.imaging.element_value import whole_number
from validate.imaging.image_facts import source_of, spacing_of, unit_of, windows_of
from validate.imaging.modality import GREY, Modality, modality
from validate.imaging.quick_dataset import QuickDataset
from validate.imaging.stored_bits import bits_of
from validate.imaging.volume import Volume


@dataclass(frozen=True, slots=True)
class Meaning:
    """shape : of the frame    bytes : that plain pixels take    dtype : of plain pixels, as in the file

    bits, high : stored, and the highest of them    words : whether whole words are stored, with their unused bits
    rule, plain, converted : to modality values, whether stored values are them, and their type
    source, spacing, unit : of the Volume
    """

    syntax: str
    compressed: bool
    shape: Shape
    bytes: int
    dtype: np.dtype[Any]
    bits: int
    high: int
    words: bool
    signed: bool
    rule: Modality
    plain: bool
    converted: np.dtype[Any]
    source: Mapping[str, Any]
    spacing: tuple[float, float, float] | None
    unit: str

    def volume(self, stored: NDArray[Any]) -> Volume:
        """Of stored values (y, x), which are written over where they can be."""
        if self.plain:
            values = stored if stored.flags.writeable else stored.copy()
        else:
            room = self.converted
            fits = stored.flags.writeable and stored.dtype.itemsize == room.itemsize and stored.dtype.isnative
            values = stored.view(room) if fits and room.kind in "iu" else np.empty(stored.shape, room)
            self.rule.convert(stored, 0, values)
        return Volume(values[None], spacing=self.spacing, unit=self.unit, source=dict(self.source))


def meaning_of(dataset: QuickDataset, syntax: str) -> Meaning | None:
    """None where it is not of the plain kind. Raises DecodeFailure where it is none of any kind."""
    uid = transfer_syntax(dataset)
    samples, frames = whole_number(dataset, "SamplesPerPixel", 1), whole_number(dataset, "NumberOfFrames", 1)
    allocated = whole_number(dataset, "BitsAllocated", 0)
    if (
        samples != 1
        or frames != 1
        or allocated not in {8, 16}
        or dataset.value("PhotometricInterpretation") not in GREY
    ):
        return None
    if allocated == 8 and not uid.is_little_endian:
        return None
    needed = declared_bits(dataset, "PixelData")
    bits, high = bits_of(dataset, allocated)
    rule = modality(dataset, 1)
    if rule.table is not None or rule.low is None:
        return None
    shape = Shape(
        rows=whole_number(dataset, "Rows", 0),
        columns=whole_number(dataset, "Columns", 0),
        samples=1,
        allocated=allocated,
        photometric=str(dataset.value("PhotometricInterpretation")),
    )
    signed = whole_number(dataset, "PixelRepresentation", 0) == 1
    source = {
        "decoder": NAME if uid.is_compressed else NATIVE,
        **source_of(dataset, syntax),
        "range": (rule.low, rule.high),
        **windows_of(dataset, 0, rule),
    }
    return Meaning(
        syntax=syntax,
        compressed=uid.is_compressed,
        shape=shape,
        bytes=needed // 8,
        dtype=np.dtype(f"{'<' if uid.is_little_endian else '>'}{'i' if signed else 'u'}{allocated // 8}"),
        bits=bits,
        high=high,
        words=holds_words(uid),
        signed=signed,
        rule=rule,
        plain=rule.is_plain,
        converted=rule.dtype,
        source=source,
        spacing=spacing_of(dataset),
        unit=unit_of(dataset),
    )
