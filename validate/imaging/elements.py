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
from typing import Any, BinaryIO

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
from validate.imaging.file_meta import BIG, DEFLATED, EXPLICIT, IMPLICIT, TRANSFER_SYNTAX, file_meta
from validate.imaging.frame_values import FrameValues, frame_values
from validate.imaging.header_walk import (
    ITEM,
    LONGEST,
    MOST_ELEMENTS,
    PER_FRAME,
    TELLING,
    HeaderWalk,
    OutOfTheOrdinary,
    too_many,
)

LOWEST, HIGHEST = 0x00080000, 0x7FE00008  # of tags between file meta and pixels
Unpack = Callable[[bytes, int], tuple[Any, ...]]
PER_FRAME_GROUP = PER_FRAME >> 16
FIRST_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})


@dataclass(frozen=True, slots=True)
class Elements:
    """A header as it lies in the file.

    meta, values : wanted elements of the file meta group and of the top level, by tag; the last of a tag counts
    found : where tags were sought, (tag, value) of each of them at every level, of every text and of every private element,
        in the order of the file; a sequence has b"x" as its content where it has items
    pixels_at : where the element begins that holds the pixels, or the end of the file
    frames : what the frames of an enhanced object say, where that was asked for
    """

    meta: dict[int, bytes]
    values: dict[int, Value]
    found: list[tuple[int, Value]] | None
    implicit: bool
    little: bool
    pixels_at: int
    size: int = field(default=0)
    frames: FrameValues | None = None


def scan(
    stream: BinaryIO,
    head: bytes,
    size: int,
    wanted: Container[int],
    *,
    sought: Container[int] | None = None,
    frames: bool = False,
) -> Elements | None:
    """One pass over the header, or None where pydicom must read it.

    head : the file's first bytes, as many as the caller has read      size : of the whole file
    sought : tags to be found at any level; None where the top level is enough      frames : whether also what frames say is asked for
    Raises DecodeFailure (decode:too_large) where there are more elements than any image has.
    """
    try:
        return _elements(HeaderWalk(stream, head, size, sought), head, wanted, frames=frames)
    except (OutOfTheOrdinary, struct.error, LookupError):
        return None


def _elements(walk: HeaderWalk, head: bytes, wanted: Container[int], *, frames: bool) -> Elements:
    start = 132 if head[128:132] == b"DICM" else 0
    found = file_meta(head, start)
    if found is None:
        raise OutOfTheOrdinary
    meta, at = found
    _set_encoding(walk, head, meta.get(TRANSFER_SYNTAX), at)
    values: dict[int, Value] = {}
    pixels_at = _top(walk, wanted, at, values)
    found_inside = walk.found
    said = frame_values(walk, *walk.frames) if frames and walk.frames is not None else None
    return Elements(meta, values, found_inside, walk.implicit, not walk.big, pixels_at, walk.size, said)


def _set_encoding(walk: HeaderWalk, head: bytes, syntax: bytes | None, at: int) -> None:
    """As file meta says; without it, as the first element shows. Where the two disagree, pydicom decides."""
    looks_explicit = 0x40 < head[at + 4] < 0x5B and 0x40 < head[at + 5] < 0x5B
    if syntax is None:
        if looks_explicit and head[at + 4 : at + 6] not in LONG | SHORT:
            raise OutOfTheOrdinary
        walk.implicit = not looks_explicit
        # A big endian group, read as little endian, is at least 0x0400 up to group 0x00FF.
        walk.big = looks_explicit and head[at + 1] >= 4
        return
    syntax = syntax.rstrip(b"\0 ")
    if syntax == BIG:
        walk.big = True
    elif syntax == IMPLICIT:
        walk.implicit = True
    elif syntax == DEFLATED or not syntax.startswith(EXPLICIT):
        raise OutOfTheOrdinary
    if walk.implicit == looks_explicit:
        raise OutOfTheOrdinary


def _top(walk: HeaderWalk, wanted: Container[int], at: int, values: dict[int, Value]) -> int:  # noqa: C901, PLR0912, PLR0915 (the one hot loop, in one piece)
    """Read the top level; returns where the pixels begin, or the end of the file."""
    size, implicit, nested = walk.size, walk.implicit, walk.found
    read, order = (BIG_EXPLICIT, BIG_LENGTH) if walk.big else (META, LENGTH)
    announced, telling, sought, found = ANNOUNCED, TELLING, walk.sought, nested if nested is not None else []
    buffer, base = walk.buffer, walk.base
    full = len(buffer)
    kind: bytes | None = None
    place = 8
    plain = not implicit and nested is None
    fresh = plain
    for _ in range(MOST_ELEMENTS):
        if fresh:
            at, fresh = _over_plain(walk, wanted, at, values, read, order), False
        i = at - base
        if i + 12 > full:
            if at + 8 > size:
                if at != size:
                    raise OutOfTheOrdinary
                return at
            buffer, base, i = walk.window(at), at, 0
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
                raise OutOfTheOrdinary
        at += place
        if (place == 12 or implicit) and (
            length == UNDEFINED or (nested is not None and walk.holds_items(kind, at, length))
        ):
            if tag == PER_FRAME:
                walk.frames = (at, length)
            start, at = at, walk.sequence(tag, kind, at, length)
            if tag in wanted:
                values[tag] = (kind, walk.items(kind, start, at))
            buffer, base = walk.buffer, walk.base
            full = len(buffer)
            fresh = plain
            continue
        if nested is None and tag == PER_FRAME:
            walk.frames = (at, length)
        start, at = at, at + length
        if at > size:
            raise OutOfTheOrdinary
        kept = nested is not None and (kind in telling or tag in sought or group & 1)
        if kept or tag in wanted:
            i += place
            if i + length <= full:
                content = buffer[i : i + length]
            elif tag in wanted and length > LONGEST:
                raise OutOfTheOrdinary
            else:
                content = walk.content(start, min(length, LONGEST))
            if tag in wanted:
                values[tag] = (kind, content)
            if kept:
                found.append((tag, (kind, content)))
    raise too_many()


def _over_plain(
    walk: HeaderWalk, wanted: Container[int], at: int, values: dict[int, Value], read: Unpack, order: Unpack
) -> int:
    """Over elements that are as most are: explicit, of known length, all in the buffer. Where the first is not."""
    buffer, short, long = walk.buffer, SHORT, LONG
    full, i = len(buffer), at - walk.base
    last = full - 12
    done = 0
    for done in range(full >> 3):  # noqa: B007 (how many there were)
        if i > last:
            break
        group, element, kind, length = read(buffer, i)
        start = i + 8
        if kind not in short:
            if kind not in long:
                break
            length, start = order(buffer, start)[0], i + 12
        end = start + length
        if end > full or not 8 <= group < PER_FRAME_GROUP:
            break
        tag = group << 16 | element
        if tag in wanted:
            values[tag] = (kind, buffer[start:end])
        i = end
    walk.count += done
    if walk.count > MOST_ELEMENTS:
        raise too_many()
    return walk.base + i
