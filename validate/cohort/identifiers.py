"""Header elements that can say who somebody is (PS3.15 Annex E, table E.1-1), by kind, and which of them a file fills."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from validate.errors import DataError

Kind = Literal["person", "date", "institution", "device", "uid", "text"]
HERE = Path(__file__).with_name("identifiers.csv")
PRIVATE, BURNED_IN = "private elements", "burned-in text (says the header)"
DEEPEST = 8
UNSEARCHED = "PerFrameFunctionalGroupsSequence"  # thousands of items that hold geometry


@cache
def identifying() -> Mapping[str, Kind]:
    """Kind by DICOM keyword."""
    with HERE.open(encoding="utf-8", newline="") as stream:
        return {row["keyword"]: row["kind"] for row in csv.DictReader(stream)}  # type: ignore[misc]


def tag_number(tag: str) -> int:
    """A keyword or "(gggg,eeee)" as a number. Raises DataError where it is neither."""
    try:
        group, _, element = tag.strip("()").partition(",")
        number = int(Tag(int(group, 16), int(element, 16)) if tag.startswith("(") else Tag(tag or 0))
    except (ValueError, TypeError, OverflowError):
        number = 0
    if number == 0:
        raise DataError(f"'{tag}' is no DICOM keyword, and no tag as in (0018,0060).")
    return number


def kind_of(tag: str) -> Kind | None:
    """What a keyword or "(gggg,eeee)" tag identifies, or None. Private elements count as free text."""
    number = tag_number(tag)
    return "text" if Tag(number).is_private else identifying().get(keyword_for_tag(number))


def filled(dataset: Dataset) -> frozenset[str]:
    """Keywords of identifying elements with a value, at any depth; and whether there are private or burned-in ones."""
    return frozenset(_filled(dataset, 0))


def _filled(dataset: Dataset, depth: int) -> Iterator[str]:
    for element in dataset:
        if element.tag.is_private:
            yield PRIVATE
        elif element.keyword in identifying() and _has_value(element):
            yield element.keyword
        elif element.keyword == "BurnedInAnnotation" and str(element.value).strip().upper() == "YES":
            yield BURNED_IN
        if element.VR == "SQ" and element.keyword != UNSEARCHED and depth < DEEPEST:
            for item in element.value:
                yield from _filled(item, depth + 1)


def _has_value(element: Any) -> bool:
    return element.value is not None and str(element.value).strip() not in {"", "[]"}
