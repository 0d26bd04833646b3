"""The elements of a header as bytes, in one quick pass over the file. What is out of the ordinary is left to pydicom.

Most of the time that a library takes for a header goes into objects for elements that nobody asks for. This pass hops from
element to element (PS3.5 7.1) and keeps the bytes of those that are wanted. It answers only where the file is laid out
as the standard says; for anything else it returns None, and the caller reads the file with pydicom, the reference that tests
hold this against.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from typing import BinaryIO

from validate.imaging.element_layout import (
    ANNOUNCED,
    BIG_EXPLICIT,
    BIG_LENGTH,
    IMPLICIT_ELEMENT,
    LENGTH,
    LONG,
    META,
    SHORT,
    UNDEFINED,
    Value,
)
from validate.imaging.failure import DecodeFailure
from validate.imaging.file_meta import BIG, DEFLATED, EXPLICIT, IMPLICIT, TRANSFER_SYNTAX, file_meta

LOWEST, HIGHEST = 0x00080000, 0x7FE00008  # of tags between file meta and pixels
FIRST_ITEM = b"\xfe\xff\x00\xe0"
TELLING = frozenset([*b"LO LT PN SH ST UC UT UN".split(), None])  # kinds of elements in which anything may be written
FIRST_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
PER_FRAME = 0x52009230  # thousands of items that hold geometry
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
WINDOW = 1 << 16  # bytes read at once, past the first
LONGEST = 1 << 16  # bytes of one value that are kept
DEEPEST = 16
MOST_ELEMENTS = 2_000_000


class _OutOfTheOrdinary(Exception):
    """The quick pass does not answer for this file."""


@dataclass(frozen=True, slots=True)
class Elements:
    """A header as it lies in the file.

    meta, values : wanted elements of the file meta group and of the top level, by tag; the last of a tag counts
    found : where tags were sought, (tag, value) of each of them at every level, of every text and of every private element,
        in the order of the file; a sequence has b"x" as its content where it has items
    pixels_at : where the element begins that holds the pixels, or the end of the file
    """

    meta: dict[int, bytes]
    values: dict[int, Value]
    found: list[tuple[int, Value]] | None
    implicit: bool
    little: bool
    pixels_at: int
    size: int = field(default=0)


def scan(
    stream: BinaryIO,
    head: bytes,
    size: int,
    wanted: Container[int],
    *,
    sought: Container[int] | None = None,
) -> Elements | None:
    """One pass over the header, or None where pydicom must read it.

    head : the file's first bytes, as many as the caller has read      size : of the whole file
    sought : tags to be found at any level; None where the top level is enough
    Raises DecodeFailure (decode:too_large) where there are more elements than any image has.
    """
    try:
        return _Pass(stream, head, size, wanted, sought).elements()
    except (_OutOfTheOrdinary, struct.error, LookupError):
        return None


class _Pass:
    __slots__ = (
        "base",
        "big",
        "buffer",
        "count",
        "head",
        "implicit",
        "nested",
        "size",
        "sought",
        "stream",
        "wanted",
    )

    def __init__(
        self,
        stream: BinaryIO,
        head: bytes,
        size: int,
        wanted: Container[int],
        sought: Container[int] | None,
    ) -> None:
        self.stream, self.head, self.size, self.wanted = stream, head, size, wanted
        self.sought = sought or frozenset()
        self.buffer, self.base, self.count = head, 0, 0
        self.implicit, self.big = False, False
        self.nested: list[tuple[int, Value]] | None = None if sought is None else []

    def elements(self) -> Elements:
        start = 132 if self.head[128:132] == b"DICM" else 0
        found = file_meta(self.head, start)
        if found is None:
            raise _OutOfTheOrdinary
        meta, at = found
        self._encoding(meta.get(TRANSFER_SYNTAX), at)
        values: dict[int, Value] = {}
        pixels_at = self._top(at, values)
        return Elements(meta, values, self.nested, self.implicit, not self.big, pixels_at, self.size)

    def _encoding(self, syntax: bytes | None, at: int) -> None:
        """As file meta says; without it, as the first element shows. Where the two disagree, pydicom decides."""
        looks_explicit = 0x40 < self.head[at + 4] < 0x5B and 0x40 < self.head[at + 5] < 0x5B
        if syntax is None:
            if looks_explicit and self.head[at + 4 : at + 6] not in LONG | SHORT:
                raise _OutOfTheOrdinary
            self.implicit = not looks_explicit
            # A big endian group, read as little endian, is at least 0x0400 up to group 0x00FF.
            self.big = looks_explicit and self.head[at + 1] >= 4
            return
        syntax = syntax.rstrip(b"\0 ")
        if syntax == BIG:
            self.big = True
        elif syntax == IMPLICIT:
            self.implicit = True
        elif syntax == DEFLATED or not syntax.startswith(EXPLICIT):
            raise _OutOfTheOrdinary
        if self.implicit == looks_explicit:
            raise _OutOfTheOrdinary

    def _top(self, at: int, values: dict[int, Value]) -> int:  # noqa: C901, PLR0912, PLR0915 (the one hot loop, in one piece)
        """Read the top level; returns where the pixels begin, or the end of the file."""
        size, wanted, implicit, nested = self.size, self.wanted, self.implicit, self.nested
        read, order = (BIG_EXPLICIT, BIG_LENGTH) if self.big else (META, LENGTH)
        announced, telling, sought, found = ANNOUNCED, TELLING, self.sought, nested if nested is not None else []
        buffer, base = self.buffer, self.base
        full = len(buffer)
        kind: bytes | None = None
        place = 8
        plain = not implicit and not self.big and nested is None
        fresh = plain
        for _ in range(MOST_ELEMENTS):
            if fresh:
                at, fresh = self._over_plain(at, values), False
            i = at - base
            if i + 12 > full:
                if at + 8 > size:
                    if at != size:
                        raise _OutOfTheOrdinary
                    return at
                buffer, base, i = self._window(at), at, 0
                full = len(buffer)
                fresh = plain
            if implicit:
                group, element, length = IMPLICIT_ELEMENT(buffer, i)
            else:
                group, element, kind, length = read(buffer, i)
                place = announced[kind]
                if place == 12:
                    length = order(buffer, i + 8)[0]
            tag = group << 16 | element
            if not LOWEST <= tag < HIGHEST:
                if tag in FIRST_PIXELS:
                    return at
                if not LOWEST <= tag < ITEM:
                    raise _OutOfTheOrdinary
            at += place
            if (place == 12 or implicit) and (
                length == UNDEFINED or (nested is not None and self._holds_items(kind, at, length))
            ):
                if tag in wanted:
                    raise _OutOfTheOrdinary
                at = self._sequence(tag, kind, at, length)
                buffer, base = self.buffer, self.base
                full = len(buffer)
                fresh = plain
                continue
            start, at = at, at + length
            if at > size:
                raise _OutOfTheOrdinary
            kept = nested is not None and (kind in telling or tag in sought or group & 1)
            if kept or tag in wanted:
                i += place
                if i + length <= full:
                    content = buffer[i : i + length]
                elif tag in wanted and length > LONGEST:
                    raise _OutOfTheOrdinary
                else:
                    content = self._content(start, min(length, LONGEST))
                if tag in wanted:
                    values[tag] = (kind, content)
                if kept:
                    found.append((tag, (kind, content)))
        raise _too_many()

    def _over_plain(self, at: int, values: dict[int, Value]) -> int:
        """Over elements that are as most are: explicit little endian, of known length, all in the buffer. Where the first is not."""
        buffer, wanted, short, long = self.buffer, self.wanted, SHORT, LONG
        full, i = len(buffer), at - self.base
        last = full - 12
        done = 0
        for done in range(full >> 3):  # noqa: B007 (how many there were)
            if i > last:
                break
            group, element, kind, length = META(buffer, i)
            start = i + 8
            if kind not in short:
                if kind not in long:
                    break
                length, start = LENGTH(buffer, start)[0], i + 12
            end = start + length
            if end > full or not 8 <= group < 0x7FE0:
                break
            tag = group << 16 | element
            if tag in wanted:
                values[tag] = (kind, buffer[start:end])
            i = end
        self.count += done
        if self.count > MOST_ELEMENTS:
            raise _too_many()
        return self.base + i

    def _holds_items(self, kind: bytes | None, at: int, length: int) -> bool:
        """Whether an element of known length is a sequence; where its kind is not said, by how it begins."""
        if kind is None or kind == b"UN":
            if length < 8 or at + length > self.size:
                return False
            content = self._content(at, min(length, LONGEST))
            if content.startswith(FIRST_ITEM):
                return True
            if FIRST_ITEM in content:  # a damaged sequence, or bytes by chance
                raise _OutOfTheOrdinary
            return False
        return kind == b"SQ"

    def _window(self, at: int) -> bytes:
        self.stream.seek(at)
        self.buffer, self.base = self.stream.read(WINDOW), at
        return self.buffer

    def _content(self, at: int, length: int) -> bytes:
        i = at - self.base
        if i >= 0 and i + length <= len(self.buffer):
            return self.buffer[i : i + length]
        self.stream.seek(at)
        content = self.stream.read(length)
        if len(content) < length:
            raise _OutOfTheOrdinary
        return content

    def _unpacked(self, how: Callable[[bytes, int], tuple[int, ...]], at: int, needed: int) -> tuple[int, ...]:
        i = at - self.base
        if i < 0 or i + needed > len(self.buffer):
            self._window(at)
            i = 0
        return how(self.buffer, i)

    def _sequence(self, tag: int, kind: bytes | None, start: int, length: int, depth: int = 0) -> int:
        """Where a sequence ends; its elements are kept where everything is asked for. Raises for what is no sequence."""
        if depth > DEEPEST or self.big or kind not in SEQUENCES:
            raise _OutOfTheOrdinary
        # PS3.5 6.2.2: what is UN holds implicit elements.
        implicit = kind != b"SQ"
        keep = self.nested
        place = len(keep) if keep is not None else 0
        if keep is not None:
            keep.append((tag, (b"SQ", b"")))
            if tag == PER_FRAME:
                self.nested = None  # geometry of thousands of frames: passed over
        end = start + length if length != UNDEFINED else None
        if (end or 0) > self.size:
            raise _OutOfTheOrdinary
        if tag == PER_FRAME and end is not None:
            at, filled = end, length > 0
        else:
            at, filled = self._items(start, end, implicit=implicit, depth=depth)
        if keep is not None:
            self.nested = keep
            if filled:
                keep[place] = (tag, (b"SQ", b"x"))
        return at

    def _items(self, at: int, end: int | None, *, implicit: bool, depth: int) -> tuple[int, bool]:
        filled = False
        while end is None or at < end:
            self._step()
            group, element, length = self._unpacked(IMPLICIT_ELEMENT, at, 8)
            mark = group << 16 | element
            at += 8
            if mark == SEQUENCE_END and end is None and length == 0:
                return at, filled
            if mark != ITEM:
                raise _OutOfTheOrdinary
            filled = True
            stop = at + length if length != UNDEFINED else None
            if (stop or 0) > (end or self.size):
                raise _OutOfTheOrdinary
            if stop is not None and self.nested is None:
                at = stop
                continue
            at = self._item(at, stop, implicit=implicit, depth=depth)
        if at != end:
            raise _OutOfTheOrdinary
        return at, filled

    def _item(self, at: int, stop: int | None, *, implicit: bool, depth: int) -> int:
        """Where an item ends."""
        if not self.implicit and (stop is None or at + 6 <= stop) and self._looks_explicit(at) == implicit:
            raise _OutOfTheOrdinary
        while stop is None or at < stop:
            self._step()
            tag, kind, length, place = self._announced(at, implicit=implicit)
            if tag == ITEM_END and stop is None:
                return place
            if not 0x00080000 <= tag < ITEM:
                raise _OutOfTheOrdinary
            if length == UNDEFINED or (self.nested is not None and self._holds_items(kind, place, length)):
                at = self._sequence(tag, kind, place, length, depth + 1)
                continue
            at = place + length
            if at > (stop or self.size):
                raise _OutOfTheOrdinary
            if self.nested is not None and (kind in TELLING or tag in self.sought or (tag >> 16) & 1):
                self.nested.append((tag, (kind, self._content(place, min(length, LONGEST)))))
        if at != stop:
            raise _OutOfTheOrdinary
        return at

    def _announced(self, at: int, *, implicit: bool) -> tuple[int, bytes | None, int, int]:
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
            raise _OutOfTheOrdinary
        return tag, kind, length, at + 8

    def _looks_explicit(self, at: int) -> bool | None:
        """Whether an item's first element has a value representation; None of an empty item."""
        self._unpacked(LENGTH, at, 8)
        i = at - self.base
        if self.buffer[i : i + 4] == b"\xfe\xff\x0d\xe0":
            return None
        return 0x40 < self.buffer[i + 4] < 0x5B and 0x40 < self.buffer[i + 5] < 0x5B

    def _step(self) -> None:
        self.count += 1
        if self.count > MOST_ELEMENTS:
            raise _too_many()


def _too_many() -> DecodeFailure:
    return DecodeFailure("decode:too_large", f"The header has more than {MOST_ELEMENTS:,} elements.")


SEQUENCES: tuple[bytes | None, ...] = (b"SQ", b"UN", None)
