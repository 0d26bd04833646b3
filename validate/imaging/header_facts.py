"""What is asked of a header, read by the quick pass where it answers, else by pydicom: the same either way, within bounds."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from validate.imaging.dicom_file import HEAD, InflatedFile, Pixels, announced_pixels
from validate.imaging.element_layout import Value
from validate.imaging.elements import Elements, scan
from validate.imaging.header_values import HeaderValues, ScannedValues, Values
from validate.imaging.header_walk import PER_FRAME


@dataclass(frozen=True, slots=True)
class HeaderFacts:
    """values : of the elements asked for    pixels : as in Header    reader : "quick pass" or "pydicom"

    found : (tag, (representation, content)) of what was sought at any level, and of every text and private element
    """

    values: Values
    pixels: Pixels
    found: Sequence[tuple[int, Value]] | None
    reader: str


def header_facts(
    stream: BinaryIO, head: bytes, size: int, wanted: frozenset[int], *, sought: frozenset[int] | None
) -> HeaderFacts:
    """The values of the wanted tags.

    stream, head, size : a file as `checked_dicom` gave it (its first bytes may be more than that gave)
    Raises DecodeFailure (decode:corrupt, too_large).
    """
    deflated = isinstance(stream, InflatedFile)
    if deflated:
        size = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        elements = scan(stream, stream.read(HEAD), size, wanted, sought=sought, frames=True)
    else:
        elements = scan(stream, head, size, wanted, sought=sought, frames=True)
    if elements is None:
        return _by_pydicom(stream, head, wanted, sought=sought)
    values = ScannedValues(elements, deflated=deflated)
    return HeaderFacts(values, _pixels(stream, elements), elements.found, "quick pass")


def _by_pydicom(stream: BinaryIO, head: bytes, wanted: frozenset[int], *, sought: frozenset[int] | None) -> HeaderFacts:
    from validate.imaging.header import elements_of, header_of  # a library that most processes never need

    header = header_of(stream, head, None if sought is not None else [*wanted, PER_FRAME])
    nested = list(elements_of(header.dataset, sought)) if sought is not None else None
    return HeaderFacts(HeaderValues(header.dataset), header.pixels, nested, "pydicom")


def _pixels(stream: BinaryIO, elements: Elements) -> Pixels:
    """The same, where the quick pass has found the place."""
    if elements.pixels_at == elements.size:
        return "absent"
    stream.seek(elements.pixels_at)
    return announced_pixels(stream, stream.read(12), elements.pixels_at, elements.size, little=elements.little)
