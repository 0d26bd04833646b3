"""The style sheet that the typesetter brings along, with what it says of marks and notes kept to elements that have any.

WeasyPrint gives every element six styles for marks of lists and notes that next to none of them has: a tenth of all setting. Here
they go to items of lists and to our footnotes. Where a house's style makes a list or a note of anything else, all stays as it was.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

MARKS = {"marker": "li::marker"}
NOTES = ("footnote-call", "footnote-marker", "note-call", "note-marker", "note-callback")
UNIVERSAL = re.compile(r"^::([a-z-]+)(?= \{)", re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
MAKES = re.compile(r"list-item|float\s*:\s*footnote|note\(")
INLINE = re.compile(r"""style\s*=\s*["'][^"'>]*(?:list-item|footnote|note\()""")
OURS = {".footnote"}


def engine_styles(styles: tuple[str, ...], html: str) -> list[Any] | None:
    """The sheets in place of WeasyPrint's own; None where those must stay.    styles : of the report and of the house"""
    return None if _made(styles) - OURS or INLINE.search(html) else [_narrowed()]


@cache
def _made(styles: tuple[str, ...]) -> set[str]:
    """What the style sheets make a note or an item of a list."""
    rules = (rule.rpartition("{") for style in styles for rule in COMMENT.sub("", style).split("}"))
    return {selector.rpartition("{")[2].strip() for selector, _, body in rules if MAKES.search(body)}


@cache
def _narrowed() -> Any:
    from weasyprint import CSS, html
    from weasyprint.css.counters import CounterStyle

    return CSS(string=UNIVERSAL.sub(_narrow, html.UA), counter_style=CounterStyle())


def _narrow(found: re.Match[str]) -> str:
    name = found.group(1)
    return MARKS.get(name) or (f".footnote::{name}" if name in NOTES else found.group())
