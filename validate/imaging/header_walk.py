"""A walk over a header's bytes: a window on the file, and sequences, passed over or looked into (PS3.5 7.5)."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import BinaryIO

from validate.imaging.element_layout import IMPLICIT_ELEMENT, LENGTH, LONG, META, SHORT, UNDEFINED, Value
from validate.imaging.failure import DecodeFailure

FIRST_ITEM = b"\xfe\xff\x00\xe0"
TELLING = frozenset([*b"LO LT PN SH ST UC UT UN".split(), None])  # kinds of elements in which anything may be written
PER_FRAME = 0x52009230  # thousands of items that hold geometry
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
WINDOW = 1 << 16  # bytes read at once, past the first
LONGEST = 1 << 16  # bytes of one value that are kept
DEEPEST = 16
MOST_ELEMENTS = 2_000_000
SEQUENCES: tuple[bytes | None, ...] = (b"SQ", b"UN", None)


class OutOfTheOrdinary(Exception):
    """The quick pass does not answer for this file."""


class HeaderWalk:
    """buffer, base : bytes of the file, and where they begin    count : of elements so far    implicit, big : of the top level

    found : as of elements.Elements; None where nothing is sought
    frames : place and length of what the frames of an enhanced object say, once it was passed
    """

    __slots__ = ("base", "big", "buffer", "count", "found", "frames", "implicit", "size", "sought", "stream")

    def __init__(self, stream: BinaryIO, head: bytes, size: int, sought: Container[int] | None) -> None:
        self.stream, self.size, self.sought = stream, size, sought or frozenset()
        self.buffer, self.base, self.count = head, 0, 0
        self.implicit, self.big = False, False
        self.frames: tuple[int, int] | None = None
        self.found: list[tuple[int, Value]] | None = None if sought is None else []

    def holds_items(self, kind: bytes | None, at: int, length: int) -> bool:
        """Whether an element of known length is a sequence; where its kind is not said, by how it begins."""
        if kind is None or kind == b"UN":
            if length < 8 or at + length > self.size:
                return False
            content = self.content(at, min(length, LONGEST))
            if content.startswith(FIRST_ITEM):
                return True
            if FIRST_ITEM in content:  # a damaged sequence, or bytes by chance
                raise OutOfTheOrdinary
            return False
        return kind == b"SQ"

    def window(self, at: int) -> bytes:
        """The bytes from here on."""
        self.stream.seek(at)
        self.buffer, self.base = self.stream.read(WINDOW), at
        return self.buffer

    def content(self, at: int, length: int) -> bytes:
        """So many bytes from here on, whether they are in the window or not."""
        i = at - self.base
        if i >= 0 and i + length <= len(self.buffer):
            return self.buffer[i : i + length]
        self.stream.seek(at)
        content = self.stream.read(length)
        if len(content) < length:
            raise OutOfTheOrdinary
        return content

    def items(self, kind: bytes | None, start: int, end: int) -> bytes:
        """The bytes of a sequence that was walked, its end mark among them; long ones and those of no kind are left to pydicom."""
        if kind == b"UN" or end - start > LONGEST:
            raise OutOfTheOrdinary
        return self.content(start, end - start)

    def _unpacked(self, how: Callable[[bytes, int], tuple[int, ...]], at: int, needed: int) -> tuple[int, ...]:
        i = at - self.base
        if i < 0 or i + needed > len(self.buffer):
            self.window(at)
            i = 0
        return how(self.buffer, i)

    def sequence(self, tag: int, kind: bytes | None, start: int, length: int, depth: int = 0) -> int:
        """Where a sequence ends; its elements are kept where everything is asked for. Raises for what is no sequence."""
        if depth > DEEPEST or self.big or kind not in SEQUENCES:
            raise OutOfTheOrdinary
        # PS3.5 6.2.2: what is UN holds implicit elements.
        implicit = kind != b"SQ"
        keep = self.found
        place = len(keep) if keep is not None else 0
        if keep is not None:
            keep.append((tag, (b"SQ", b"")))
            if tag == PER_FRAME:
                self.found = None  # geometry of thousands of frames: passed over
        end = start + length if length != UNDEFINED else None
        if (end or 0) > self.size:
            raise OutOfTheOrdinary
        if tag == PER_FRAME and end is not None:
            at, filled = end, length > 0
        else:
            at, filled = self._items(start, end, implicit=implicit, depth=depth)
        if keep is not None:
            self.found = keep
            if filled:
                keep[place] = (tag, (b"SQ", b"x"))
        return at

    def _items(self, at: int, end: int | None, *, implicit: bool, depth: int) -> tuple[int, bool]:
        filled = False
        while end is None or at < end:
            self.step()
            group, element, length = self._unpacked(IMPLICIT_ELEMENT, at, 8)
            mark = group << 16 | element
            at += 8
            if mark == SEQUENCE_END and end is None and length == 0:
                return at, filled
            if mark != ITEM:
                raise OutOfTheOrdinary
            filled = True
            stop = at + length if length != UNDEFINED else None
            if (stop or 0) > (end or self.size):
                raise OutOfTheOrdinary
            if stop is not None and self.found is None:
                at = stop
                continue
            at = self._item(at, stop, implicit=implicit, depth=depth)
        if at != end:
            raise OutOfTheOrdinary
        return at, filled

    def _item(self, at: int, stop: int | None, *, implicit: bool, depth: int) -> int:
        """Where an item ends."""
        if not self.implicit and (stop is None or at + 6 <= stop) and self._looks_explicit(at) == implicit:
            raise OutOfTheOrdinary
        while stop is None or at < stop:
            self.step()
            tag, kind, length, place = self.announced(at, implicit=implicit)
            if tag == ITEM_END and stop is None:
                return place
            if not 0x00080000 <= tag < ITEM:
                raise OutOfTheOrdinary
            if length == UNDEFINED or (self.found is not None and self.holds_items(kind, place, length)):
                at = self.sequence(tag, kind, place, length, depth + 1)
                continue
            at = place + length
            if at > (stop or self.size):
                raise OutOfTheOrdinary
            if self.found is not None and (kind in TELLING or tag in self.sought or (tag >> 16) & 1):
                self.found.append((tag, (kind, self.content(place, min(length, LONGEST)))))
        if at != stop:
            raise OutOfTheOrdinary
        return at

    def announced(self, at: int, *, implicit: bool) -> tuple[int, bytes | None, int, int]:
        """Tag, representation, length and place of the value of the element that begins here."""
        if implicit:
            group, element, length = self._unpacked(IMPLICIT_ELEMENT, at, 8)
            return group << 16 | element, None, length, at + 8
        group, element, raw, length = self._unpacked(META, at, 8)
        kind: bytes = raw  # type: ignore[assignment]
        tag = group << 16 | element
        if tag == ITEM_END:
            return tag, None, length, at + 8
        if kind in LONG:
            (length,) = self._unpacked(LENGTH, at + 8, 4)
            return tag, kind, length, at + 12
        if kind not in SHORT:
            raise OutOfTheOrdinary
        return tag, kind, length, at + 8

    def _looks_explicit(self, at: int) -> bool | None:
        """Whether an item's first element has a value representation; None of an empty item."""
        self._unpacked(LENGTH, at, 8)
        i = at - self.base
        if self.buffer[i : i + 4] == b"\xfe\xff\x0d\xe0":
            return None
        return 0x40 < self.buffer[i + 4] < 0x5B and 0x40 < self.buffer[i + 5] < 0x5B

    def step(self) -> None:
        """One element more. Raises DecodeFailure past the most there may be."""
        self.count += 1
        if self.count > MOST_ELEMENTS:
            raise too_many()


def too_many() -> DecodeFailure:
    """The failure of a header that goes on and on."""
    return DecodeFailure("decode:too_large", f"The header has more than {MOST_ELEMENTS:,} elements.")
