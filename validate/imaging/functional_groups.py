"""Where a header keeps what belongs to a frame: at the top, or in the functional groups of enhanced objects (PS3.3 C.7.6.16)."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset

from validate.imaging.element_value import value_of
from validate.imaging.volume import DecodeFailure


def macro(dataset: Dataset, frame: int, sequence: str) -> Dataset:
    """The item of this macro (such as "PixelValueTransformationSequence") for a frame, shared or its own.

    Where there are no such groups: the data set itself, in which older objects keep the same keywords.
    """
    for groups, place in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        items = _items(dataset, groups)
        if place < len(items) and (found := _items(items[place], sequence)):
            return found[0]
    return dataset


def _items(dataset: Dataset, keyword: str) -> Any:
    items = value_of(dataset, keyword) or ()
    if isinstance(items, bytes | str):
        raise DecodeFailure("decode:corrupt", f"{keyword} of the header is no sequence.")
    return items
