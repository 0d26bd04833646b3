"""Values of a header's elements as plain text and numbers, without a library object for each: most of an index's time."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

from validate.imaging.elements import Elements
from validate.imaging.file_meta import DEFLATED, TRANSFER_SYNTAX
from validate.imaging.frame_values import FrameValues, library_frame_values
from validate.imaging.header_keywords import HEADER_KEYWORDS
from validate.imaging.reader_warnings import silence_readers

ESCAPE = b"\x1b"  # switches character sets (PS3.5 6.1.2.5)
TEXTS = frozenset(["AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UI"])
KINDS = {kind.encode(): kind for kind in (*TEXTS, "US")}
CHARACTER_SET = 0x00080005
PIXEL_REPRESENTATION = 0x00280103
STORAGE_CLASS = 0x00020002
SHARED_GROUPS = 0x52009229
OWN = frozenset({0x00080018, 0x0020000D, 0x0020000E})  # instance, study and series
MOST_REMEMBERED = 1 << 14
LONGEST_REMEMBERED = 64  # bytes
LONGEST_SEQUENCE, MOST_SEQUENCES = 512, 256


class Values(Protocol):
    """What is asked of a header, however it was read."""

    @property
    def transfer_syntax(self) -> str | None:
        """The UID that file meta names."""

    @property
    def storage_class(self) -> str | None:
        """The storage class that file meta names."""

    def get(self, keyword: str) -> Any:
        """Text, a list of texts, a number, or what pydicom makes of it; None where it is absent or empty."""

    def element(self, tag: int) -> Any:
        """The element as pydicom reads it, or None."""

    @property
    def frames(self) -> FrameValues | None:
        """What the frames of an enhanced object say each for itself; None of any other."""

    @property
    def same_where(self) -> tuple[Any, ...] | None:
        """What decides everything but the identity of the instance: where it is equal, all that is harvested is."""


class HeaderValues:
    """What `Dataset.get` gives for top-level elements, with numbers in text left as text.

    dataset : as read, its elements not yet parsed; what is not plain ASCII text or a single number is left to pydicom
    """

    __slots__ = ("_dataset", "_raw")

    def __init__(self, dataset: Any) -> None:
        from pydicom.dataelem import RawDataElement

        self._dataset, self._raw = dataset, RawDataElement

    @property
    def transfer_syntax(self) -> str | None:
        """The UID that file meta names."""
        return self._meta("TransferSyntaxUID")

    @property
    def storage_class(self) -> str | None:
        """The storage class that file meta names."""
        return self._meta("MediaStorageSOPClassUID")

    def _meta(self, keyword: str) -> str | None:
        meta: Mapping[str, Any] = getattr(self._dataset, "file_meta", None) or {}
        value = meta.get(keyword)
        return str(value) if value else None

    def get(self, keyword: str) -> Any:
        """Text, a list of texts, a number, or what pydicom makes of it; None where it is absent or empty."""
        tag, representation = element_of(keyword)
        if tag not in self._dataset:
            return None
        item = self._dataset.get_item(tag)
        if not isinstance(item, self._raw):
            return self._dataset.get(keyword)
        content = item.value
        if not content:
            return None
        plain = _plain(item.VR or representation, content, little=item.is_little_endian)
        return self._dataset.get(keyword) if plain is None else plain

    def element(self, tag: int) -> Any:
        """The element as pydicom reads it, or None."""
        return self._dataset.get(tag)

    @property
    def frames(self) -> FrameValues | None:
        """What the frames of an enhanced object say each for itself; None of any other."""
        return library_frame_values(self._dataset)

    @property
    def same_where(self) -> tuple[Any, ...] | None:
        """Unknown here."""
        return None


class ScannedValues:
    """The same of a header that the quick pass read."""

    __slots__ = ("_deflated", "_elements", "_values")

    def __init__(self, elements: Elements, *, deflated: bool = False) -> None:
        """Deflated : the file was; inside it is explicit little endian, and its file meta said so when it was scanned."""
        self._elements, self._values, self._deflated = elements, elements.values, deflated

    @property
    def transfer_syntax(self) -> str | None:
        """The UID that file meta names."""
        return DEFLATED.decode() if self._deflated else self._meta(TRANSFER_SYNTAX)

    @property
    def storage_class(self) -> str | None:
        """The storage class that file meta names."""
        return self._meta(STORAGE_CLASS)

    def _meta(self, tag: int) -> str | None:
        content = self._elements.meta.get(tag)
        return content.decode("iso8859-1").rstrip("\0 ") or None if content is not None else None

    def get(self, keyword: str) -> Any:
        """Text, a list of texts, a number, or what pydicom makes of it; None where it is absent or empty."""
        tag, representation = HEADER_KEYWORDS.get(keyword) or element_of(keyword)
        found = self._values.get(tag)
        if found is None or not found[1]:
            return None
        little = self._elements.little
        plain = REMEMBERED.get((found, representation)) if little else None
        if plain is not None:
            return plain
        kind, content = found
        plain = _plain(representation if kind is None else KINDS.get(kind, ""), content, little=little)
        if plain is None:
            return self._items(tag, found) if representation == "SQ" else self._converted(tag)
        if little and len(content) <= LONGEST_REMEMBERED:
            if len(REMEMBERED) >= MOST_REMEMBERED:
                REMEMBERED.clear()
            REMEMBERED[found, representation] = plain
        return plain

    def _converted(self, tag: int) -> Any:
        element = self.element(tag)
        return None if element is None else element.value

    def _items(self, tag: int, found: tuple[bytes | None, bytes]) -> Any:
        """A sequence; a short one, such as the code of a view, is the same in thousands of files and read once."""
        if not self._elements.little or len(found[1]) > LONGEST_SEQUENCE:
            return self._converted(tag)
        items = SEQUENCES.get(found)
        if items is None:
            if len(SEQUENCES) >= MOST_SEQUENCES:
                SEQUENCES.clear()
            items = SEQUENCES[found] = self._converted(tag)
        return items

    def element(self, tag: int) -> Any:
        """The element as pydicom makes it of the same bytes, or None."""
        found = self._values.get(tag)
        if found is None:
            return None
        from pydicom.dataelem import RawDataElement, convert_raw_data_element  # most headers need no library
        from pydicom.filewriter import correct_ambiguous_vr_element
        from pydicom.tag import BaseTag
        from pydicom.valuerep import AMBIGUOUS_VR

        silence_readers()
        kind, content = found
        _, characters = self._values.get(CHARACTER_SET, (None, b""))
        raw = RawDataElement(
            BaseTag(tag),
            None if kind is None else kind.decode("ascii"),
            len(content),
            content or None,
            0,
            self._elements.implicit,
            self._elements.little,
        )
        around = self._around(tag)
        element = convert_raw_data_element(raw, encoding=_encodings(characters), ds=around)
        if element.VR in AMBIGUOUS_VR:
            element = correct_ambiguous_vr_element(element, around, self._elements.little)
        return element

    @property
    def frames(self) -> FrameValues | None:
        """What the frames of an enhanced object say each for itself; None of any other."""
        return self._elements.frames

    @property
    def same_where(self) -> tuple[Any, ...] | None:
        """Every element that is kept, but for those that tell instances and series apart.

        Unknown of an enhanced object: it is a series by itself, and what its frames share is too much to be remembered.
        """
        elements = self._elements
        if SHARED_GROUPS in self._values or elements.frames is not None:
            return None
        deciding = [item for item in self._values.items() if item[0] not in OWN]
        return (elements.implicit, elements.little, self.transfer_syntax, self.storage_class, *deciding)

    def _around(self, tag: int) -> Any:
        """What the meaning of an element depends on: who made the private block, and whether pixels are signed."""
        from pydicom.dataset import Dataset

        around = Dataset()
        for other in companions(tag):
            if other in self._values:
                around[other] = self.element(other)
        return around


SEQUENCES: dict[tuple[bytes | None, bytes], Any] = {}
REMEMBERED: dict[tuple[tuple[bytes | None, bytes], str], Any] = {}  # values that many files share, as read


def companions(tag: int) -> tuple[int, ...]:
    """Other elements that one is understood by: the creator of a private block (PS3.5 7.8.1), the sign of pixels."""
    group, block = tag >> 16, (tag >> 8) & 0xFF
    if group % 2:
        return (group << 16 | block,) if block else ()
    return (PIXEL_REPRESENTATION,) if tag != PIXEL_REPRESENTATION else ()


def _plain(kind: str, content: Any, *, little: bool) -> Any:
    """Plain ASCII text, texts or a single number; None where pydicom must say what it is."""
    if kind == "US" and len(content) == 2:
        return int.from_bytes(content, "little" if little else "big")
    if kind not in TEXTS or not isinstance(content, bytes) or not content.isascii() or ESCAPE in content:
        return None
    text = content.decode("ascii")
    if "\\" not in text:
        return text.strip(" \0")
    return [part.strip(" \0") for part in text.split("\\")]


@lru_cache(maxsize=64)
def _encodings(characters: bytes) -> list[str]:
    from pydicom.charset import convert_encodings

    texts = [part.strip(" \0") for part in characters.decode("ascii", "replace").split("\\")]
    found: list[str] = convert_encodings(texts if len(texts) > 1 else texts[0])
    return found


def element_of(keyword: str) -> tuple[int, str]:
    """Tag and value representation. Raises KeyError where it is no keyword."""
    known = HEADER_KEYWORDS.get(keyword)
    if known is not None:
        return known
    from pydicom.datadict import dictionary_VR, tag_for_keyword

    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return tag, dictionary_VR(tag)
