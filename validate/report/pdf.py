"""The report on paper: WeasyPrint, without a clock, without a network, without a file but our own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any

from validate.report.binding import Attached, bind
from validate.report.leaves import Leaves
from validate.report.press import Laid, Press

SIGNATURE_ANCHOR = "signature-place-"
SIGNATURE_BOX = (221, 51)  # points: 78 by 18 mm, as in report.css
POINTS = 0.75  # in a CSS pixel


@dataclass(frozen=True, slots=True)
class Paper:
    """content : the PDF's bytes    pages : first and last page of each section, by its anchor    total : pages

    places : empty places for signatures, {"page": from 1, "box": [left, bottom, right, top] in points from the page's corner}
    """

    content: bytes
    pages: dict[str, tuple[int, int]]
    total: int
    places: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class SetPages:
    """Parts in pages with their numbers, before they are bound. Fields as of Paper."""

    leaves: Sequence[Leaves]
    pages: dict[str, tuple[int, int]]
    total: int
    places: tuple[dict[str, Any], ...]


def set_in_pages(parts: Sequence[str], press: Press) -> SetPages:
    """Lay the parts out and number their pages.

    Raises MissingLibrary, naming the Debian package, where WeasyPrint or Pango is not there.
    """
    laid = press.lay_out(parts)
    sizes = [len(part.heights) for part in laid]
    before = [0, *accumulate(sizes)][:-1]
    pages = _section_pages(laid, before)
    leaves = press.number(before, sum(sizes), {name: first for name, (first, _) in pages.items()})
    for message in press.warnings:
        logging.getLogger("validate.report").warning(message)
    return SetPages(leaves, pages, sum(sizes), _signature_places(laid, before))


def bound(pages: SetPages, *, identifier: bytes, created: datetime, attached: Sequence[Attached]) -> Paper:
    """One PDF of all pages; equal arguments give equal bytes on one machine."""
    content = bind(pages.leaves, attached, identifier=identifier, created=created)
    return Paper(content, pages.pages, pages.total, pages.places)


def _signature_places(laid: Sequence[Laid], before: Sequence[int]) -> tuple[dict[str, Any], ...]:
    """Where the boxes for signatures stand, by their anchors; as wide and high as the style sheet makes them."""
    found = {
        anchor.name: (first + anchor.page + 1, part.heights[anchor.page], anchor.x, anchor.y)
        for part, first in zip(laid, before, strict=True)
        for anchor in part.anchors
        if anchor.name.startswith(SIGNATURE_ANCHOR)
    }
    places = []
    for name in sorted(found):
        number, height, x, y = found[name]
        left, top = x * POINTS, (height - y) * POINTS
        box = [left, top - SIGNATURE_BOX[1], left + SIGNATURE_BOX[0], top]
        places.append({"page": number, "box": [round(side) for side in box]})
    return tuple(places)


def _section_pages(laid: Sequence[Laid], before: Sequence[int]) -> dict[str, tuple[int, int]]:
    """First and last page on which each section has a part."""
    pages: dict[str, tuple[int, int]] = {}
    for part, first in zip(laid, before, strict=True):
        for anchor in part.anchors:
            if anchor.name.startswith("section-"):
                number = first + anchor.page + 1
                pages[anchor.name] = (pages.get(anchor.name, (number, number))[0], number)
    return pages
