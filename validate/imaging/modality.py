"""Stored values → modality values (HU, SUV, …): modality LUT or rescale, by frame; MONOCHROME1 brought to MONOCHROME2."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from validate.imaging.declared import PIXEL_KEYWORDS
from validate.imaging.element_value import value_of, whole_number
from validate.imaging.functional_groups import macro
from validate.imaging.quick_dataset import real
from validate.imaging.volume import DecodeFailure

GREY = {"MONOCHROME1", "MONOCHROME2"}
Line = tuple[float, float]  # slope, intercept
OVERSHOOT = 0.25  # of the range


@dataclass(frozen=True, slots=True)
class Modality:
    """What one file's header says of its values (PS3.3 C.11.1).

    lines : (slope, intercept) of each frame, one where all have the same; the turning of MONOCHROME1 is in them
    table : the data set with a modality LUT, or None
    low, high : what can be stored, in modality values; of pixels that are floating point, None: only they can say
    spare : whether a word has more bits than are stored
    mirror : low + high where values are turned (v → mirror - v), else None
    """

    lines: tuple[Line, ...]
    table: Dataset | None
    low: float | None
    high: float | None
    mirror: float | None
    stored: np.dtype[Any]
    spare: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether stored values are modality values."""
        return self.table is None and set(self.lines) == {(1.0, 0.0)}

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of modality values: whole numbers where they all are, in the smallest type; else single precision."""
        if self.stored.kind == "f" or self.is_plain:
            return self.stored
        whole = all(part.is_integer() for line in self.lines for part in line)
        if not whole or self.low is None or self.high is None:
            return np.dtype(np.float32)
        # A lossy stream may overshoot the bits stored, where there are more bits in the word.
        spare = (self.high - self.low) * OVERSHOOT if self.spare else 0.0
        return smallest(self.low - spare, self.high + spare)

    def convert(self, stored: NDArray[Any], frame: int, out: NDArray[Any]) -> None:
        """One frame (y, x) of stored values, written as modality values."""
        slope, intercept = self.lines[frame if len(self.lines) > 1 else 0]
        values = stored if self.table is None else _looked_up(stored, self.table)
        if (slope, intercept) == (1.0, 0.0):
            out[...] = values
        elif out.dtype.kind in "iu":
            # Modulo the width of the type, where whatever overflows on the way comes back: the result fits (see `dtype`).
            factor, offset = (np.int64(part).astype(out.dtype) for part in (slope, intercept))
            if values.dtype.isnative and values.dtype.itemsize == out.dtype.itemsize and values.dtype.kind in "iu":
                values = values.view(out.dtype)
            if slope == 1.0:
                np.add(values, offset, out=out, dtype=out.dtype, casting="unsafe")
            else:
                np.multiply(values, factor, out=out, dtype=out.dtype, casting="unsafe")
                np.add(out, offset, out=out)
        else:
            out[...] = values * np.float64(slope) + np.float64(intercept)


def smallest(low: float, high: float) -> np.dtype[Any]:
    """The smallest whole-number type that holds low to high; double precision where none does."""
    for name in ("u1", "i1", "u2", "i2", "u4", "i4"):
        if np.iinfo(name).min <= low and high <= np.iinfo(name).max:
            return np.dtype(name)
    return np.dtype(np.float64)


def measured(rule: Modality, values: NDArray[Any], *, inverted: bool) -> Modality:
    """The same rule, where pixels are floating point with the range that these values have, not yet turned."""
    if rule.low is not None:
        return rule
    low, high = float(values.min()), float(values.max())
    return replace(rule, low=low, high=high, mirror=low + high if inverted else None)


def modality(dataset: Dataset, frames: int, *, keyword: str | None = None) -> Modality:
    """How this header's values become modality values.

    keyword : of the pixels, where `dataset` was read without them

    Raises DecodeFailure, decode:corrupt, where the header's numbers are none.
    """
    photometric = str(value_of(dataset, "PhotometricInterpretation") or "")
    if photometric not in GREY:
        raise DecodeFailure("decode:corrupt", f"One sample a pixel, and photometric interpretation '{photometric}'.")
    stored = _stored_type(dataset, keyword)
    table = dataset if value_of(dataset, "ModalityLUTSequence") else None
    lines = _lines(dataset, frames) if table is None else ((1.0, 0.0),)
    low, high = _range(dataset, table, lines, stored)
    mirror = None
    if photometric == "MONOCHROME1" and low is not None and high is not None:
        # v → low + high - v turns white to black and leaves the range where it was; the windows follow in voi.
        mirror = low + high
        lines = tuple((-slope, mirror - intercept) for slope, intercept in lines)
    spare = whole_number(dataset, "BitsStored", stored.itemsize * 8) < stored.itemsize * 8
    return Modality(lines, table, low, high, mirror, stored, spare)


def _lines(dataset: Dataset, frames: int) -> tuple[Line, ...]:
    groups = value_of(dataset, "PerFrameFunctionalGroupsSequence")
    count = frames if groups else 1
    lines = [_line(macro(dataset, frame, "PixelValueTransformationSequence")) for frame in range(count)]
    return (lines[0],) if len(set(lines)) == 1 else tuple(lines)


def _line(dataset: Dataset) -> Line:
    try:
        slope, intercept = value_of(dataset, "RescaleSlope"), value_of(dataset, "RescaleIntercept")
        line = float(1 if slope in (None, "") else slope), float(0 if intercept in (None, "") else intercept)
    except (TypeError, ValueError):
        raise DecodeFailure("decode:corrupt", "Rescale slope or intercept is not a number.") from None
    if not np.isfinite(line).all() or line[0] == 0:
        raise DecodeFailure("decode:corrupt", f"Rescale slope is {line[0]}, intercept {line[1]}.")
    return line


def _stored_type(dataset: Dataset, keyword: str | None) -> np.dtype[Any]:
    for name, kind in zip(PIXEL_KEYWORDS[1:], ("f4", "f8"), strict=True):
        if keyword == name or (keyword is None and name in dataset):
            return np.dtype(kind)
    size = 1
    while size * 8 < whole_number(dataset, "BitsAllocated", 16) and size < 8:
        size *= 2
    return np.dtype(f"{'i' if whole_number(dataset, 'PixelRepresentation', 0) == 1 else 'u'}{size}")


def _range(
    dataset: Dataset, table: Dataset | None, lines: tuple[Line, ...], stored: np.dtype[Any]
) -> tuple[float | None, float | None]:
    if table is not None:
        try:
            return 0.0, float((1 << int(table.ModalityLUTSequence[0].LUTDescriptor[2])) - 1)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise DecodeFailure("decode:corrupt", "The modality LUT of the header can't be read.") from error
    if stored.kind == "f":
        return None, None
    bits = whole_number(dataset, "BitsStored", stored.itemsize * 8)
    if not 1 <= bits <= stored.itemsize * 8:
        raise DecodeFailure("decode:corrupt", f"{bits} bits stored in {stored.itemsize * 8} bits.")
    ends = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if stored.kind == "i" else (0, (1 << bits) - 1)
    values = [end * slope + intercept for slope, intercept in set(lines) for end in ends]
    return min(values), max(values)


def _looked_up(stored: NDArray[Any], table: Dataset) -> NDArray[Any]:
    try:
        return np.asarray(pydicom.pixels.apply_modality_lut(stored, real(table)))
    except (AttributeError, LookupError, NotImplementedError, TypeError, ValueError) as error:
        raise DecodeFailure("decode:corrupt", "The modality LUT of the header can't be read.") from error
