"""Text in drawings, set word by word.

WeasyPrint shapes every letter of a drawing on its own, which took half the time of a report. Where no letter has a place of its
own, the words of an element are shaped as one, as they are outside of drawings.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

OF_LETTERS = ("x", "y", "dx", "dy", "rotate")


class _Whole(str):
    """A text whose only letter, to whoever goes through them, is itself."""

    __slots__ = ()

    def __iter__(self) -> Iterator[str]:
        yield str(self)


def set_words_whole() -> None:
    """From now on, in this process."""
    from weasyprint import svg

    if getattr(svg.text, "whole", False):
        return
    letter_by_letter = svg.text

    def text(drawing: Any, node: Any, font_size: float) -> None:
        if node.text and not _has_placed_letters(node):
            node._etree_node.text = _Whole(node.text)
        letter_by_letter(drawing, node, font_size)

    text.whole = True  # type: ignore[attr-defined]
    svg.TAGS.update({tag: text for tag, drawn in svg.TAGS.items() if drawn is letter_by_letter})
    svg.text = text


def _has_placed_letters(node: Any) -> bool:
    several = any(len(node.attrib.get(name, "").replace(",", " ").split()) > 1 for name in OF_LETTERS)
    return several or node.get("textLength") is not None or node.get("letter-spacing") is not None
