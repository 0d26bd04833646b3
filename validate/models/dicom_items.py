"""Items, texts and codes of a DICOM dataset that somebody else wrote, read without trusting that they are there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

DEEPEST = 32  # levels of a content tree


def items(item: Any, *keywords: str) -> Iterator[Any]:
    """Those of each of these sequences, in order."""
    for keyword in keywords:
        yield from item.get(keyword) or ()


def text(item: Any, keyword: str) -> str:
    """The element in words; "" where it is empty or not there."""
    return str(item.get(keyword) or "").strip()


def code_of(item: Any) -> tuple[str, str]:
    """(value, scheme) of a code sequence's item, PS3.3 8.8."""
    value = next((said for key in ("CodeValue", "LongCodeValue", "URNCodeValue") if (said := text(item, key))), "")
    return value, text(item, "CodingSchemeDesignator")


def concept(item: Any, keyword: str = "ConceptNameCodeSequence") -> tuple[str, str] | None:
    """The first code of this sequence."""
    return next((code_of(code) for code in items(item, keyword)), None)


def content(item: Any, depth: int = 0) -> Iterator[Any]:
    """Every item of an SR's content tree below this one, top down."""
    if depth > DEEPEST:
        return
    for child in items(item, "ContentSequence"):
        yield child
        yield from content(child, depth + 1)
