"""Values of a header's elements as plain text and numbers, without a library object for each: most of an index's time."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileDataset

ESCAPE = b"\x1b"  # switches character sets (PS3.5 6.1.2.5)
TEXTS = frozenset(["AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UI"])


class HeaderValues:
    """What `Dataset.get` gives for top-level elements, with numbers in text left as text.

    dataset : as read, its elements not yet parsed; what is not plain ASCII text or a single number is left to pydicom
    """

    __slots__ = ("_dataset",)

    def __init__(self, dataset: FileDataset) -> None:
        self._dataset = dataset

    @property
    def file_meta(self) -> Mapping[str, Any]:
        """The file meta group; empty where there is none."""
        meta: Mapping[str, Any] = getattr(self._dataset, "file_meta", None) or {}
        return meta

    def get(self, keyword: str) -> Any:
        """Text, a list of texts, a number, or what pydicom makes of it; None where it is absent or empty."""
        tag, representation = _element(keyword)
        if tag not in self._dataset:
            return None
        item = self._dataset.get_item(tag)
        if not isinstance(item, RawDataElement):
            return self._dataset.get(keyword)
        content, kind = item.value, item.VR or representation
        if not content:
            return None
        if kind == "US" and len(content) == 2:
            return int.from_bytes(content, "little" if item.is_little_endian else "big")
        if kind not in TEXTS or not isinstance(content, bytes) or not content.isascii() or ESCAPE in content:
            return self._dataset.get(keyword)
        parts = [part.strip(" \0") for part in content.decode("ascii").split("\\")]
        return parts if len(parts) > 1 else parts[0]


@cache
def _element(keyword: str) -> tuple[int, str]:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return tag, dictionary_VR(tag)
