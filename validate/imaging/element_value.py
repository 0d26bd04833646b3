"""The value of a header's element by keyword: what `Dataset.get` gives, without its detours, which are most of a series' time."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag


def value_of(dataset: Dataset, keyword: str) -> Any:
    """None where the element is absent or empty."""
    tag = _tag(keyword)
    return dataset[tag].value if tag in dataset else None


@cache
def _tag(keyword: str) -> BaseTag:
    number = tag_for_keyword(keyword)
    if number is None:
        raise KeyError(keyword)
    return Tag(number)
