"""Header elements that can say who somebody is (PS3.15 Annex E, table E.1-1), by kind, and which of them a file fills."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from validate.cohort.free_text import names_somebody
from validate.errors import DataError
from validate.imaging.element_layout import Value

Kind = Literal["person", "date", "institution", "device", "uid", "text", "characteristic"]
HERE = Path(__file__).with_name("identifiers.csv")
PRIVATE, BURNED_IN = "private elements", "burned-in text (says the header)"
NAMED, OVERLAYS = "names in free text", "overlay planes, which may hold text"
SIGNS = (PRIVATE, BURNED_IN, NAMED, OVERLAYS)
BURNED_IN_ANNOTATION = 0x00280301
BLANK = b" \0\\"


@cache
def identifying() -> Mapping[str, Kind]:
    """Kind by DICOM keyword."""
    return dict(_table().values())


@cache
def _table() -> dict[int, tuple[str, Kind]]:
    """(keyword, kind) by tag."""
    with HERE.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream)
        return {int(row["tag"], 16): (row["keyword"], row["kind"]) for row in rows}  # type: ignore[misc]


def tag_number(tag: str) -> int:
    """A keyword or "(gggg,eeee)" as a number. Raises DataError where it is neither."""
    from pydicom.tag import Tag  # only where a protocol names tags

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
    return "text" if (number >> 16) & 1 else _table().get(number, ("", None))[1]


def found_in(elements: Iterable[tuple[int, Value]]) -> frozenset[str]:
    """Keywords of identifying elements with a value, at any level; and other signs (SIGNS).

    elements : every element of a header, as bytes (imaging.elements)
    """
    found: set[str] = set()
    kinds = _identifying_tags()
    elements = list(elements)
    for tag, (_, content) in elements:
        if (tag >> 16) & 1:
            if tag & 0xFFFF > 0xFF and _filled(content):
                found.add(PRIVATE)
        elif (keyword := kinds.get(tag)) is not None:
            if keyword not in found and _filled(content):
                found.add(keyword)
        elif tag == BURNED_IN_ANNOTATION and content.strip(b" \0").upper() == b"YES":
            found.add(BURNED_IN)
        elif 0x60000000 <= tag <= 0x60FFFFFF and tag & 0xFFFF == 0x3000 and content.strip(b"\0"):
            found.add(OVERLAYS)
    if names_somebody(elements, sought_tags()):
        found.add(NAMED)
    return frozenset(found)


def _filled(content: bytes) -> bool:
    return bool(content.strip(BLANK))


@cache
def sought_tags() -> frozenset[int]:
    """Tags whose elements are looked for at every level."""
    overlays = (0x60000000 | group << 16 | 0x3000 for group in range(0, 0x20, 2))
    return frozenset([*_table(), BURNED_IN_ANNOTATION, *overlays])


@cache
def _identifying_tags() -> dict[int, str]:
    return {tag: keyword for tag, (keyword, _) in _table().items()}
