"""The value of a header's element by keyword: what `Dataset.get` gives, without its detours, which are most of a series' time."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydicom.tag import BaseTag, Tag

from validate.imaging.failure import DecodeFailure
from validate.imaging.quick_dataset import QuickDataset, element_of


def value_of(dataset: Any, keyword: str) -> Any:
    """None where the element is absent or empty."""
    if isinstance(dataset, QuickDataset):
        return dataset.value(keyword)
    tag = _tag(keyword)
    return dataset[tag].value if tag in dataset else None


def whole_number(dataset: Any, keyword: str, default: int) -> int:
    """A header's whole number, or `default` where it is absent or empty. Raises DecodeFailure where it is none."""
    try:
        value = value_of(dataset, keyword)
        return default if value is None or value == "" else int(value)
    except (TypeError, ValueError, OverflowError):
        raise DecodeFailure("decode:corrupt", f"{keyword} is not a number.") from None


@cache
def _tag(keyword: str) -> BaseTag:
    return Tag(element_of(keyword)[0])
