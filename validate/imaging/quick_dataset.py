"""The few elements of a header that say what its pixels are, converted when they are asked for: plain texts and numbers at once, all
else by pydicom, from the same bytes."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import UID

from validate.imaging.element_layout import Value

TEXTS = frozenset([b"CS", b"LO", b"SH", b"UI", b"AS", b"DA", b"TM"])
NUMBERS = frozenset([b"DS", b"IS"])


class QuickDataset:
    """What imaging asks of a pydicom data set. syntax : transfer syntax    pixels : tag, representation and content of their element."""

    __slots__ = ("_full", "_known", "_values", "implicit", "little", "pixels", "syntax")

    def __init__(
        self,
        values: dict[int, Value],
        *,
        implicit: bool,
        little: bool,
        syntax: str,
        pixels: tuple[int, bytes | None, int, bytes | memoryview] | None,
    ) -> None:
        self._values, self.implicit, self.little = values, implicit, little
        self.syntax, self.pixels = syntax, pixels
        self._full: Dataset | None = None
        self._known: dict[int, Any] = {}

    @property
    def original_encoding(self) -> tuple[bool, bool]:
        """(implicit, little endian), as pydicom says it."""
        return self.implicit, self.little

    def value(self, keyword: str) -> Any:
        """None where the element is absent or empty."""
        tag, known = element_of(keyword)
        found = self._values.get(tag)
        if found is None:
            return self.pixels[3] if self.pixels is not None and tag == self.pixels[0] else None
        if tag not in self._known:
            self._known[tag] = self._converted(tag, found[0] or known, found[1]) if found[1] else None
        return self._known[tag]

    def _converted(self, tag: int, kind: bytes, content: bytes) -> Any:
        if kind == b"US" and len(content) == 2:
            return int.from_bytes(content, "little" if self.little else "big")
        if (kind in NUMBERS or kind in TEXTS) and content.isascii():
            texts = [part.strip(" \0") for part in content.decode("ascii").split("\\")]
            try:
                parts = [_number(text, kind) for text in texts] if kind in NUMBERS else texts
            except ValueError:
                return self.full()[tag].value
            return parts if len(parts) > 1 else parts[0]
        return self.full()[tag].value

    def full(self) -> Dataset:
        """The same elements as pydicom holds them."""
        if self._full is None:
            values = {tag: (kind, len(content), content) for tag, (kind, content) in self._values.items()}
            if self.pixels is not None:
                tag, kind, length, content = self.pixels
                values[tag] = (kind, length, bytes(content))
            self._full = Dataset(
                {
                    Tag(tag): RawDataElement(
                        Tag(tag), kind and kind.decode(), length, content, 0, self.implicit, self.little
                    )
                    for tag, (kind, length, content) in values.items()
                }
            )
            self._full.file_meta = FileMetaDataset()
            self._full.file_meta.TransferSyntaxUID = UID(self.syntax)
            self._full.set_original_encoding(self.implicit, self.little)
        return self._full

    def get(self, keyword: str, default: Any = None) -> Any:
        """As `Dataset.get`."""
        found = self.value(keyword)
        return default if found is None else found

    def __contains__(self, key: str | int) -> bool:
        tag = key if isinstance(key, int) else element_of(key)[0]
        return tag in self._values or (self.pixels is not None and tag == self.pixels[0])

    def __getitem__(self, key: Any) -> Any:
        return self.full()[key]

    def __getattr__(self, name: str) -> Any:
        if tag_for_keyword(name) is None:
            raise AttributeError(name)
        return self.value(name)


def real(dataset: Any) -> Any:
    """A pydicom data set, for pydicom's own functions."""
    return dataset.full() if isinstance(dataset, QuickDataset) else dataset


def _number(text: str, kind: bytes) -> float | int:
    return int(text) if kind == b"IS" else float(text)


@cache
def element_of(keyword: str) -> tuple[int, bytes]:
    """(tag, representation) of a keyword. Raises KeyError where there is none such."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return int(tag), dictionary_VR(tag).encode()
