"""The files that a DICOMDIR's records name, record by record: nothing is kept but the names, however long the directory is.

A DICOMDIR is explicit little endian (PS3.10 8.6). One that is not laid out so is left to the caller.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from validate.imaging.element_layout import LONG, SHORT, UNDEFINED

RECORDS, FILE_ID = 0x00041220, 0x00041500
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
LONGEST_NAME = 1 << 10  # bytes of a file's id
DEEPEST = 16
CHUNK = 1 << 16

_HEAD = struct.Struct("<HH4s")
_SHORT = struct.Struct("<2sH")
_LONG = struct.Struct("<L")


class NotPlain(Exception):
    """It is not laid out as the standard says."""


def named_files(stream: BinaryIO) -> Iterator[tuple[str, ...]]:
    """The parts of each file id, in the order of the records. Raises NotPlain."""
    stream.seek(0)
    walk = _Walk(stream)
    if walk.take(132)[128:] != b"DICM":
        raise NotPlain
    while True:
        tag, kind, length = walk.element()
        if tag == RECORDS:
            break
        walk.over(kind, length)
    end = None if length == UNDEFINED else walk.at + length
    while end is None or walk.at < end:
        mark, size = walk.mark()
        if mark == SEQUENCE_END and end is None:
            return
        if mark != ITEM:
            raise NotPlain
        stop = None if size == UNDEFINED else walk.at + size
        while stop is None or walk.at < stop:
            tag, kind, length = walk.element()
            if tag == ITEM_END:
                break
            if tag == FILE_ID and kind in SHORT and 0 < length <= LONGEST_NAME:
                text = walk.take(length).decode("iso8859-1")
                yield tuple(part.strip(" \0") for part in text.split("\\"))
            else:
                walk.over(kind, length)


class _Walk:
    """at : bytes that were read or passed over"""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self.at = stream, 0
        self._buffer, self._place = b"", 0

    def take(self, size: int) -> bytes:
        """So many bytes, no more than CHUNK."""
        end = self._place + size
        if end > len(self._buffer):
            self._buffer = self._buffer[self._place :] + self._stream.read(CHUNK)
            self._place, end = 0, size
            if end > len(self._buffer):
                raise NotPlain
        content = self._buffer[self._place : end]
        self._place = end
        self.at += size
        return content

    def element(self) -> tuple[int, bytes, int]:
        """Tag, value representation (empty of an item's end) and length of the value of the next element."""
        group, element, rest = _HEAD.unpack(self.take(8))
        tag = group << 16 | element
        kind, short = _SHORT.unpack(rest)
        if kind in SHORT:
            return tag, kind, short
        if kind in LONG:
            return tag, kind, _LONG.unpack(self.take(4))[0]
        if tag == ITEM_END:
            return tag, b"", 0
        raise NotPlain

    def mark(self) -> tuple[int, int]:
        """Of an item or an end: which, and its length."""
        group, element, rest = _HEAD.unpack(self.take(8))
        return group << 16 | element, _LONG.unpack(rest)[0]

    def over(self, kind: bytes, length: int, depth: int = 0) -> None:
        """Past a value."""
        if length == UNDEFINED:
            if kind != b"SQ" or depth > DEEPEST:
                raise NotPlain
            self._over_items(depth)
            return
        while length > 0:
            length -= len(self.take(min(length, CHUNK)))

    def _over_items(self, depth: int) -> None:
        while True:
            mark, size = self.mark()
            if mark == SEQUENCE_END:
                return
            if mark != ITEM:
                raise NotPlain
            if size != UNDEFINED:
                self.over(b"", size)
                continue
            while (found := self.element())[0] != ITEM_END:
                self.over(*found[1:], depth + 1)
