"""The bits of a word that hold a value: what else stands in it goes, and the sign is carried up."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.imaging.element_value import whole_number
from validate.imaging.volume import DecodeFailure


def only_stored_bits(array: NDArray[Any], stored: int, high: int, *, signed: bool) -> NDArray[Any]:
    """Only `stored` bits up to the high one count (PS3.5 8.1.1): overlays and rubbish in the word go."""
    array = np.asarray(array, dtype=array.dtype.newbyteorder("="))
    width = array.dtype.itemsize * 8
    if stored == width or (high == stored - 1 and _within(array, stored, signed=signed)):
        return array
    kind = np.dtype(f"{'i' if signed else 'u'}{array.dtype.itemsize}")
    # Up until the high bit is the word's highest, then down again, which carries the sign of signed numbers.
    up = array.view(kind) << (width - 1 - high)
    down: NDArray[Any] = up >> (width - stored)
    return down


def bits_of(dataset: Any, width: int) -> tuple[int, int]:
    """(bits stored, high bit) of words so wide. Raises DecodeFailure where they are none."""
    stored = whole_number(dataset, "BitsStored", width)
    high = whole_number(dataset, "HighBit", stored - 1)
    if not 1 <= stored <= high + 1 <= width:
        raise DecodeFailure("decode:corrupt", f"{stored} bits stored up to bit {high} in {width} bits.")
    return stored, high


def _within(array: NDArray[Any], stored: int, *, signed: bool) -> bool:
    """Whether every value is one that so many bits can hold already."""
    if array.dtype.kind != ("i" if signed else "u"):
        return False
    low, high = (-(1 << (stored - 1)), (1 << (stored - 1)) - 1) if signed else (0, (1 << stored) - 1)
    return bool(array.max() <= high) and (not signed or bool(array.min() >= low))
